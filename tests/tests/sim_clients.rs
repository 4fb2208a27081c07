// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client test-suite on the daemon's simulated block.

mod suite;

use std::collections::HashMap;
use vgpio_tests::harness::Simulated as World;

use serde::de::IgnoredAny;
use vgpio_backend::control::api::{LineName, OffsetOrName};
use vgpio_backend::control::{Client, Command, Notice};
use vgpio_tests::harness::{Daemon, Guest, LABEL, Outside, map};

/// A daemon, and somebody who sees every change of a pad.
fn watched(offsets: &[u32]) -> (Daemon, Client) {
    let mut options = World::new().options();
    options.push("--allow-line-maps".to_owned());
    let daemon = Daemon::start(&options);
    let mut control = daemon.control();
    let line = |offset: &u32| LineName {
        chip: Some(LABEL.to_owned()),
        line: OffsetOrName::Offset(*offset),
        by_name: false,
    };
    let lines = offsets.iter().map(line).collect();
    let _: IgnoredAny = control.ask(&Command::Monitor { lines }).expect("the pads are there");
    (daemon, control)
}

/// The next change: offset, level and time.
fn change(control: &mut Client) -> (u32, u8, u64) {
    match control.notice().expect("the daemon tells changes") {
        Notice::Event(event) => (event.offset, event.level, event.timestamp_ns),
        Notice::Dropped(n) => panic!("{n} changes were dropped"),
    }
}

#[test]
fn the_outside_sees_every_transition_of_sets_that_nobody_waits_for() {
    let (daemon, mut control) = watched(&[11]);
    let mut guest = Guest::attach(&daemon, map(&format!("{LABEL},gpios=11,init=low")));
    guest.client.batch(|client| {
        for level in [1, 0].repeat(500) {
            client.set(1, level);
        }
    });
    for level in [1, 0].repeat(500) {
        let (offset, seen, _) = change(&mut control);
        assert_eq!((offset, seen), (11, level));
    }
    assert_eq!(guest.client.counters().coalesced, 0);
}

#[test]
fn the_outside_sees_the_lines_of_one_set_change_at_one_time() {
    let offsets = [8, 9, 10, 11, 12, 13, 14, 15];
    let (daemon, mut control) = watched(&offsets);
    let mut guest = Guest::attach(&daemon, map(&format!("{LABEL},gpios=8-15,init=low")));
    for (bits, level) in [(0xff, 1), (0, 0)].repeat(10) {
        guest.client.set(0xff, bits);
        let seen: HashMap<_, _> = (0..8)
            .map(|_| change(&mut control))
            .map(|(offset, level, time)| (offset, (level, time)))
            .collect();
        let (_, time) = seen[&8];
        assert!(offsets.iter().all(|offset| seen.get(offset) == Some(&(level, time))), "{seen:?}");
        guest.sync();
    }
}

#[test]
fn lines_become_outputs_without_a_glitch() {
    let (daemon, mut control) = watched(&[11, 12]);
    let mut high = Guest::attach(&daemon, map(&format!("{LABEL},gpios=11,init=high,safe=hold")));
    assert_eq!(change(&mut control).1, 1);
    // To the level that it has, and to an input and back: seen are only the changes that must be.
    high.drive(1, 1);
    high.release(1);
    assert_eq!(change(&mut control).1, 0);
    high.drive(1, 1);
    assert_eq!(change(&mut control).1, 1);
    // A line that is low already does not move, so the next change is that of its going high.
    let mut low = Guest::attach(&daemon, map(&format!("{LABEL},gpios=12,init=low")));
    low.drive(1, 0);
    low.release(1);
    low.drive(1, 1);
    let (offset, level, _) = change(&mut control);
    assert_eq!((offset, level), (12, 1));
}
