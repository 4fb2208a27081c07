// SPDX-License-Identifier: MIT OR Apache-2.0
//! The virtio device of the daemon, from its driver's side: every message, and interrupts.

use vgpio_protocol::Direction;
use vgpio_tests::harness::Outside;
use vgpio_virtio::{IrqType, Kind};

use super::Device;

const VALID: u8 = 1;
const INVALID: u8 = 0;

#[test]
fn configuration_and_names_are_those_of_the_export() {
    let device = Device::lending("vgpios=0:1:4,gpios=11:20:21");
    let mut guest = device.guest();
    assert_eq!(guest.config(), [5, 0, 0, 0, 15, 0, 0, 0]);
    assert_eq!(guest.config_at(2, 12), [0, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(guest.names(15), b"LED1\0\0\0\0BUTTON\0");
}

#[test]
fn directions_and_levels_reach_the_chip_and_come_from_it() {
    let mut device = Device::lending("vgpios=0:1,gpios=11:21");
    let mut guest = device.guest();
    assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 2);
    assert_eq!(guest.ask(Kind::SetValue, 0, 1), 0);
    assert!(!device.bench.world.level(11), "not yet an output");
    assert_eq!(guest.ask(Kind::SetDirection, 0, 1), 0);
    assert!(device.bench.world.level(11));
    assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 1);
    for level in [0, 1, 0] {
        guest.ask(Kind::SetValue, 0, level);
        assert_eq!(device.bench.world.level(11), level == 1);
        assert_eq!(u32::from(guest.ask(Kind::GetValue, 0, 0)), level);
    }
    guest.ask(Kind::SetDirection, 1, 2);
    for high in [true, false] {
        device.bench.world.pull(21, high);
        assert_eq!(guest.ask(Kind::GetValue, 1, 0), u8::from(high));
    }
    assert_eq!(guest.ask(Kind::SetDirection, 0, 0), 0);
    assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 0);
    assert_eq!(device.bench.world.info(11).direction, Direction::Input);
}

#[test]
fn what_may_not_change_yet_fails_and_stays() {
    let mut device = Device::lending("vgpios=0,gpios=11,min-hold=4000s");
    let mut guest = device.guest();
    assert_eq!(guest.request(Kind::SetDirection, 0, 1), [0, 0]);
    assert_eq!(guest.request(Kind::SetValue, 0, 1), [0, 0]);
    assert_eq!(guest.request(Kind::SetValue, 0, 0), [1, 0]);
    assert_eq!(guest.request(Kind::SetDirection, 0, 2), [1, 0]);
    assert_eq!(guest.request(Kind::SetValue, 0, 1), [0, 0]);
    assert!(device.bench.world.level(11));
    assert_eq!(device.bench.world.info(11).direction, Direction::Output);
    assert_eq!(device.bench.daemon.status().sessions[0].lines[0].refused, 2);
}

#[test]
fn what_cannot_be_done_fails() {
    let device = Device::lending("vgpios=0:2,gpios=11:21");
    let mut guest = device.guest();
    for (kind, gpio, value) in [
        (Kind::SetDirection, 1, 1),
        (Kind::GetValue, 3, 0),
        (Kind::GetDirection, u16::MAX, 0),
        (Kind::SetDirection, 0, 7),
        (Kind::SetValue, 0, 2),
        (Kind::SetIrqType, 0, 6),
    ] {
        assert_eq!(guest.request(kind, gpio, value), [1, 0], "{kind:?} of line {gpio}: {value}");
    }
    assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 2, "service goes on");
}

#[test]
fn every_edge_makes_an_interrupt() {
    let mut device = Device::lending("vgpios=0,gpios=21");
    let mut guest = device.guest();
    guest.arm(0, IrqType::EdgeBoth);
    for i in 0..1000 {
        let buffer = guest.unmask(0);
        guest.no_interrupt();
        device.bench.world.pull(21, i % 2 == 0);
        assert_eq!(guest.interrupt(0, buffer), VALID, "edge {i}");
    }
}

#[test]
fn a_level_interrupts_while_it_holds() {
    let mut device = Device::lending("vgpios=0,gpios=21");
    let mut guest = device.guest();
    guest.arm(0, IrqType::LevelHigh);
    let mut buffer = guest.unmask(0);
    guest.no_interrupt();
    device.bench.world.pull(21, true);
    for _ in 0..3 {
        assert_eq!(guest.interrupt(0, buffer), VALID);
        buffer = guest.unmask(0);
    }
    assert_eq!(guest.interrupt(0, buffer), VALID);
    device.bench.world.pull(21, false);
    guest.unmask(0);
    guest.no_interrupt();
}

#[test]
fn disarming_returns_the_buffer() {
    let device = Device::lending("vgpios=0:1,gpios=21:20");
    let mut guest = device.guest();
    guest.arm(0, IrqType::EdgeRising);
    let first = guest.unmask(0);
    let second = guest.unmask(0);
    assert_eq!(guest.interrupt(0, second), INVALID, "the line has a buffer");
    guest.ask(Kind::SetIrqType, 0, 0);
    assert_eq!(guest.interrupt(0, first), INVALID);
    let buffer = guest.unmask(1);
    assert_eq!(guest.interrupt(1, buffer), INVALID, "the line is not armed");
}

#[test]
fn a_line_that_is_armed_is_read_without_delay() {
    let mut device = Device::lending("vgpios=0,gpios=21");
    let mut guest = device.guest();
    guest.arm(0, IrqType::EdgeBoth);
    guest.unmask(0);
    for i in 0..200 {
        device.bench.world.pull(21, i % 2 == 0);
        assert_eq!(guest.ask(Kind::GetValue, 0, 0), u8::from(i % 2 == 0));
    }
}
