// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a guest has made of its lines outlives the device.

mod common;

use common::World;
use proptest::prelude::*;
use vgpio_virtio::{Direction, IrqStatus, IrqType, Kind, LATCHED_MAX, Response};

const INPUT: u32 = Direction::In as u32;
const OUTPUT: u32 = Direction::Out as u32;
const NONE: u32 = Direction::None as u32;

fn saved(world: &World) -> Vec<u64> {
    world.device.saved().collect()
}

/// Another device with the lines of the first, whose levels have become these meanwhile.
fn another(before: &World, lines: u16, levels: u64) -> World {
    let mut world = World::new(lines, 0);
    for i in 0..usize::from(lines) {
        world.edge(i, levels >> i & 1 == 1);
    }
    world.device.restore(&saved(before));
    world.serve();
    assert!(!world.device.is_restoring());
    world
}

#[test]
fn outputs_are_driven_again() {
    let mut world = World::new(3, 0);
    for (line, level) in [(0, 1), (1, 0)] {
        world.request(Kind::SetDirection, line, OUTPUT);
        world.request(Kind::SetValue, line, level);
    }
    world.request(Kind::SetValue, 2, 1);
    let mut world = another(&world, 3, 0b010);
    let hosts: Vec<_> = world.hosts.iter().map(|host| (host.output, host.level)).collect();
    assert_eq!(hosts, [(true, true), (true, false), (false, false)]);
    assert_eq!(world.request(Kind::GetDirection, 0, 0).value, 1);
    assert_eq!(world.request(Kind::GetDirection, 2, 0).value, 2);
    // The level that was set before the direction is remembered, too.
    world.request(Kind::SetDirection, 2, OUTPUT);
    assert!(world.hosts[2].level);
}

#[test]
fn a_line_without_direction_is_one_still() {
    let mut world = World::new(1, 0);
    world.request(Kind::SetDirection, 0, NONE);
    let mut world = another(&world, 1, 1);
    assert_eq!(world.request(Kind::GetDirection, 0, 0).value, 0);
    let buffer = world.unmask(0);
    assert_eq!(world.take_returned(), [(buffer, IrqStatus::Invalid)]);
}

#[test]
fn every_type_of_interrupt_goes_on_and_tells_of_a_change_meanwhile() {
    use IrqType::{EdgeBoth, EdgeFalling, EdgeRising, LevelHigh, LevelLow};
    for (kind, level, tells) in [
        (EdgeRising, true, true),
        (EdgeRising, false, false),
        (EdgeFalling, true, false),
        (EdgeFalling, false, true),
        (EdgeBoth, true, true),
        (EdgeBoth, false, true),
        (LevelHigh, true, true),
        (LevelLow, false, true),
    ] {
        let mut world = World::new(1, 0);
        world.edge(0, !level);
        world.request(Kind::SetDirection, 0, INPUT);
        world.request(Kind::SetIrqType, 0, kind as u32);
        let mut world = another(&world, 1, u64::from(level));
        let buffer = world.unmask(0);
        let told = if tells { vec![(buffer, IrqStatus::Valid)] } else { vec![] };
        assert_eq!(world.take_returned(), told, "{kind:?} {level}");
        // And nothing is told twice.
        let next = if tells { world.unmask(0) } else { buffer };
        if !matches!(kind, LevelHigh | LevelLow) {
            assert_eq!(world.take_returned(), [], "{kind:?} {level}");
            world.edge(0, !level);
            world.edge(0, level);
            assert_eq!(world.take_returned(), [(next, IrqStatus::Valid)], "{kind:?} {level}");
        }
    }
}

#[test]
fn edges_that_waited_for_a_buffer_wait_on() {
    let mut world = World::new(1, 0);
    world.request(Kind::SetDirection, 0, INPUT);
    world.request(Kind::SetIrqType, 0, IrqType::EdgeBoth as u32);
    for i in 0..4 {
        world.edge(0, i % 2 == 0);
    }
    let mut world = another(&world, 1, 0);
    for _ in 0..4 {
        let buffer = world.unmask(0);
        assert_eq!(world.take_returned(), [(buffer, IrqStatus::Valid)]);
    }
    world.unmask(0);
    assert_eq!(world.take_returned(), []);
}

#[test]
fn a_refused_type_keeps_its_buffer() {
    let mut world = World::new(1, 0);
    world.request(Kind::SetIrqType, 0, 7);
    let mut world = another(&world, 1, 0);
    world.unmask(0);
    assert_eq!(world.take_returned(), []);
}

#[test]
fn a_line_that_cannot_be_what_it_was_is_as_at_first() {
    let mut world = World::new(2, 0);
    world.request(Kind::SetDirection, 0, OUTPUT);
    world.request(Kind::SetIrqType, 1, IrqType::EdgeBoth as u32);
    let words = saved(&world);
    let mut world = World::new(2, 0);
    world.refuse(0b11);
    world.device.restore(&words);
    world.serve();
    assert_eq!(world.request(Kind::GetDirection, 0, 0).value, 2);
    let buffer = world.unmask(1);
    assert_eq!(world.take_returned(), [(buffer, IrqStatus::Invalid)]);
    world.refuse(0);
    assert_eq!(world.request(Kind::SetDirection, 0, OUTPUT), Response::OK);
}

#[test]
fn a_reset_while_lines_are_restored_forgets_them() {
    let mut world = World::new(1, 0);
    world.request(Kind::SetDirection, 0, OUTPUT);
    world.request(Kind::SetValue, 0, 1);
    let words = saved(&world);
    for pace in 0..3 {
        let mut world = World::new(1, 0);
        world.pace = pace;
        world.device.restore(&words);
        world.serve();
        world.device.reset();
        world.pace = usize::MAX;
        world.serve();
        assert!(!world.hosts[0].output, "{pace}");
        assert_eq!(world.request(Kind::SetDirection, 0, OUTPUT), Response::OK);
        assert!(!world.hosts[0].level);
    }
}

#[test]
fn interrupts_that_were_not_negotiated_are_not_restored() {
    let mut world = World::new(1, 0);
    world.request(Kind::SetIrqType, 0, IrqType::EdgeBoth as u32);
    let words = saved(&world);
    let mut world = World::new(1, 0);
    world.device.set_interrupts(false);
    world.device.restore(&words);
    world.serve();
    let buffer = world.unmask(0);
    assert_eq!(world.take_returned(), [(buffer, IrqStatus::Invalid)]);
}

/// Words as they are, and such as almost are.
fn word() -> impl Strategy<Value = u64> {
    let bytes =
        (0..4_u8, 0..4_u8, prop_oneof![0..10_u8, Just(0xff)], any::<[u8; 3]>(), any::<u8>());
    let close = bytes.prop_map(|(gpio, direction, irq, [levels, rest, low], high)| {
        u64::from_le_bytes([gpio, 0, direction, irq, levels, rest, low, high])
    });
    prop_oneof![1 => any::<u64>(), 9 => close]
}

proptest! {
    #[test]
    fn nothing_comes_of_any_words_but_what_a_guest_may_ask_for(
        words in prop::collection::vec(word(), 0..64), refused in 0..8_u64,
    ) {
        let mut world = World::new(3, 0b100);
        world.refuse(refused);
        world.device.restore(&words);
        world.serve();
        prop_assert!(!world.device.is_restoring());
        world.refuse(0);
        for gpio in 0..3_u16 {
            let output = world.request(Kind::GetDirection, gpio, 0).value == 1;
            prop_assert!(!output || world.hosts[usize::from(gpio)].output);
            prop_assert_eq!(world.request(Kind::SetDirection, gpio, NONE), Response::OK);
            prop_assert_eq!(world.hosts[usize::from(gpio)].output, gpio == 2);
            let buffer = world.unmask(gpio);
            prop_assert_eq!(world.take_returned(), [(buffer, IrqStatus::Invalid)]);
        }
        // What is saved of it is right, and no more edges wait than any guest could have wait.
        let again = saved(&world);
        prop_assert!(again.iter().all(|word| (word >> 48 & 0x7fff) as u16 <= LATCHED_MAX));
    }
}
