// SPDX-License-Identifier: MIT OR Apache-2.0
//! Edges faster than any finger makes them. They take a guest with a processor of its own.

use std::time::Duration;

use vgpio_tests::harness::Outside;

use crate::virtio_guest::{BUTTON, LINES, World};

/// The guest's line of the button.
const LINE: u32 = 5;

#[test]
fn no_edge_is_lost_at_a_thousand_a_second() {
    const EDGES: u32 = 10_000;
    let mut world = World::lending(LINES);
    let mut vm = world.boot();
    // The machine has a PL061 too.
    let chip = vm.run("gpiodetect | sed -n 's/ .virtio.*//p'");
    vm.spawn(&format!("gpiobench edges /dev/{chip} {LINE} {EDGES}"), "/tmp/edges");
    vm.wait_for("grep -c ready /tmp/edges", "1");
    world.bench.press(BUTTON, EDGES, Duration::from_millis(1));
    world.wait_for(&mut vm, "grep -c seqno /tmp/edges", EDGES);
    vm.wait_for("grep -c '\"lost\":0' /tmp/edges", "1");
    assert_eq!(world.bench.daemon.status().sessions[0].counters.edges_lost, 0);
}

#[test]
fn a_burst_at_full_speed_ends_with_the_last_level() {
    let mut world = World::lending(LINES);
    let mut vm = world.boot();
    vm.spawn("gpiomon --banner -F %e BUTTON", "/tmp/edges");
    vm.wait_for("grep -c Monitoring /tmp/edges", "1");
    for edges in [9_999, 10_000] {
        world.bench.world.wiggle(BUTTON, edges);
        let high = edges % 2 == 1;
        world.bench.world.pull(BUTTON, high);
        vm.wait_for("tail -n 1 /tmp/edges", if high { "1" } else { "2" });
    }
}
