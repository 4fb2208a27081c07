// SPDX-License-Identifier: MIT OR Apache-2.0
//! How often lines may change, and clients that do not answer any more.

use std::thread::sleep;
use std::time::{Duration, Instant};

use vgpio::client::{Error, Event};
use vgpio_protocol::{Bias, Configure, Direction, Drive, ErrorCode};
use vgpio_tests::harness::{Guest, LABEL, Outside, Wire, eventually, export, map};

use super::{Bench, lines};

/// Longer than any test.
const LONG: &str = "min-hold=4000s";

/// A daemon that lends lines 5 and 6 to anyone; line 5 is in an export, and has these limits.
fn limiting(limits: &str) -> Bench {
    let export = format!("relay={LABEL},gpios=5,{limits}");
    Bench::new(&["--export", &export, "--allow-line-maps"])
}

/// What was refused of each line of the only client.
fn refused(bench: &Bench) -> Vec<u64> {
    let [session] = &bench.daemon.status().sessions[..] else { panic!("there is one") };
    session.lines.iter().map(|line| line.refused).collect()
}

/// Waits for the refusal of a change, and returns its text.
fn refusal(guest: &mut Guest, mask: u64) -> String {
    guest.sync_whatever();
    let report = guest.error();
    assert_eq!((report.code, report.mask), (ErrorCode::TooOften, mask), "{report}");
    report.text
}

#[test]
fn a_line_that_may_not_change_yet_stays_and_others_of_the_set_change() {
    let mut bench = limiting(LONG);
    let mut guest = bench.attach(lines("gpios=5:6"));
    // The first level of an output need not be held.
    guest.drive(0b11, 0b00);
    guest.set(0b01, 0b01);
    guest.client.set(0b11, 0b10);
    let text = refusal(&mut guest, 0b01);
    assert!(text.contains(LABEL) && text.contains("line 5") && text.contains(LONG), "{text}");
    assert_eq!((bench.world.levels(&[5, 6]), refused(&bench)), (0b11, vec![1, 0]));
    // To its level it may be set as often as anybody likes.
    for _ in 0..3 {
        guest.set(0b11, 0b11);
    }
    assert_eq!(refused(&bench), [1, 0]);
    guest.set(0b10, 0b00);
    assert_eq!(bench.world.levels(&[5, 6]), 0b01);
}

#[test]
fn a_change_of_directions_is_refused_as_a_whole() {
    let mut bench = limiting(LONG);
    let mut guest = bench.attach(lines("gpios=5:6"));
    guest.drive(0b11, 0b00);
    guest.set(0b01, 0b01);
    guest.client.configure_directions(0b11, 0, 0);
    refusal(&mut guest, 0b01);
    assert_eq!(bench.world.levels(&[5, 6]), 0b01);
    for offset in [5, 6] {
        assert_eq!(bench.world.info(offset).direction, Direction::Output, "{offset}");
    }
    assert_eq!(guest.client.outputs(), 0b11);
}

#[test]
fn a_line_may_change_again_when_it_was_held_as_long_as_it_must() {
    let mut bench = limiting("min-hold=20ms");
    let mut guest = bench.attach(export("relay"));
    guest.drive(1, 0);
    for level in [1, 0, 1] {
        sleep(Duration::from_millis(25));
        guest.set(1, level);
        assert_eq!(bench.world.level(5), level == 1);
    }
}

#[test]
fn whoever_takes_a_line_again_gains_nothing() {
    let mut bench = limiting("max-toggle-rate=0.001");
    let mut guest = bench.attach(lines("gpios=5"));
    guest.drive(1, 1);
    drop(guest);
    bench.wait_until_gone();
    bench.wait_until_free(5);
    let refusal_of_init = Guest::refusal(&bench.daemon, lines("gpios=5,init=high"));
    assert_eq!(refusal_of_init.code, ErrorCode::TooOften, "{refusal_of_init}");
    assert!(bench.world.info(5).consumer.is_none());
    let mut guest = bench.attach(lines("gpios=5"));
    guest.client.configure_directions(1, 1, 1);
    refusal(&mut guest, 1);
    assert_eq!(bench.world.info(5).direction, Direction::Input);
    assert_eq!(refused(&bench), [2]);
}

#[test]
fn nobody_moves_a_line_by_safe_states_alone() {
    let mut bench = limiting(LONG);
    drop(bench.attach(lines("gpios=5,init=high,safe=high")));
    bench.wait_until_gone();
    // As long as it may change, it may do so by what another guest calls safe.
    drop(bench.attach(lines("gpios=5,init=as-is,safe=low")));
    bench.wait_until_gone();
    bench.sees(5, false);
    for keys in ["safe=high", "safe=low,active-low=on", "safe=low,drive=open-source", "safe=input"]
    {
        let wanted = lines(&format!("gpios=5,init=as-is,{keys}"));
        assert_eq!(Guest::refusal(&bench.daemon, wanted).code, ErrorCode::TooOften, "{keys}");
    }
    drop(bench.attach(lines("gpios=5,init=as-is,safe=low")));
    bench.wait_until_gone();
    assert!(!bench.world.level(5));
    assert_eq!(bench.world.info(5).direction, Direction::Output);
}

#[test]
fn safe_states_are_not_limited() {
    let mut bench = limiting(&format!("{LONG},safe=low"));
    let mut guest = bench.attach(export("relay"));
    guest.drive(1, 1);
    assert!(bench.world.level(5));
    drop(guest);
    bench.wait_until_gone();
    bench.sees(5, false);
}

#[test]
fn the_limits_of_a_line_hold_whatever_it_is_called() {
    for (lent, wanted) in [("LED1", "11"), ("11", "LED1")] {
        let export = format!("relay={LABEL},gpios={lent},{LONG}");
        let mut bench = Bench::new(&["--export", &export, "--allow-line-maps"]);
        let mut guest = bench.attach(lines(&format!("gpios={wanted}")));
        guest.drive(1, 0);
        guest.set(1, 1);
        guest.client.set(1, 0);
        refusal(&mut guest, 1);
        drop(guest);
        bench.wait_until_gone();
        bench.wait_until_free(11);
        for chip in bench.world.called() {
            let wanted = map(&format!("{chip},gpios={wanted},init=low"));
            assert_eq!(Guest::refusal(&bench.daemon, wanted).code, ErrorCode::TooOften, "{chip}");
        }
    }
}

#[test]
fn a_line_is_not_let_go_by_its_drive_before_it_may_change() {
    for (level, drive) in [(1, Drive::OpenDrain), (0, Drive::OpenSource)] {
        let mut bench = limiting(LONG);
        let mut guest = bench.attach(export("relay"));
        guest.drive(1, 1 - level);
        guest.set(1, level);
        bench.world.pull(5, level == 0);
        guest.client.configure(&Configure { mask: 1, drive: Some(drive), ..Configure::default() });
        refusal(&mut guest, 1);
        assert_eq!(bench.world.levels(&[5]), level);
        // One that makes no difference is none.
        let other = if level == 1 { Drive::OpenSource } else { Drive::OpenDrain };
        guest.configure(&Configure { mask: 1, drive: Some(other), ..Configure::default() });
        assert_eq!(bench.world.levels(&[5]), level);
    }
}

#[test]
fn a_line_is_not_pulled_more_often_than_it_may_change() {
    let mut bench = limiting("max-toggle-rate=0.001");
    let mut guest = bench.attach(export("relay"));
    let pull = |bias| Configure { mask: 1, bias: Some(bias), ..Configure::default() };
    guest.configure(&pull(Bias::PullUp));
    guest.client.configure(&pull(Bias::PullDown));
    refusal(&mut guest, 1);
    assert_eq!(bench.world.info(5).bias, Bias::PullUp);
}

#[test]
fn lines_in_safe_states_are_not_taken_anew_before_they_may_change() {
    let mut bench = limiting(&format!("{LONG},safe=high"));
    for order in ["5:6", "6:5"] {
        drop(bench.attach(lines(&format!("gpios={order},init=high,safe=high"))));
        bench.wait_until_gone();
        bench.sees_all(&[5, 6], 0b11);
    }
    // Now line 5 was given back and taken again, which counts.
    let refusal = Guest::refusal(&bench.daemon, lines("gpios=5:6,init=high,safe=high"));
    assert_eq!((refusal.code, refusal.mask), (ErrorCode::TooOften, 0b01), "{refusal}");
    assert_eq!(bench.world.levels(&[5, 6]), 0b11);
    for offset in [5, 6] {
        assert!(bench.world.info(offset).consumer.is_some(), "{offset}");
    }
}

/// How long clients may take to answer here.
const PERIOD: Duration = Duration::from_secs(1);

fn watching() -> Bench {
    let export = format!("relay={LABEL},gpios=5,safe=low");
    Bench::new(&["--export", &export, "--watchdog", "1s", "--allow-line-maps"])
}

/// Lets a client answer for so long.
fn live(guest: &mut Guest, time: Duration) {
    let end = Instant::now() + time;
    let disconnected = |event| assert!(!matches!(event, Event::Disconnected { .. }), "{event:?}");
    while guest.client.wait(end, &mut |event| disconnected(event)) {}
}

#[test]
fn a_client_that_does_not_answer_is_dead_until_it_lives_again() {
    for by in [export("relay"), lines("gpios=5,safe=low")] {
        let mut bench = watching();
        let mut guest = bench.attach(by);
        guest.drive(1, 1);
        live(&mut guest, 2 * PERIOD + PERIOD / 2);
        assert!(bench.world.level(5));
        // From here on it does nothing.
        bench.wait_until_gone();
        bench.sees(5, false);
        let ended = guest.event("the end", |event| match event {
            Event::Disconnected { error: Error::Ended(report), retry: true } => Some(report.code),
            _ => None,
        });
        assert_eq!(ended, ErrorCode::Unanswered);
        guest.event("lines again", |event| matches!(event, Event::Connected).then_some(()));
        guest.sync();
        bench.sees(5, true);
    }
}

#[test]
fn clients_that_did_not_answer_are_counted_and_logged() {
    let mut bench = watching();
    for (by, count) in [(export("relay"), 1), (lines("gpios=5"), 2)] {
        let mut guest = bench.attach(by);
        live(&mut guest, PERIOD + PERIOD / 2);
        bench.wait_until_gone();
        let status = bench.daemon.status();
        let [relay] = &status.exports[..] else { panic!("{status:?}") };
        assert_eq!((relay.watchdog_ms, relay.unanswered), (Some(1000), count));
    }
    bench.daemon.wait_for_log("unanswered: no answer for 1s");
}

#[test]
fn a_client_has_longer_to_its_first_answer() {
    let bench = watching();
    let mut wire = Wire::connect(&bench.daemon);
    wire.hello_to_be_watched("boots");
    wire.attach("relay");
    sleep(2 * PERIOD + PERIOD / 2);
    assert!(wire.sync(), "it is asked and has not answered, but may not be able to yet");
}

#[test]
fn clients_that_would_not_answer_get_no_watched_lines() {
    let bench = watching();
    let mut wire = Wire::connect(&bench.daemon);
    wire.hello("old");
    wire.attach("relay");
    wire.attach_map(&format!("{LABEL},gpios=5"));
    for _ in 0..2 {
        let told = wire.error().expect("it is refused");
        assert_eq!(told.code, ErrorCode::NotSupported, "{told:?}");
    }
    wire.attach_map(&format!("{LABEL},gpios=6"));
    assert!(wire.sync());
    eventually("it has the other line", || {
        (bench.daemon.status().sessions.first()?.lines.len() == 1).then_some(())
    });
}
