// SPDX-License-Identifier: MIT OR Apache-2.0
//! A real guest: Linux in QEMU.

use nix::sys::signal::{Signal, kill};
use vgpio_tests::harness::{Daemon, GpioSim, Machine, Outside, Vm, eventually};

use super::CHIPS;

/// Lines of the chip that its first two lines are, which are outputs, and of its fifth and sixth, which are inputs.
const OUTPUTS: [u32; 2] = [24, 25];
const INPUTS: [u32; 2] = [28, 29];
/// Edges of each input while nobody takes them.
const EDGES: u32 = 50;

pub struct Virtual {
    vm: Vm,
    set: u64,
    pulled: [bool; 2],
}

/// The export of its lines.
pub fn export() -> String {
    let [[a, b], [c, d]] = [OUTPUTS, INPUTS];
    let map = format!("{},vgpios=0:1:4:5,gpios={a}:{b}:{c}:{d},safe=low", CHIPS[Virtual::CHIP]);
    format!("[[export]]\nname = 'machine'\nmap = '{map}'")
}

impl Virtual {
    /// The chip that it has lines of.
    pub const CHIP: usize = 0;

    pub fn boot(daemon: &Daemon) -> Self {
        let vm = Machine::new(daemon, &["export=machine"]).boot();
        let mut machine = Self { vm, set: 0, pulled: [false; 2] };
        machine.become_outputs();
        machine
    }

    fn become_outputs(&mut self) {
        for line in [512, 513] {
            self.vm.run(&format!("echo {line} >/sys/class/gpio/export"));
            self.vm.run(&format!("echo low >/sys/class/gpio/gpio{line}/direction"));
        }
        self.set = 0;
    }

    /// Its QEMU is killed, and another one is started.
    pub fn die(&mut self, daemon: &Daemon, chip: &mut GpioSim) {
        kill(self.vm.pid(), Signal::SIGKILL).expect("it runs");
        eventually("its outputs are in their safe state", || {
            (chip.levels(&OUTPUTS) == 0).then_some(())
        });
        let pulled = self.pulled;
        *self = Self { pulled, ..Self::boot(daemon) };
    }

    /// Sets its outputs: a program in the guest does.
    pub fn set(&mut self, levels: u64) {
        let write = |line: u64| {
            format!("echo {} >/sys/class/gpio/gpio{}/value", levels >> line & 1, 512 + line)
        };
        self.vm.run(&format!("{}; {}", write(0), write(1)));
        self.set = levels & 0b11;
    }

    /// Pulls its inputs, from outside.
    pub fn pull(&mut self, chip: &mut GpioSim, levels: [bool; 2]) {
        for (offset, high) in INPUTS.into_iter().zip(levels) {
            chip.pull(offset, high);
        }
        self.pulled = levels;
    }

    /// Pulls them up and down while its QEMU does not run, and leaves them at these levels.
    pub fn pull_while_stopped(&mut self, chip: &mut GpioSim, levels: [bool; 2]) {
        kill(self.vm.pid(), Signal::SIGSTOP).expect("it runs");
        for offset in INPUTS {
            chip.wiggle(offset, EDGES);
        }
        self.pull(chip, levels);
        kill(self.vm.pid(), Signal::SIGCONT).expect("it runs");
    }

    /// Its chip is a new one, whose lines nobody has pulled.
    pub fn meets_new_chip(&mut self) {
        self.pulled = [false; 2];
    }

    /// Waits until it has its lines, the outside sees what it has written, and QEMU what the outside has pulled.
    pub fn settles(&mut self, chip: &mut GpioSim) {
        let what = format!("the machine sees {:?} and sets {:#b}", self.pulled, self.set);
        eventually(&what, || {
            let gpiodev = self.vm.gpiodev();
            let lines = gpiodev["lines"].as_array()?;
            let sees = INPUTS.map(|offset| {
                lines.iter().any(|line| line["offset"] == offset && line["level"] == true)
            });
            let is_right = sees == self.pulled && chip.levels(&OUTPUTS) == self.set;
            (gpiodev["state"] == "attached" && is_right).then_some(())
        });
    }
}
