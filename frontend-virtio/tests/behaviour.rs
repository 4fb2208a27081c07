// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the standard says of the device (virtio 1.3, section 5.17), sentence by sentence.

mod common;

use common::{World, entry};
use vgpio_protocol::{Lines, Reason};
use vgpio_virtio::{
    Answer, Device, DeviceError, Direction, IrqStatus, IrqType, Kind, LATCHED_MAX, Request,
    Response,
};

const INPUT: u32 = Direction::In as u32;
const OUTPUT: u32 = Direction::Out as u32;
const NONE: u32 = Direction::None as u32;

fn value(value: u8) -> Response {
    Response { ok: true, value }
}

fn armed(kind: IrqType) -> World {
    let mut world = World::new(4, 0);
    assert_eq!(world.request(Kind::SetDirection, 0, INPUT), Response::OK);
    assert_eq!(world.request(Kind::SetIrqType, 0, kind as u32), Response::OK);
    world
}

#[test]
fn the_configuration_says_how_many_lines_there_are_and_how_long_their_names() {
    let entries = [entry(0, "LED", false), entry(3, "BUTTON", false), entry(2, "", false)];
    let device: Device<u32> = Device::new(&Lines::new(&entries)).expect("low lines");
    assert_eq!(device.names(), b"LED\0\0\0BUTTON\0");
    assert_eq!(device.config(), [4, 0, 0, 0, 13, 0, 0, 0]);
}

#[test]
fn names_are_told_once_and_in_ascii_only() {
    let entries = [entry(0, "A", false), entry(1, "A", false), entry(2, "\u{e9}", false)];
    let device: Device<u32> = Device::new(&Lines::new(&entries)).expect("low lines");
    assert_eq!(device.names(), b"A\0\0\0");
    let entries = [entry(0, "", false), entry(1, "\u{e9}", false)];
    let mut device: Device<u32> = Device::new(&Lines::new(&entries)).expect("low lines");
    assert_eq!(device.config(), [2, 0, 0, 0, 0, 0, 0, 0]);
    let ask = Request { kind: Kind::GetLineNames as u16, gpio: 0, value: 0 };
    assert_eq!(device.request(ask), Answer::Now(Response::ERROR));
}

#[test]
fn a_line_may_have_any_number_but_the_last() {
    let entries = [entry(u16::MAX, "", false)];
    assert_eq!(Device::<u32>::new(&Lines::new(&entries)).err(), Some(DeviceError(u16::MAX)));
    let entries = [entry(u16::MAX - 1, "", false)];
    let device: Device<u32> = Device::new(&Lines::new(&entries)).expect("the last line");
    assert_eq!(device.config()[..2], [0xff, 0xff]);
}

#[test]
fn a_level_that_is_set_before_the_direction_is_the_outputs_first() {
    let mut world = World::new(2, 0);
    assert_eq!(world.request(Kind::SetValue, 1, 1), Response::OK);
    assert!(!world.hosts[1].level, "it is still an input");
    assert_eq!(world.request(Kind::SetDirection, 1, OUTPUT), Response::OK);
    assert!(world.hosts[1].output && world.hosts[1].level);
    assert_eq!(world.request(Kind::GetDirection, 1, 0), value(1));
    assert_eq!(world.request(Kind::SetValue, 1, 0), Response::OK);
    assert!(!world.hosts[1].level);
    assert_eq!(world.request(Kind::GetValue, 1, 0), value(0));
}

#[test]
fn a_line_without_direction_is_what_it_was_when_it_was_attached() {
    let mut world = World::new(2, 0b10);
    assert_eq!(world.request(Kind::GetDirection, 0, 0), value(2));
    assert_eq!(world.request(Kind::GetDirection, 1, 0), value(1));
    for line in 0..2 {
        assert_eq!(world.request(Kind::SetDirection, line, OUTPUT), Response::OK);
        assert_eq!(world.request(Kind::SetValue, line, 0), Response::OK);
        assert_eq!(world.request(Kind::SetDirection, line, NONE), Response::OK);
        assert_eq!(world.request(Kind::GetDirection, line, 0), value(0));
    }
    assert!(!world.hosts[0].output);
    assert!(world.hosts[1].output && world.hosts[1].level);
}

#[test]
fn without_direction_all_state_is_discarded() {
    let mut world = armed(IrqType::EdgeRising);
    assert_eq!(world.request(Kind::SetValue, 0, 1), Response::OK);
    world.edge(0, true);
    assert_eq!(world.request(Kind::SetDirection, 0, NONE), Response::OK);
    let buffer = world.unmask(0);
    assert_eq!(world.take_returned(), [(buffer, IrqStatus::Invalid)], "no interrupt is enabled");
    assert_eq!(world.request(Kind::SetDirection, 0, OUTPUT), Response::OK);
    assert!(!world.hosts[0].level, "the level was discarded");
}

#[test]
fn what_is_no_request_fails() {
    let mut world = World::new(2, 0);
    for (kind, gpio, value) in [
        (0, 0, 0),
        (7, 0, 0),
        (u16::MAX, 0, 0),
        (Kind::GetValue as u16, 2, 0),
        (Kind::SetDirection as u16, u16::MAX, 0),
        (Kind::SetDirection as u16, 0, 3),
        (Kind::SetValue as u16, 0, 2),
        (Kind::SetIrqType as u16, 0, 5),
        (Kind::SetIrqType as u16, 0, u32::MAX),
    ] {
        assert_eq!(world.raw(Request { kind, gpio, value }), Response::ERROR, "{kind} {value}");
    }
}

#[test]
fn interrupts_need_the_feature_and_an_input() {
    let mut world = World::new(1, 0);
    world.device.set_interrupts(false);
    let rising = IrqType::EdgeRising as u32;
    assert_eq!(world.request(Kind::SetIrqType, 0, rising), Response::ERROR);
    world.device.set_interrupts(true);
    assert_eq!(world.request(Kind::SetIrqType, 0, rising), Response::OK);
    assert_eq!(world.request(Kind::SetDirection, 0, OUTPUT), Response::ERROR);
    assert_eq!(world.request(Kind::SetIrqType, 0, 0), Response::OK);
    assert_eq!(world.request(Kind::SetDirection, 0, OUTPUT), Response::OK);
    assert_eq!(world.request(Kind::SetIrqType, 0, rising), Response::ERROR);
}

#[test]
fn an_edge_makes_an_interrupt_which_masks_it() {
    for (kind, told) in [
        (IrqType::EdgeRising, [true, false]),
        (IrqType::EdgeFalling, [false, true]),
        (IrqType::EdgeBoth, [true, true]),
    ] {
        let mut world = armed(kind);
        for (level, told) in [true, false].into_iter().zip(told) {
            let buffer = world.unmask(0);
            world.edge(0, level);
            let expected = if told { vec![(buffer, IrqStatus::Valid)] } else { vec![] };
            assert_eq!(world.take_returned(), expected, "{kind:?} {level}");
            world.request(Kind::SetIrqType, 0, 0);
            world.take_returned();
            world.request(Kind::SetIrqType, 0, kind as u32);
        }
    }
}

#[test]
fn edges_are_latched_while_there_is_no_buffer() {
    let mut world = armed(IrqType::EdgeBoth);
    for level in [true, false, true] {
        world.edge(0, level);
    }
    assert_eq!(world.take_returned(), []);
    for _ in 0..3 {
        let buffer = world.unmask(0);
        assert_eq!(world.take_returned(), [(buffer, IrqStatus::Valid)]);
    }
    world.unmask(0);
    assert_eq!(world.take_returned(), []);
}

#[test]
fn more_edges_than_can_be_latched_are_counted() {
    let mut world = armed(IrqType::EdgeBoth);
    for i in 0..u32::from(LATCHED_MAX) + 5 {
        world.edge(0, i % 2 == 0);
    }
    assert_eq!(world.device.dropped(), 5);
    for _ in 0..LATCHED_MAX {
        world.unmask(0);
    }
    assert_eq!(world.take_returned().len(), LATCHED_MAX.into());
    world.unmask(0);
    assert_eq!(world.take_returned(), []);
}

#[test]
fn disabling_returns_the_buffer_and_discards_what_was_latched() {
    let mut world = armed(IrqType::EdgeRising);
    world.edge(0, true);
    world.request(Kind::SetIrqType, 0, 0);
    world.request(Kind::SetIrqType, 0, IrqType::EdgeRising as u32);
    let buffer = world.unmask(0);
    assert_eq!(world.take_returned(), [], "what was latched is discarded");
    assert_eq!(world.request(Kind::SetIrqType, 0, 0), Response::OK);
    assert_eq!(world.take_returned(), [(buffer, IrqStatus::Invalid)]);
}

#[test]
fn a_buffer_that_cannot_be_used_comes_back() {
    let mut world = armed(IrqType::EdgeRising);
    for line in [1, 4, u16::MAX] {
        let buffer = world.unmask(line);
        assert_eq!(world.take_returned(), [(buffer, IrqStatus::Invalid)], "line {line}");
    }
    let first = world.unmask(0);
    let second = world.unmask(0);
    assert_eq!(world.take_returned(), [(second, IrqStatus::Invalid)]);
    world.edge(0, true);
    assert_eq!(world.take_returned(), [(first, IrqStatus::Valid)]);
}

#[test]
fn a_level_interrupts_again_and_again_while_it_holds() {
    for (kind, active) in [(IrqType::LevelHigh, true), (IrqType::LevelLow, false)] {
        let mut world = armed(kind);
        world.edge(0, active);
        for _ in 0..3 {
            let buffer = world.unmask(0);
            assert_eq!(world.take_returned(), [(buffer, IrqStatus::Valid)], "{kind:?}");
        }
        world.edge(0, !active);
        let buffer = world.unmask(0);
        assert_eq!(world.take_returned(), [], "{kind:?}");
        world.edge(0, active);
        assert_eq!(world.take_returned(), [(buffer, IrqStatus::Valid)], "{kind:?}");
    }
}

#[test]
fn a_type_that_is_changed_holds_at_once_for_the_buffer_that_is_there() {
    let mut world = armed(IrqType::EdgeRising);
    let buffer = world.unmask(0);
    assert_eq!(world.request(Kind::SetIrqType, 0, IrqType::LevelLow as u32), Response::OK);
    assert_eq!(world.take_returned(), [(buffer, IrqStatus::Valid)]);
}

#[test]
fn a_level_that_has_gone_makes_no_interrupt() {
    let mut world = armed(IrqType::LevelHigh);
    // While the interrupt is masked, the level is not latched.
    world.edge(0, true);
    world.edge(0, false);
    world.unmask(0);
    assert_eq!(world.take_returned(), []);
    world.request(Kind::SetIrqType, 0, 0);
    world.take_returned();
    // Nor is it believed, where its end has not been told yet.
    world.request(Kind::SetIrqType, 0, IrqType::LevelHigh as u32);
    world.edge(0, true);
    world.change_unseen(0, false);
    world.unmask(0);
    assert_eq!(world.take_returned(), []);
}

#[test]
fn a_buffer_is_held_while_the_chip_is_gone() {
    let mut world = armed(IrqType::EdgeRising);
    let buffer = world.unmask(0);
    world.lose(1);
    assert_eq!(world.request(Kind::GetValue, 0, 0), Response::ERROR);
    assert_eq!(world.take_returned(), []);
    world.restore(1);
    assert_eq!(world.take_returned(), [], "it has not changed");
    world.lose(1);
    world.change_unseen(0, true);
    world.restore(1);
    assert_eq!(world.take_returned(), [(buffer, IrqStatus::Valid)], "it has risen meanwhile");
}

#[test]
fn what_is_set_while_the_chip_is_gone_is_taken_for_done() {
    let mut world = World::new(1, 0);
    world.lose(1);
    assert_eq!(world.request(Kind::SetValue, 0, 1), Response::OK);
    assert_eq!(world.request(Kind::SetDirection, 0, OUTPUT), Response::OK);
    assert_eq!(world.request(Kind::SetValue, 0, 0), Response::OK);
    assert_eq!(world.request(Kind::GetDirection, 0, 0), value(1));
}

#[test]
fn a_request_that_the_host_refuses_fails_and_changes_nothing() {
    let mut world = World::new(1, 0);
    world.hosts[0].refuses = true;
    assert_eq!(world.request(Kind::SetDirection, 0, OUTPUT), Response::ERROR);
    assert_eq!(world.request(Kind::GetDirection, 0, 0), value(2));
    assert_eq!(world.request(Kind::SetIrqType, 0, 1), Response::ERROR);
}

#[test]
fn lost_edges_make_one_interrupt() {
    let mut world = armed(IrqType::EdgeFalling);
    let buffer = world.unmask(0);
    world.snapshot(1, Reason::Resync, 0);
    assert_eq!(world.take_returned(), [], "nothing was lost, and the level is the same");
    world.snapshot(1, Reason::Resync, 7);
    assert_eq!(world.take_returned(), [(buffer, IrqStatus::Valid)]);
    world.unmask(0);
    assert_eq!(world.take_returned(), []);
}

#[test]
fn reset_forgets_the_guest_and_gives_the_lines_back() {
    let mut world = armed(IrqType::EdgeBoth);
    world.unmask(0);
    world.request(Kind::SetValue, 1, 1);
    world.request(Kind::SetDirection, 1, OUTPUT);
    world.device.reset();
    world.serve();
    assert_eq!(world.take_returned(), [], "the queue of the buffers is no more");
    assert!(!world.hosts[1].output);
    let buffer = world.unmask(0);
    assert_eq!(world.take_returned(), [(buffer, IrqStatus::Invalid)], "no interrupt is enabled");
    assert_eq!(world.request(Kind::GetDirection, 1, 0), value(2));
}
