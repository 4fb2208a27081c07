// SPDX-License-Identifier: MIT OR Apache-2.0
//! The session is late, refuses what it is asked, or has lost edges.

mod common;

use common::World;
use vgpio_virtio::{Answer, Direction, Kind, Request, Response};

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
