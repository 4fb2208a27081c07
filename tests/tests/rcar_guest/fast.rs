// SPDX-License-Identifier: MIT OR Apache-2.0
//! A button faster than any finger. It takes a guest with a processor of its own.

use std::time::Duration;

use crate::rcar_guest::{BUTTON, Bench, LINE, boot};

#[test]
fn no_edge_is_lost_at_a_thousand_a_second() {
    const EDGES: u32 = 10_000;
    let mut bench = Bench::open();
    let mut vm = boot(&bench, &format!("vgpios={LINE},gpios={BUTTON}"));
    vm.spawn(&format!("gpiobench edges /dev/gpiochip1 {LINE} {EDGES}"), "/tmp/edges");
    vm.wait_for("grep -c ready /tmp/edges", "1");
    bench.press(BUTTON, EDGES, Duration::from_millis(1));
    let seen = vm.becomes("grep -c seqno /tmp/edges", &EDGES.to_string());
    assert!(seen, "{EDGES} edges were made; QEMU: {}", vm.gpiodev()["counters"]);
    vm.wait_for("grep -c '\"lost\":0' /tmp/edges", "1");
    vm.run("sed -i 's/,.*//; /^{.edge/!d' /tmp/edges");
    assert_eq!(vm.run("uniq -d /tmp/edges | wc -l"), "0");
}
