// SPDX-License-Identifier: MIT OR Apache-2.0
//! Edges faster than any finger makes them.

use std::time::{Duration, Instant};

use vgpio_tests::harness::{Outside, Vm};

use super::{BUTTON, LINE, LINES, World};
use crate::{BURST, FAST_EDGES};

/// Time between two edges; more, where the outside is not so fast.
const APART: Duration = Duration::from_millis(1);

/// A burst takes a guest a second or two, and many more on a busy host or on one CPU for all.
const SETTLED: Duration = Duration::from_secs(120);

#[test]
fn an_armed_line_is_read_while_edges_arrive() {
    const READS: u32 = 1000;
    const EDGES: u32 = 500;
    let mut world = World::lending(LINES);
    let mut vm = world.boot();
    let chip = World::chip(&mut vm);
    vm.spawn(&format!("gpiobench get {chip} {LINE} {READS} {EDGES}"), "/tmp/reads");
    vm.wait_for("grep -c ready /tmp/reads", "1");
    world.bench.press(BUTTON, EDGES, APART);
    let reads = World::measured(&mut vm, "/tmp/reads", "among");
    assert_eq!([&reads["count"], &reads["edges"], &reads["lost"]], [READS, EDGES, 0]);
    assert_ne!(reads["among"], 0, "edges arrive between reads: {reads}");
    let counters = world.bench.daemon.status().sessions[0].counters;
    assert_eq!((counters.edges, counters.edges_lost), (EDGES.into(), 0));
}

#[test]
fn no_edge_is_lost_at_a_thousand_a_second() {
    let mut world = World::lending(LINES);
    let mut vm = world.boot();
    let chip = World::chip(&mut vm);
    vm.spawn(&format!("gpiobench edges {chip} {LINE} {FAST_EDGES}"), "/tmp/edges");
    vm.wait_for("grep -c ready /tmp/edges", "1");
    world.bench.press(BUTTON, FAST_EDGES, APART);
    world.wait_for(&mut vm, "grep -c seqno /tmp/edges", FAST_EDGES);
    assert_eq!(World::measured(&mut vm, "/tmp/edges", "mode.*count")["lost"], 0);
    // Which kind an edge was, Linux finds out later, from the line's level: that may be the next edge's.
    let out_of_order = "awk -F '[:,]' '/seqno/ { if ($6 <= stamp) wrong++; stamp = $6 } \
                        END { print wrong + 0 }' /tmp/edges";
    assert_eq!(vm.run(out_of_order), "0");
    let counters = world.bench.daemon.status().sessions[0].counters;
    assert_eq!((counters.edges, counters.edges_lost), (FAST_EDGES.into(), 0));
}

#[test]
fn a_burst_at_full_speed_ends_with_the_last_level_and_every_drop_counted() {
    let mut world = World::lending(LINES);
    let mut vm = world.boot();
    let chip = World::chip(&mut vm);
    for (edges, last) in [(BURST - 1, "rising"), (BURST, "falling")] {
        let before = world.bench.daemon.status().sessions[0].counters;
        vm.spawn(&format!("gpiobench count {chip} {LINE}"), "/tmp/edges");
        vm.wait_for("grep -c ready /tmp/edges", "1");
        let told_before = told(&mut vm);
        world.bench.world.wiggle(BUTTON, edges);
        let end = Instant::now() + SETTLED;
        let sent = loop {
            let now = world.bench.daemon.status().sessions[0].counters;
            let (sent, lost) = (now.edges - before.edges, now.edges_lost - before.edges_lost);
            let told = told(&mut vm) - told_before;
            if sent + lost == u64::from(edges) && told >= sent {
                break sent;
            }
            assert!(Instant::now() < end, "{edges} edges: {sent} sent, {lost} lost, {told} told");
        };
        vm.run("killall gpiobench");
        let said = World::measured(&mut vm, "/tmp/edges", "last");
        let [had, dropped] = ["count", "lost"].map(|key| said[key].as_u64().expect("a number"));
        // More than were sent, where an interrupt tells of those that were lost.
        assert!((sent..=edges.into()).contains(&(had + dropped)), "{sent} sent, {said}");
        assert_eq!(said["last"], last);
        let level = if last == "rising" { "active" } else { "inactive" };
        assert_eq!(vm.run("gpioget BUTTON"), format!("\"BUTTON\"={level}"));
        world.bench.world.pull(BUTTON, false);
    }
}

/// Interrupts that the guest's kernel has counted for `gpiobench`.
fn told(vm: &mut Vm) -> u64 {
    vm.run(&World::counting("gpiobench")).parse().expect("a number")
}
