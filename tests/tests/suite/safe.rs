// SPDX-License-Identifier: MIT OR Apache-2.0
//! What lines are when a client comes, and when it goes.

use vgpio_protocol::{Direction, ErrorCode};
use vgpio_tests::harness::{Guest, Holder, Outside, eventually};

use super::{Bench, lines};

/// Waits until the host has what `safe=` makes of an output that a client left, high if `high`.
fn check(bench: &mut Bench, safe: &str, high: bool) {
    eventually(&format!("safe={safe} of a line that was {high}"), || {
        let info = bench.world.info(7);
        let held = info.consumer.is_some();
        let output = info.direction == Direction::Output;
        let level = bench.world.level(7);
        let is_safe = match safe {
            "release" => !held,
            "input" => held && !output,
            "hold" => held && output && level == high,
            "low" => held && output && !level,
            "high" => held && output && level,
            other => panic!("{other}"),
        };
        is_safe.then_some(())
    });
}

const SAFE: [&str; 5] = ["release", "hold", "low", "high", "input"];

#[test]
fn init_says_what_lines_are_on_attaching() {
    let mut bench = Bench::open();
    for (init, output, high) in
        [("input", false, true), ("low", true, false), ("high", true, true), ("as-is", true, true)]
    {
        // An output is stronger than what pulls it.
        bench.world.pull(7, high != output);
        let guest = bench.attach(lines(&format!("gpios=7,init={init},safe=hold")));
        assert_eq!(guest.client.outputs() == 1, output, "{init}");
        assert_eq!(bench.world.level(7), high, "{init}");
        assert_eq!(bench.world.info(7).direction == Direction::Output, output, "{init}");
        drop(guest);
        bench.wait_until_gone();
    }
}

#[test]
fn as_is_leaves_an_input_an_input_that_is_read_on_request() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=7,init=as-is"));
    for high in [true, false] {
        bench.world.pull(7, high);
        assert_eq!(guest.read(1), u64::from(high));
    }
    guest.drive(1, 1);
    assert!(bench.world.level(7));
    guest.release(1);
    // Now it tells its edges, of which the first may be that to the level outside.
    bench.world.wiggle(7, 3);
    while !guest.edge().active {}
}

#[test]
fn outputs_go_to_their_safe_state_when_the_client_goes() {
    for safe in SAFE {
        for high in [true, false] {
            let mut bench = Bench::open();
            let mut guest = bench.attach(lines(&format!("gpios=7,safe={safe}")));
            guest.drive(1, u64::from(high));
            drop(guest);
            bench.wait_until_gone();
            check(&mut bench, safe, high);
        }
    }
}

#[test]
fn outputs_go_to_their_safe_state_when_the_client_is_killed() {
    for safe in SAFE {
        let mut bench = Bench::open();
        let map = format!("e6055400.gpio,gpios=7,init=high,safe={safe}");
        let holder = Holder::start(env!("CARGO_BIN_EXE_line-holder"), &bench.daemon, &map);
        assert!(bench.world.level(7));
        holder.kill();
        bench.wait_until_gone();
        check(&mut bench, safe, true);
    }
}

#[test]
fn each_line_of_a_client_goes_to_the_safe_state() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=4-7,safe=high"));
    guest.drive(0b0111, 0b0001);
    drop(guest);
    bench.wait_until_gone();
    eventually("all outputs are high", || (bench.world.levels(&[4, 5, 6]) == 0b111).then_some(()));
    assert_eq!(bench.world.info(7).direction, Direction::Input);
}

#[test]
fn lines_that_are_kept_safe_are_taken_anew_by_who_wants_them_in_another_order() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=6:7,safe=hold"));
    guest.drive(0b11, 0b10);
    drop(guest);
    bench.wait_until_gone();
    let mut guest = bench.attach(lines("gpios=7:6,init=high"));
    guest.sync();
    assert_eq!(bench.world.levels(&[6, 7]), 0b11);
    guest.set(0b11, 0b01);
    assert_eq!(bench.world.levels(&[6, 7]), 0b10);
}

#[test]
fn lines_that_are_kept_safe_are_taken_over_by_who_attaches_them_again() {
    let mut bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=6:7,safe=hold"));
    guest.drive(0b11, 0b10);
    drop(guest);
    bench.wait_until_gone();
    assert_eq!(Guest::refusal(&bench.daemon, lines("gpios=7")).code, ErrorCode::Busy);
    let mut guest = bench.attach(lines("gpios=6:7,init=as-is"));
    guest.sync();
    assert_eq!(guest.client.outputs(), 0b11);
    assert_eq!((guest.client.levels(), bench.world.levels(&[6, 7])), (0b10, 0b10));
    guest.set(0b11, 0b01);
    assert_eq!(bench.world.levels(&[6, 7]), 0b01);
    drop(guest);
    bench.wait_until_gone();
    bench.wait_until_free(7);
}
