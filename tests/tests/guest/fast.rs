// SPDX-License-Identifier: MIT OR Apache-2.0
//! A button faster than any finger. It takes a guest with a processor of its own: in the rig, QEMU,
//! daemon and the outside share one, and on a busy host a guest that is a second late also stands still
//! for 100 ms, and then misses edges.

use std::time::Duration;

use crate::guest::Bench;
use crate::guest::button::{BUTTON, LINE, same_twice, wait_for};

#[test]
fn no_edge_is_lost_at_a_thousand_a_second() {
    const EDGES: u32 = 10_000;
    let mut bench = Bench::open();
    let mut vm = bench.boot(&format!("vgpios={LINE},gpios={BUTTON}"));
    vm.spawn(&format!("gpiobench edges /dev/gpiochip0 {LINE} {EDGES}"), "/tmp/edges");
    vm.wait_for("grep -c ready /tmp/edges", "1");
    bench.press(BUTTON, EDGES, Duration::from_millis(1));
    wait_for(&bench, &mut vm, "grep -c seqno /tmp/edges", EDGES);
    vm.wait_for("grep -c '\"lost\":0' /tmp/edges", "1");
    vm.run("sed -i 's/,.*//; /^{.edge/!d' /tmp/edges");
    assert_eq!(same_twice(&mut vm, "/tmp/edges"), "0");
}
