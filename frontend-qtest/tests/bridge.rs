// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the guest does reaches the host, and the other way round.
#![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

mod common;

use std::time::Duration;

use common::{LOOK, PATH, Qemu, Told, World};
use proptest::prelude::*;
use vgpio_qtest::Error;
use vgpio_qtest::bridge::Bridge;
use vgpio_qtest::device::{Device, Kind, VIRT_BASE};
use vgpio_qtest::wire::Message;

const MS: Duration = Duration::from_millis(1);

#[test]
fn the_first_level_of_an_output_is_the_one_it_gets_and_every_transition_follows() {
    let mut world = World::new(0, None);
    world.qemu.set_direction(0x01);
    for data in [1, 0, 1, 0] {
        world.qemu.write(0x01, data);
    }
    world.settle();
    let direct = Told::Direct { mask: 1, outputs: 1, bits: 1 };
    assert_eq!(
        world.host.told,
        [direct, Told::Set(0, false), Told::Set(0, true), Told::Set(0, false)]
    );
}

#[test]
fn what_the_guest_has_made_of_its_lines_before_is_found() {
    for (idle, data) in [(0x00, 0x05), (0xff, 0x05)] {
        let mut world = World::new(idle, Some(LOOK));
        assert_eq!(world.host.told, []);
        world.qemu = Qemu::new(idle);
        world.qemu.set_direction(0x0f);
        world.qemu.write(0xff, data);
        let kind = Kind::Pl061 { base: VIRT_BASE, idle };
        let device = Device { path: PATH.to_owned(), kind, inputs: 8, outputs: 8 };
        world.bridge = Bridge::new(device, Some(LOOK));
        world.settle();
        assert_eq!((world.host.outputs, world.host.levels), (0x0f, 0x05));
        // Of a pin that was high QEMU does not tell that it falls.
        world.qemu.write(0xff, 0x01);
        world.pass(LOOK);
        assert_eq!((world.host.outputs, world.host.levels), (0x0f, 0x01));
    }
}

#[test]
fn a_direction_that_no_pin_tells_of_is_seen_by_a_look() {
    for (look, seen) in [(Some(LOOK), 1), (None, 0)] {
        let mut world = World::new(0, look);
        world.qemu.set_direction(0x01);
        world.pass(LOOK);
        assert_eq!((world.host.outputs, world.host.levels), (seen, 0));
        world.qemu.set_direction(0x00);
        world.pass(LOOK);
        assert_eq!(world.host.outputs, 0);
    }
}

#[test]
fn an_output_that_is_let_go_becomes_an_input_without_waiting_for_a_look() {
    let mut world = World::new(0, None);
    world.bridge.level(0, false);
    world.qemu.set_direction(0x01);
    world.qemu.write(0x01, 0x01);
    world.settle();
    world.qemu.set_direction(0x00);
    world.pass(10 * MS);
    assert_eq!((world.host.outputs, world.qemu.data), (0, 1));
    // From now on it has the host's level, also one that it had as an input before.
    for high in [false, true] {
        world.bridge.level(0, high);
        world.pass(MS);
        assert_eq!(world.qemu.data, u8::from(high));
    }
}

#[test]
fn nothing_is_done_while_nothing_happens() {
    let mut world = World::new(0, None);
    world.qemu.set_direction(0x01);
    for i in 0..200 {
        world.qemu.write(0x01, i % 2);
        world.bridge.level(5, i % 2 == 0);
        world.pass(MS);
    }
    world.pass(10 * MS);
    assert_eq!(world.bridge.tick(world.now), None);
    assert!(world.bridge.unsent().is_empty());
}

#[test]
fn a_guest_gets_each_edge_and_its_levels_again_after_a_reset() {
    let mut world = World::new(0, Some(LOOK));
    for i in 0..1000 {
        world.bridge.level(5, i % 2 == 0);
    }
    world.bridge.level(6, true);
    world.pass(2000 * MS);
    assert_eq!((world.qemu.edges.len(), world.qemu.lost), (1001, 0));
    assert_eq!(world.bridge.counters().merged, 0);
    world.qemu.reset();
    assert_eq!(world.qemu.data, 0);
    world.pass(2 * LOOK);
    assert_eq!(world.qemu.data, 1 << 6);
}

#[test]
fn another_controller_has_the_directions_that_are_given() {
    let kind = Kind::Other { outputs: 0b101 };
    let device = Device { path: PATH.to_owned(), kind, inputs: 2, outputs: 3 };
    let mut world = World::of(device, Some(LOOK));
    for (line, high) in [(0, true), (1, true), (2, false), (3, true), (64, true), (0, false)] {
        world.try_hear(Message::Irq { line, high }).unwrap();
    }
    let direct = |bits, line: u8| Told::Direct { mask: 1 << line, outputs: 1 << line, bits };
    assert_eq!(world.host.told, [direct(1, 0), direct(0, 2), Told::Set(0, false)]);
    // It has no input 2 or 3, and QEMU would end if it were told one.
    for line in [0, 1, 2, 3, 64, 65535] {
        world.bridge.level(line, true);
    }
    world.pass(MS);
    assert_eq!(world.qemu.edges, [(1, true)]);
    assert_eq!(world.bridge.tick(world.now), None);
}

/// What comes of an answer of QEMU's to the first command of a PL061's bridge, and to the second.
fn answered(answers: &[Message]) -> Error {
    let mut world = World::new(0, None);
    world.bridge = Bridge::new(Device::pl061(PATH.to_owned(), VIRT_BASE), None);
    for answer in answers {
        if let Err(error) = world.try_hear(answer.clone()) {
            return error;
        }
    }
    panic!("{answers:?} is fine");
}

#[test]
fn refusals_are_told_apart() {
    let is_pl061 = Message::Ok(Some(0x61));
    let fail = |text: &str| [is_pl061.clone(), Message::Fail(text.to_owned())];
    assert!(matches!(answered(&fail("Unknown device")), Error::UnknownDevice { .. }));
    assert!(matches!(answered(&fail("IRQ intercept already enabled")), Error::Intercepted { .. }));
    assert!(matches!(answered(&fail("No intercepts installed")), Error::NoOutputs { .. }));
    assert!(
        matches!(answered(&fail("it rains")), Error::Refused { text, .. } if text == "it rains")
    );
    assert!(matches!(answered(&[Message::Ok(Some(0))]), Error::NotPl061 { base: VIRT_BASE }));
    assert!(matches!(answered(&[Message::Ok(Some(0x161))]), Error::Unasked));
    assert!(matches!(answered(&[Message::Ok(None)]), Error::Unasked));
    let ok = Message::Ok(Some(0));
    let more = [is_pl061, ok.clone(), ok.clone(), ok.clone(), ok];
    assert!(matches!(answered(&more), Error::Unasked));
}

/// A step of a story.
#[derive(Clone, Copy, Debug)]
enum Step {
    Direction(u8),
    Write(u8, u8),
    Reset,
    Level(u8, bool),
    CarryOut,
    Hear,
    Serve,
    Pass(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => any::<u8>().prop_map(Step::Direction),
        4 => (any::<u8>(), any::<u8>()).prop_map(|(mask, data)| Step::Write(mask, data)),
        1 => Just(Step::Reset),
        3 => (0..8_u8, any::<bool>()).prop_map(|(line, high)| Step::Level(line, high)),
        4 => Just(Step::CarryOut),
        4 => Just(Step::Hear),
        2 => Just(Step::Serve),
        2 => (0..20_000_u32).prop_map(Step::Pass),
    ]
}

proptest! {
    /// Whatever happens, and however it is interleaved: when it is over, both sides agree.
    #[test]
    fn both_sides_agree_in_the_end(
        idle in prop_oneof![Just(0), Just(0xff), any::<u8>()],
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let mut world = World::new(idle, Some(LOOK));
        let mut levels = 0_u8;
        for step in steps {
            match step {
                Step::Direction(direction) => world.qemu.set_direction(direction),
                Step::Write(mask, data) => world.qemu.write(mask, data),
                Step::Reset => world.qemu.reset(),
                Step::Level(line, high) => {
                    levels = levels & !(1 << line) | u8::from(high) << line;
                    world.bridge.level(line.into(), high);
                }
                Step::CarryOut => drop(world.carry_out()),
                Step::Hear => drop(world.hear()),
                Step::Serve => world.qemu.serve(),
                Step::Pass(us) => {
                    world.now += Duration::from_micros(us.into());
                    world.bridge.tick(world.now);
                }
            }
            prop_assert!(world.bridge.unsent().len() < 1000);
        }
        world.pass(LOOK + 10 * MS);
        // The host tells the levels of lines that have become inputs, and of no others.
        for line in 0..8 {
            world.bridge.level(line, levels >> line & 1 == 1);
        }
        world.pass(3 * LOOK);
        let direction = world.qemu.direction;
        prop_assert_eq!(world.host.outputs, u64::from(direction));
        prop_assert_eq!(world.host.levels & world.host.outputs, u64::from(world.qemu.data & direction));
        prop_assert_eq!(world.qemu.data & !direction, levels & !direction);
    }

    /// While directions stay, the host sees the transitions that the guest makes, each of them in order.
    #[test]
    fn no_transition_is_lost(
        idle in any::<u8>(),
        writes in prop::collection::vec((any::<u8>(), any::<u8>(), 0..3_u8), 1..100),
    ) {
        let mut world = World::new(idle, Some(LOOK));
        world.qemu.set_direction(0xff);
        world.pass(LOOK + MS);
        world.host.told.clear();
        let mut expected = Vec::new();
        for (mask, data, hear) in writes {
            let before = world.qemu.data;
            world.qemu.write(mask, data);
            let changed = before ^ world.qemu.data;
            let lines = (0..8).filter(|line| changed >> line & 1 == 1);
            expected.extend(lines.map(|line| Told::Set(line, world.qemu.data >> line & 1 == 1)));
            for _ in 0..hear {
                world.hear();
                world.carry_out();
                world.now += MS;
                world.bridge.tick(world.now);
            }
        }
        world.pass(LOOK);
        prop_assert_eq!(&world.host.told, &expected);
    }
}
