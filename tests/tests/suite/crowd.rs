// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many clients, and clients that do not keep up.

use vgpio_tests::harness::{Guest, Outside, Wire};

use super::{Bench, lines};

/// What the daemon's own memory may come to whatever clients do, in KiB.
const SMALL_KIB: u64 = 6 * 1024;

#[test]
fn a_hundred_sessions_at_once_are_served() {
    let mut bench = Bench::open();
    let mut readers: Vec<_> = (0..80).map(|_| bench.attach(lines("gpios=5,shared=on"))).collect();
    let mut writers: Vec<_> = (6..26).map(|o| bench.attach(lines(&format!("gpios={o}")))).collect();
    assert_eq!(bench.daemon.status().sessions.len(), 100);
    for high in [true, false] {
        for writer in &mut writers {
            writer.drive(1, u64::from(high));
        }
        let written: Vec<u32> = (6..26).collect();
        assert_eq!(bench.world.levels(&written), if high { (1 << 20) - 1 } else { 0 });
        bench.world.pull(5, high);
        assert!(readers.iter_mut().all(|reader| reader.edge().active == high));
    }
    drop((readers, writers));
    bench.wait_until_gone();
    bench.wait_until_free(5);
}

#[test]
fn who_does_not_read_costs_little_and_ends_with_the_right_level() {
    const EDGES: u32 = 100_001;
    let mut bench = Bench::open();
    let mut slow = bench.attach(lines("gpios=5,shared=on"));
    let mut other = bench.attach(lines("gpios=6"));
    bench.world.wiggle(5, EDGES);
    let used = bench.daemon.proc_status("RssAnon");
    assert!(used < SMALL_KIB, "the daemon has {used} KiB");
    // Others are served meanwhile.
    other.drive(1, 1);
    assert!(bench.world.level(6));
    let told = |counters: vgpio::client::Counters| counters.edges + counters.lost_edges;
    slow.wait_until("all edges are told or counted as lost", |client| {
        told(client.counters()) >= u64::from(EDGES)
    });
    let counters = slow.client.counters();
    assert_eq!(told(counters), u64::from(EDGES));
    assert!(counters.lost_edges > 0 && counters.resyncs > 0, "{counters:?}");
    slow.sync();
    assert_eq!(slow.client.levels(), 1);
    slow.forget();
    bench.world.pull(5, false);
    assert!(!slow.edge().active);
}

#[test]
fn who_sends_without_reading_is_stopped_by_its_own_socket() {
    let mut bench = Bench::open();
    let mut other = bench.attach(lines("gpios=6"));
    let mut flood = Wire::connect(&bench.daemon);
    flood.hello("flood");
    flood.attach_map("e6055400.gpio,gpios=5");
    // More answers than the daemon queues.
    let sent = flood.flood(vgpio_protocol::Request::Info);
    assert!(sent < 1_000_000, "the daemon never stopped it");
    let used = bench.daemon.proc_status("RssAnon");
    assert!(used < SMALL_KIB, "the daemon has {used} KiB");
    other.drive(1, 1);
    assert!(bench.world.level(6));
}

#[test]
fn a_client_that_comes_and_goes_leaves_nothing_behind() {
    let mut bench = Bench::open();
    for _ in 0..200 {
        let mut guest: Guest = bench.attach(lines("gpios=5:6"));
        guest.drive(1, 1);
        drop(guest);
        bench.wait_until_gone();
    }
    bench.wait_until_free(5);
    let open = std::fs::read_dir(format!("/proc/{}/fd", bench.daemon.pid())).expect("it runs");
    assert!(open.count() < 20, "descriptors are left open");
}
