// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who has a line, and who shares it.

use std::process;

use vgpio_protocol::ErrorCode;
use vgpio_tests::harness::{Guest, Outside, export};

use super::{Bench, lines};

#[test]
fn a_line_of_another_session_is_refused_naming_it() {
    let bench = Bench::open();
    let _owner = bench.attach(lines("gpios=4:5"));
    let report = Guest::refusal(&bench.daemon, lines("gpios=3:5"));
    assert_eq!((report.code, report.mask), (ErrorCode::Busy, 0b10));
    let id = bench.daemon.status().sessions[0].id;
    let owner =
        format!("line 5: cannot take lines: held by 'session {id} (guest, pid {})'", process::id());
    assert!(report.text.contains(&owner), "{report}");
}

#[test]
fn a_line_is_free_again_when_its_session_has_gone() {
    let mut bench = Bench::lending("led", "gpios=5");
    for _ in 0..5 {
        let mut guest = bench.attach(export("led"));
        guest.drive(1, 1);
        drop(guest);
        bench.wait_until_gone();
        bench.wait_until_free(5);
    }
}

#[test]
fn all_who_share_an_input_see_its_edges() {
    let mut bench = Bench::open();
    let mut guests: Vec<_> = (0..3).map(|_| bench.attach(lines("gpios=5,shared=on"))).collect();
    for high in [true, false, true] {
        bench.world.pull(5, high);
        let edges: Vec<_> = guests.iter_mut().map(Guest::edge).collect();
        assert!(edges.iter().all(|edge| *edge == edges[0] && edge.active == high), "{edges:?}");
    }
    // Those who stay go on seeing them.
    guests.pop();
    bench.world.pull(5, false);
    assert!(guests.iter_mut().all(|guest| !guest.edge().active));
}

#[test]
fn a_shared_input_may_be_beside_lines_of_ones_own() {
    let mut bench = Bench::new(&[
        "--export",
        "one=e6055400.gpio,gpios=5,shared=on",
        "--export",
        "two=e6055400.gpio,gpios=5,shared=on",
    ]);
    let mut one = bench.attach(export("one"));
    let mut two = bench.attach(export("two"));
    bench.world.pull(5, true);
    assert!(one.edge().active && two.edge().active);
}

#[test]
fn who_does_not_share_a_shared_input_is_refused() {
    let bench = Bench::open();
    let _owner = bench.attach(lines("gpios=5,shared=on"));
    assert_eq!(Guest::refusal(&bench.daemon, lines("gpios=5")).code, ErrorCode::Busy);
}

#[test]
fn who_shares_an_input_that_is_not_shared_is_refused() {
    let bench = Bench::open();
    let _owner = bench.attach(lines("gpios=5"));
    assert_eq!(Guest::refusal(&bench.daemon, lines("gpios=5,shared=on")).code, ErrorCode::Busy);
}

#[test]
fn who_shares_an_input_with_other_settings_is_refused() {
    let bench = Bench::open();
    let _owner = bench.attach(lines("gpios=5,shared=on"));
    let other = lines("gpios=5,shared=on,active-low=on");
    assert_eq!(Guest::refusal(&bench.daemon, other).code, ErrorCode::Busy);
}
