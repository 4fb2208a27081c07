// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a client does to outputs is what the outside sees.

use vgpio_protocol::ErrorCode;
use vgpio_tests::harness::Outside;

use super::{Bench, lines};

/// Many more than fit into the client's queue.
const SETS: u64 = 20_000;

#[test]
fn every_transition_of_an_output_is_seen_outside() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=11,init=low"));
    for i in 0..500 {
        let high = i % 2 == 0;
        guest.set(1, u64::from(high));
        assert_eq!(bench.world.level(11), high, "transition {i}");
    }
}

#[test]
fn eight_lines_change_with_one_set() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=8-15,init=low"));
    for pattern in [0xff, 0x00, 0xa5, 0x5a, 0x01, 0x80, 0x7e] {
        guest.set(0xff, pattern);
        assert_eq!(bench.world.levels(&[8, 9, 10, 11, 12, 13, 14, 15]), pattern);
    }
}

#[test]
fn a_set_moves_only_the_lines_of_its_mask() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=8-15,init=low"));
    guest.set(0b1111_0000, 0b1010_0000);
    guest.set(0b0000_1100, 0b0000_1100);
    guest.set(0b1000_0100, 0);
    assert_eq!(bench.world.levels(&[8, 9, 10, 11, 12, 13, 14, 15]), 0b0010_1000);
}

#[test]
fn a_client_that_waits_now_and_then_loses_no_transition() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=8-15,init=low"));
    for i in 0..SETS {
        guest.client.set(0xff, i & 0xff);
        if i % 1000 == 999 {
            guest.sync();
        }
    }
    assert_eq!(bench.world.levels(&[8, 9, 10, 11, 12, 13, 14, 15]), (SETS - 1) & 0xff);
    assert_eq!(guest.client.counters().coalesced, 0);
    assert_eq!(bench.daemon.status().sessions[0].counters.sets, SETS);
}

#[test]
fn sets_and_barriers_in_turns_are_all_carried_out() {
    let bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=8,init=low"));
    for i in 0..400 {
        for j in 0..20 {
            guest.client.set(1, (i + j) & 1);
        }
        guest.sync();
    }
    assert_eq!(bench.daemon.status().sessions[0].counters.sets, 400 * 20);
}

#[test]
fn sets_that_nobody_waits_for_end_at_the_last_level() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=8-15,init=low"));
    for i in 0..SETS {
        guest.client.set(0xff, i & 0xff);
    }
    guest.sync();
    assert_eq!(bench.world.levels(&[8, 9, 10, 11, 12, 13, 14, 15]), (SETS - 1) & 0xff);
    let counters = guest.client.counters();
    assert!(counters.sent + counters.coalesced >= SETS, "{counters:?}");
    assert_eq!(bench.daemon.status().sessions[0].counters.sets, counters.sent);
}

#[test]
fn a_line_turns_to_and_fro() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=5"));
    for _ in 0..3 {
        guest.drive(1, 1);
        assert!(bench.world.level(5));
        guest.drive(1, 0);
        assert!(!bench.world.level(5));
        guest.release(1);
        for high in [true, false] {
            bench.world.pull(5, high);
            assert_eq!(bench.world.level(5), high);
            assert_eq!(guest.read(1), u64::from(high));
        }
    }
}

#[test]
fn one_message_turns_some_lines_to_outputs_and_others_to_inputs() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=4-7,init=low"));
    guest.client.configure_directions(0b1111, 0b1010, 0b1000);
    guest.sync();
    bench.world.pull(4, true);
    assert_eq!(guest.client.outputs(), 0b1010);
    assert_eq!(guest.read(0b1111), 0b1001);
    assert_eq!(bench.world.levels(&[5, 7]), 0b10);
}

#[test]
fn a_set_of_an_input_is_refused_and_changes_nothing() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=5:6"));
    guest.drive(0b01, 0);
    guest.client.set(0b11, 0b11);
    guest.sync_whatever();
    let report = guest.error();
    assert_eq!((report.code, report.mask), (ErrorCode::NotOutput, 0b10));
    assert!(!bench.world.level(5));
    guest.set(0b01, 0b01);
    assert!(bench.world.level(5));
}
