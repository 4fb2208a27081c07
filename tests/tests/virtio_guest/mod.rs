// SPDX-License-Identifier: MIT OR Apache-2.0
//! One suite of a real guest with a virtio device, in an unpatched QEMU, for every kind of chip and of machine: the
//! test program that has this module says by its `Chip` and its `MACHINE` which they are.

mod edges;
mod lines;

use std::path::PathBuf;

use serde_json::Value;
use vgpio_tests::harness::{self, Vm};

use crate::{Chip, MACHINE};

/// The host's line of the button.
pub const BUTTON: u32 = 21;
/// The guest's line of it.
pub const LINE: u32 = 5;
/// The lines that the guest of most tests has.
pub const LINES: &str = "vgpios=0:1:2:5,gpios=11:12:13:21";

/// A daemon that lends an export as a virtio device.
pub struct World {
    pub bench: harness::Bench<Chip>,
    pub socket: PathBuf,
}

impl World {
    pub fn lending(keys: &str) -> Self {
        let (bench, socket) = harness::Bench::lending_virtio(keys);
        Self { bench, socket }
    }

    pub fn boot(&self) -> Vm {
        MACHINE(&[&self.socket]).boot()
    }

    /// The guest's chip. The machine may have others.
    pub fn chip(vm: &mut Vm) -> String {
        vm.run("echo /dev/$(gpiodetect | sed -n 's/ .virtio.*//p')")
    }

    /// What counts the interrupts of a guest's line, by who has asked for them.
    pub fn counting(who: &str) -> String {
        format!("awk '$NF == \"{who}\" {{ print $2 }}' /proc/interrupts")
    }

    /// Waits until a file of the guest has a line of `gpiobench`'s with this key, and returns it.
    pub fn measured(vm: &mut Vm, file: &str, key: &str) -> Value {
        vm.wait_for(&format!("grep -c {key} {file}"), "1");
        serde_json::from_str(&vm.run(&format!("tail -n 1 {file}"))).expect("JSON")
    }

    pub fn wait_for(&self, vm: &mut Vm, command: &str, count: u32) {
        if !vm.becomes(command, &count.to_string()) {
            let has = vm.try_run(command).output;
            let counters = self.bench.daemon.status().sessions[0].counters;
            panic!("{count} edges were made, the guest has {has}; {counters:?}");
        }
    }
}
