// SPDX-License-Identifier: MIT OR Apache-2.0
//! A daemon that is killed in the middle of its work, wherever that may be.

use std::collections::BTreeMap;
use std::thread;

use serde::de::IgnoredAny;
use vgpio_backend::control::api::Pull;
use vgpio_backend::control::{Client, Command, PadPull};
use vgpio_tests::harness::pad;
use vgpio_tests::harness::virtio::VirtioGuest;
use vgpio_virtio::{EVENT_QUEUE, IrqType, Kind};

use crate::virtio::Device;

const GPIOS: [u32; 4] = [11, 12, 13, 21];
const LINES: u16 = 4;

/// Presses all buttons again and again, until the daemon is no more.
fn press_all(mut control: Client) {
    let mut high = true;
    loop {
        let pull =
            |offset| PadPull { pad: pad(offset), pull: if high { Pull::Up } else { Pull::Down } };
        let pads = GPIOS.into_iter().map(pull).collect();
        if control.ask::<IgnoredAny>(&Command::Pull { pads }).is_err() {
            return;
        }
        high = !high;
    }
}

/// Takes interrupts, and gives each buffer back, until there were so many.
fn take(guest: &mut VirtioGuest, out: &mut BTreeMap<u16, u16>, count: u32) {
    for _ in 0..count {
        let (head, written) = guest.rings[EVENT_QUEUE].wait(&guest.memory);
        let line = out.remove(&head).unwrap_or_else(|| panic!("{head} was not out: {out:?}"));
        assert_eq!(written, 1);
        out.insert(guest.unmask(line), line);
    }
}

#[test]
fn every_buffer_comes_back_exactly_once_from_the_middle_of_a_storm() {
    let mut device = Device::lending("vgpios=0:1:2:3,gpios=11:12:13:21");
    let mut guest = VirtioGuest::start_kept(&device.socket);
    let mut out = BTreeMap::new();
    for line in 0..LINES {
        guest.arm(line, IrqType::EdgeBoth);
        out.insert(guest.unmask(line), line);
    }
    for round in 0..20 {
        let control = device.bench.daemon.control();
        let presses = thread::spawn(move || press_all(control));
        take(&mut guest, &mut out, 20 + 7 * round);
        device = device.killed();
        presses.join().expect("it ends with the daemon");
        guest.reconnect();
    }
    for line in 0..LINES {
        guest.ask(Kind::SetIrqType, line, 0);
    }
    let VirtioGuest { memory, rings: [_, events], .. } = &mut guest;
    while !out.is_empty() {
        let (head, _) = events.wait(memory);
        out.remove(&head).unwrap_or_else(|| panic!("{head} was not out: {out:?}"));
    }
    assert_eq!(events.try_take(memory), None);
}
