// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client test-suite on the daemon's simulated block.

mod suite;

use std::collections::HashMap;
use std::fs;
use std::rc::Rc;

use nix::unistd::{getgid, getuid};
use vgpio_protocol::ErrorCode;
use vgpio_tests::harness::Simulated as World;
use vgpio_tests::harness::{
    Bench, Daemon, Guest, LABEL, Outside, Watcher, export, folder, lines, map, pad,
};

/// A daemon, and somebody who sees every change of these pads.
fn watched(offsets: &[u32]) -> (Daemon, Watcher) {
    let mut options = World::new().options();
    options.push("--allow-line-maps".to_owned());
    let daemon = Daemon::start(&options);
    let watcher = Watcher::start(&daemon, offsets.iter().copied().map(pad).collect());
    (daemon, watcher)
}

#[test]
fn the_outside_sees_every_transition_of_sets_that_nobody_waits_for() {
    let (daemon, mut outside) = watched(&[11]);
    let mut guest = Guest::attach(&daemon, map(&format!("{LABEL},gpios=11,init=low")));
    guest.client.batch(|client| {
        for level in [1, 0].repeat(500) {
            client.set(1, level);
        }
    });
    for level in [1, 0].repeat(500) {
        let change = outside.change();
        assert_eq!((change.offset, change.level), (11, level));
    }
    assert_eq!(guest.client.counters().coalesced, 0);
}

#[test]
fn the_outside_sees_the_lines_of_one_set_change_at_one_time() {
    let offsets = [8, 9, 10, 11, 12, 13, 14, 15];
    let (daemon, mut outside) = watched(&offsets);
    let mut guest = Guest::attach(&daemon, map(&format!("{LABEL},gpios=8-15,init=low")));
    for (bits, level) in [(0xff, 1), (0, 0)].repeat(10) {
        guest.client.set(0xff, bits);
        let seen: HashMap<_, _> = (0..8)
            .map(|_| outside.change())
            .map(|change| (change.offset, (change.level, change.timestamp_ns)))
            .collect();
        let (_, time) = seen[&8];
        assert!(offsets.iter().all(|offset| seen.get(offset) == Some(&(level, time))), "{seen:?}");
        guest.sync();
    }
}

#[test]
fn lines_become_outputs_without_a_glitch() {
    let (daemon, mut outside) = watched(&[11, 12]);
    let mut world = World::new();
    world.meet(&daemon);
    world.pull(11, false);
    world.pull(12, false);
    let mut high = Guest::attach(&daemon, map(&format!("{LABEL},gpios=11,init=high,safe=hold")));
    assert_eq!(outside.change().level, 1);
    // To the level that it has, and to an input and back: seen are only the changes that must be.
    high.drive(1, 1);
    high.release(1);
    assert_eq!(outside.change().level, 0);
    high.drive(1, 1);
    assert_eq!(outside.change().level, 1);
    // A line that is low already does not move, so the next change is that of its going high.
    let mut low = Guest::attach(&daemon, map(&format!("{LABEL},gpios=12,init=low")));
    low.drive(1, 0);
    low.release(1);
    low.drive(1, 1);
    let change = outside.change();
    assert_eq!((change.offset, change.level), (12, 1));
}

#[test]
fn users_and_groups_of_an_export_hold_by_its_name_and_by_line_maps() {
    let folder = Rc::new(folder());
    let file = folder.path().join("vgpio.toml");
    let (uid, gid) = (getuid().as_raw(), getgid().as_raw());
    let exports = [
        (5, "users", uid, true),
        (6, "users", uid + 1, false),
        (7, "groups", gid, true),
        (8, "groups", gid + 1, false),
    ];
    let text = exports.map(|(line, key, id, _)| {
        format!("[[export]]\nname = 'e{line}'\nmap = '{LABEL},gpios={line}'\n{key} = [{id}]\n")
    });
    fs::write(&file, text.concat()).expect("a folder for files");
    let options = ["--config", &file.display().to_string(), "--allow-line-maps"];
    let bench: Bench<World> = Bench::new_in(&folder, &options);
    for (line, key, id, may) in exports {
        let by_name = (export(&format!("e{line}")), 0);
        let by_map = (lines(&format!("gpios=9:{line}")), 0b10);
        for (wanted, mask) in [by_name, by_map] {
            let refused = Guest::try_attach(&bench.daemon, wanted).err();
            let refused = refused.map(|report| (report.code, report.mask));
            let expected = (!may).then_some((ErrorCode::NotAllowed, mask));
            assert_eq!(refused, expected, "{key} = [{id}]");
            bench.wait_until_gone();
        }
    }
}
