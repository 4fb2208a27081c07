// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happens outside is what a client sees of its inputs.

use vgpio_protocol::{Configure, Edge, EdgeDetection};
use vgpio_tests::harness::{Guest, Outside};

use super::{Bench, lines};

/// Takes `count` edges of alternating levels, the first rising; each must follow the one before.
fn take_alternating(guest: &mut Guest, count: u32, after: Option<Edge>) -> Edge {
    let mut last = after;
    for i in 0..count {
        let edge = guest.edge();
        assert_eq!(edge.active, i % 2 == 0, "edge {i}");
        if let Some(before) = last {
            assert_eq!(edge.line_seqno, before.line_seqno + 1, "edge {i}");
            assert!(edge.timestamp_ns > before.timestamp_ns, "edge {i}");
        }
        last = Some(edge);
    }
    last.expect("there are some")
}

#[test]
fn every_change_of_an_input_reaches_the_client_as_an_edge() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=3:21"));
    let mut last = None;
    for i in 0..1000 {
        let high = i % 2 == 0;
        bench.world.pull(21, high);
        let edge = guest.edge();
        assert_eq!((edge.line, edge.active), (1, high), "change {i}");
        assert_eq!(guest.client.levels() >> 1 & 1 == 1, high, "change {i}");
        if let Some(Edge { line_seqno, timestamp_ns, .. }) = last {
            assert_eq!(edge.line_seqno, line_seqno + 1, "change {i}");
            assert!(edge.timestamp_ns > timestamp_ns, "change {i}");
        }
        last = Some(edge);
    }
    assert_eq!(guest.client.counters().lost_edges, 0);
}

#[test]
fn a_burst_of_changes_reaches_the_client_whole() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=21"));
    let mut last = None;
    for _ in 0..5 {
        bench.world.wiggle(21, 1000);
        last = Some(take_alternating(&mut guest, 1000, last));
    }
    assert_eq!(guest.client.counters().lost_edges, 0);
}

#[test]
fn all_lines_tell_their_edges() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=0-31"));
    for high in [true, false] {
        for offset in 0..32 {
            bench.world.pull(offset, high);
            let edge = guest.edge();
            assert_eq!((u32::from(edge.line), edge.active), (offset, high));
        }
    }
}

#[test]
fn only_the_edges_asked_for_are_told() {
    for (keys, wanted) in [("edges=rising", true), ("edges=falling", false)] {
        let mut bench = Bench::open();
        let mut guest = bench.attach(lines(&format!("gpios=6,{keys}")));
        bench.world.wiggle(6, 10);
        let edges: Vec<_> = (0..5).map(|_| guest.edge().active).collect();
        assert_eq!(edges, [wanted; 5], "{keys}");
        assert_eq!(guest.read(1), 0);
        assert_eq!(guest.client.counters().edges, 5, "{keys}");
    }
}

#[test]
fn without_edges_levels_are_read_on_request() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=6,edges=none"));
    for high in [true, false, true] {
        bench.world.pull(6, high);
        assert_eq!(guest.read(1), u64::from(high));
    }
    assert_eq!(guest.client.counters().edges, 0);
    let edges = Some(EdgeDetection::Both);
    guest.configure(&Configure { mask: 1, edges, ..Configure::default() });
    bench.world.pull(6, false);
    assert!(!guest.edge().active);
}

#[test]
fn a_line_that_was_an_output_tells_its_edges_again() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=6"));
    bench.world.wiggle(6, 2);
    take_alternating(&mut guest, 2, None);
    guest.drive(1, 0);
    guest.release(1);
    bench.world.wiggle(6, 10);
    take_alternating(&mut guest, 10, None);
}

#[test]
fn the_edges_of_one_line_go_on_while_another_turns() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=6:7"));
    let mut last = None;
    for i in 0..20 {
        bench.world.wiggle(6, 4);
        last = Some(take_alternating(&mut guest, 4, last));
        if i % 2 == 0 {
            guest.drive(0b10, 0b10);
        } else {
            guest.release(0b10);
        }
        // What line 7 did when it was turned.
        guest.forget();
    }
}
