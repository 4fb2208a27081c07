// SPDX-License-Identifier: MIT OR Apache-2.0
//! The session is late, refuses what it is asked, or has lost edges.

mod common;

use common::{World, entry};
use vgpio_protocol::{EdgeDetection, LineEntry, LineFlags, Lines};
use vgpio_virtio::{Answer, Device, Direction, IrqStatus, IrqType, Kind, Request, Response};

const INPUT: u32 = Direction::In as u32;
const OUTPUT: u32 = Direction::Out as u32;

/// A world whose session takes no message after the next `taken`.
fn late(mut world: World, taken: usize) -> World {
    world.pace = taken;
    world
}

fn reset(world: &mut World) {
    world.device.reset();
    world.pace = usize::MAX;
    world.serve();
}

#[test]
fn a_reset_gives_back_the_line_of_a_request_that_is_on_its_way() {
    for taken in 0..2 {
        let mut world = late(World::new(1, 0), taken);
        assert_eq!(world.ask(Kind::SetDirection, 0, OUTPUT), None);
        reset(&mut world);
        assert!(!world.hosts[0].output, "{taken} taken");
        assert_eq!(world.device.take_response(), None, "who asked is no more");

        let mut world = late(World::new(1, 1), taken);
        assert_eq!(world.ask(Kind::SetValue, 0, 0), None);
        reset(&mut world);
        assert!(world.hosts[0].level, "{taken} taken");
    }
}

#[test]
fn a_line_that_was_being_given_back_is_made_an_input_again() {
    let mut world = World::new(1, 0);
    assert_eq!(world.request(Kind::SetDirection, 0, INPUT), Response::OK);
    world.pace = 0;
    assert_eq!(world.ask(Kind::SetDirection, 0, OUTPUT), None);
    world.device.reset();
    // It becomes an output, and the host does not take it back.
    world.pace = 2;
    world.serve();
    world.hosts[0].refuses = true;
    world.pace = 1;
    world.serve();
    world.hosts[0].refuses = false;
    world.pace = usize::MAX;
    assert_eq!(world.request(Kind::SetDirection, 0, INPUT), Response::OK);
    assert!(!world.hosts[0].output);
}

#[test]
fn a_line_that_cannot_be_given_back_does_not_hold_others_up() {
    let mut world = World::new(3, 0);
    for line in 0..3 {
        assert_eq!(world.request(Kind::SetDirection, line, OUTPUT), Response::OK);
    }
    world.hosts[1].refuses = true;
    reset(&mut world);
    let outputs: Vec<_> = world.hosts.iter().map(|host| host.output).collect();
    assert_eq!(outputs, [false, true, false]);
}

#[test]
fn what_the_host_does_not_give_back_stays_as_it_is() {
    let mut world = World::new(1, 1);
    assert_eq!(world.request(Kind::SetValue, 0, 0), Response::OK);
    world.hosts[0].refuses = true;
    assert_eq!(world.request(Kind::SetDirection, 0, 0), Response::ERROR);
    world.hosts[0].refuses = false;
    reset(&mut world);
    assert!(world.hosts[0].level, "the device still knows that it has changed");
}

#[test]
fn a_line_that_is_not_given_back_is_seen_as_it_is_and_given_back_by_the_next_reset() {
    for (outputs, direction, seen) in [(0, OUTPUT, 1), (1, INPUT, 2)] {
        let mut world = World::new(1, outputs);
        assert_eq!(world.request(Kind::SetDirection, 0, direction), Response::OK);
        world.hosts[0].refuses = true;
        for _ in 0..3 {
            reset(&mut world);
            assert_eq!(world.request(Kind::GetDirection, 0, 0).value, seen);
        }
        world.hosts[0].refuses = false;
        reset(&mut world);
        assert_eq!(world.hosts[0].output, outputs == 1);
        assert_eq!(u32::from(world.request(Kind::GetDirection, 0, 0).value), 3 - direction);
        assert!(world.device.messages().is_empty());
    }
}

#[test]
fn a_line_that_is_not_given_back_is_when_the_guest_lets_go() {
    let mut world = World::new(1, 1);
    assert_eq!(world.request(Kind::SetValue, 0, 0), Response::OK);
    world.hosts[0].refuses = true;
    reset(&mut world);
    assert!(!world.hosts[0].level);
    assert_eq!(world.request(Kind::SetDirection, 0, 0), Response::ERROR);
    world.hosts[0].refuses = false;
    assert_eq!(world.request(Kind::SetDirection, 0, 0), Response::OK);
    assert!(world.hosts[0].level);
}

#[test]
fn a_direction_that_was_refused_under_a_reset_is_not_believed() {
    for refuses in [false, true] {
        let mut world = late(World::new(1, 0), 0);
        assert_eq!(world.ask(Kind::SetDirection, 0, OUTPUT), None);
        world.device.reset();
        world.hosts[0].refuses = refuses;
        world.pace = 2;
        world.serve();
        world.hosts[0].refuses = true;
        world.pace = usize::MAX;
        world.serve();
        assert_eq!(world.request(Kind::GetDirection, 0, 0).value == 1, !refuses);
        assert_eq!(world.hosts[0].output, !refuses);
    }
}

#[test]
fn a_request_after_a_reset_waits_for_what_was_before() {
    let mut world = late(World::new(2, 0), 0);
    assert_eq!(world.ask(Kind::GetValue, 0, 0), None);
    world.device.reset();
    assert_eq!(world.ask(Kind::SetDirection, 1, OUTPUT), None);
    assert_eq!(world.ask(Kind::GetValue, 1, 0), Some(Response::ERROR), "one at a time");
    world.pace = usize::MAX;
    world.serve();
    assert_eq!(world.device.take_response(), Some(Response::OK));
    assert!(world.hosts[1].output);
    // One that needs no session is answered as late.
    world.pace = 0;
    assert_eq!(world.ask(Kind::GetValue, 0, 0), None);
    world.device.reset();
    assert_eq!(world.ask(Kind::SetDirection, 0, 7), None);
    world.pace = usize::MAX;
    world.serve();
    assert_eq!(world.device.take_response(), Some(Response::ERROR));
}

#[test]
fn a_guest_that_resets_again_and_again_makes_no_more_messages() {
    for (kind, value) in [(Kind::GetValue, 0), (Kind::SetDirection, OUTPUT)] {
        let mut world = late(World::new(1, 0), 0);
        let request = Request { kind: kind as u16, gpio: 0, value };
        for _ in 0..1000 {
            assert_eq!(world.device.request(request), Answer::Later);
            world.device.reset();
        }
        assert!(world.device.messages().len() < 200, "{} bytes", world.device.messages().len());
    }
}

fn armed(lines: u16, kind: IrqType) -> World {
    let mut world = World::new(lines, 0);
    for line in 0..lines {
        assert_eq!(world.request(Kind::SetIrqType, line, kind as u32), Response::OK);
    }
    world
}

#[test]
fn a_level_that_cannot_be_read_is_what_it_was_last() {
    let mut world = armed(1, IrqType::LevelHigh);
    world.edge(0, true);
    world.hosts[0].refuses = true;
    let buffer = world.unmask(0);
    assert_eq!(world.take_returned(), [(buffer, IrqStatus::Valid)]);
}

#[test]
fn a_level_that_cannot_be_read_leaves_others_to_be() {
    let mut world = armed(4, IrqType::LevelHigh);
    for line in 0..4 {
        world.edge(line, true);
    }
    // The first line's level is asked for alone, those of the others with one message.
    world.pace = 0;
    let buffers: Vec<_> = (0..4).map(|line| (world.unmask(line), IrqStatus::Valid)).collect();
    world.refuse(1 << 1);
    world.change_unseen(3, false);
    world.pace = usize::MAX;
    world.serve();
    assert_eq!(world.take_returned(), buffers[..3], "the last has been read");
}

#[test]
fn lost_edges_make_one_interrupt_whatever_tells_of_them() {
    let mut world = armed(1, IrqType::EdgeRising);
    let buffer = world.unmask(0);
    world.lose_edge(0, false);
    assert_eq!(world.request(Kind::GetValue, 0, 0), Response::OK);
    assert_eq!(world.take_returned(), [(buffer, IrqStatus::Valid)]);
    world.unmask(0);
    assert_eq!(world.take_returned(), []);
}

#[test]
fn an_interrupt_needs_an_input() {
    let mut world = World::new(1, 1);
    let rising = IrqType::EdgeRising as u32;
    assert_eq!(world.request(Kind::SetDirection, 0, 0), Response::OK);
    assert_eq!(world.request(Kind::SetIrqType, 0, rising), Response::ERROR);
    assert!(world.hosts[0].output, "as it was attached");
    assert_eq!(world.request(Kind::SetIrqType, 0, 0), Response::OK, "there is none to disable");
    assert_eq!(world.request(Kind::SetDirection, 0, INPUT), Response::OK);
    assert_eq!(world.request(Kind::SetIrqType, 0, rising), Response::OK);
}

#[test]
fn a_buffer_after_a_refused_type_is_held() {
    for ends_by in [Kind::SetIrqType, Kind::SetDirection] {
        let mut world = World::new(1, 0);
        world.refuse(1);
        let both = IrqType::EdgeBoth as u32;
        assert_eq!(world.request(Kind::SetIrqType, 0, both), Response::ERROR);
        let buffer = world.unmask(0);
        world.edge(0, true);
        assert_eq!(world.take_returned(), [], "it would come again, and again");
        assert_eq!(world.request(ends_by, 0, 0), Response::OK);
        assert_eq!(world.take_returned(), [(buffer, IrqStatus::Invalid)]);
        let buffer = world.unmask(0);
        assert_eq!(world.take_returned(), [(buffer, IrqStatus::Invalid)]);
    }
}

#[test]
fn a_held_buffer_is_that_of_the_type_that_is_not_refused() {
    let mut world = World::new(1, 0);
    world.change_unseen(0, true);
    assert_eq!(world.request(Kind::SetIrqType, 0, 5), Response::ERROR);
    let buffer = world.unmask(0);
    assert_eq!(world.request(Kind::SetIrqType, 0, IrqType::LevelHigh as u32), Response::OK);
    assert_eq!(world.take_returned(), [(buffer, IrqStatus::Valid)]);
}

#[test]
fn a_refused_type_leaves_the_one_that_was() {
    let mut world = armed(1, IrqType::EdgeRising);
    let buffer = world.unmask(0);
    assert_eq!(world.request(Kind::SetIrqType, 0, 5), Response::ERROR);
    world.edge(0, true);
    assert_eq!(world.take_returned(), [(buffer, IrqStatus::Valid)]);
}

#[test]
fn a_shared_line_has_the_types_that_its_edges_make() {
    use IrqType::{EdgeBoth, EdgeFalling, EdgeRising, LevelHigh, LevelLow};
    let all = [EdgeRising, EdgeFalling, EdgeBoth, LevelHigh, LevelLow];
    for (edges, types) in [
        (EdgeDetection::None, &[][..]),
        (EdgeDetection::Rising, &[EdgeRising, LevelHigh]),
        (EdgeDetection::Falling, &[EdgeFalling, LevelLow]),
        (EdgeDetection::Both, &all),
    ] {
        for kind in all {
            let flags = LineFlags(LineFlags::SHARED);
            let shared = [LineEntry { flags, edges, ..entry(0, "", false) }];
            let mut device: Device<u32> = Device::new(&Lines::new(&shared)).expect("low lines");
            device.set_interrupts(true);
            let request = Request { kind: Kind::SetIrqType as u16, gpio: 0, value: kind as u32 };
            let is_now = device.request(request) == Answer::Now(Response::OK);
            assert_eq!(is_now, types.contains(&kind), "{edges:?} {kind:?}");
        }
    }
}
