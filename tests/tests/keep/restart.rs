// SPDX-License-Identifier: MIT OR Apache-2.0
//! Daemons that die, or are replaced, while a client has lines.

use nix::sys::signal::Signal;
use vgpio::client::Event;
use vgpio_protocol::Direction;
use vgpio_tests::harness::{Daemon, Outside, Seen};

use super::{Bench, bench, guest, restart};

#[test]
fn outputs_keep_their_levels_while_the_daemon_is_killed_again_and_again() {
    let mut bench = bench("gpios=5:6,safe=low", &[]);
    let mut guest = guest(&bench);
    guest.drive(0b11, 0b01);
    let witnesses = [5, 6].map(|offset| bench.world.witness(offset));
    for _ in 0..100 {
        bench = restart(bench, &mut guest, Daemon::kill);
    }
    for witness in witnesses {
        let seen = witness.finish();
        eprintln!("{seen:?}");
        assert_eq!(seen, Seen::unchanged(seen.looks));
        assert!(seen.looks > 1000);
    }
    guest.set(0b11, 0b10);
    assert_eq!(bench.world.levels(&[5, 6]), 0b10);
}

#[test]
fn outputs_keep_their_levels_while_the_daemon_is_upgraded() {
    let mut bench = bench("gpios=5:6,safe=low", &[]);
    let mut guest = guest(&bench);
    guest.drive(0b11, 0b01);
    let witness = bench.world.witness(5);
    for _ in 0..5 {
        bench = restart(bench, &mut guest, |daemon| {
            daemon.signal(Signal::SIGUSR1);
            assert!(daemon.wait().status.success());
        });
    }
    let seen = witness.finish();
    assert_eq!((seen.changes, seen.released, seen.reconfigured), (0, 0, 0), "{seen:?}");
    assert_eq!(bench.world.levels(&[5, 6]), 0b01);
}

#[test]
fn what_the_client_wants_meanwhile_is_what_the_lines_become_at_once() {
    let mut bench = bench("gpios=5:6,init=low,safe=low", &[]);
    let mut guest = guest(&bench);
    guest.drive(0b11, 0b11);
    let witnesses = [5, 6].map(|offset| bench.world.witness(offset));
    bench = bench.restart(|daemon| {
        daemon.kill();
        guest.client.set(0b01, 0b00);
    });
    super::attached_again(&mut guest);
    let [changed, left] = witnesses.map(vgpio_tests::harness::Witness::finish);
    assert_eq!((changed.released, changed.reconfigured), (0, 1), "{changed:?}");
    assert!(changed.changes <= 1, "{changed:?}");
    assert_eq!((left.changes, left.released, left.reconfigured), (0, 0, 0), "{left:?}");
    assert_eq!(bench.world.levels(&[5, 6]), 0b10);
}

#[test]
fn edges_that_come_without_a_daemon_are_told_by_the_next_one() {
    let mut bench = bench("gpios=5", &[]);
    let mut guest = guest(&bench);
    bench.world.pull(5, true);
    let first = guest.edge();
    assert!(first.active);
    let Bench { daemon, mut world, options } = bench;
    let daemon = daemon.replaced(&options, |daemon| {
        daemon.kill();
        world.pull(5, false);
        world.pull(5, true);
        world.pull(5, false);
    });
    world.meet(&daemon);
    super::attached_again(&mut guest);
    let edges = [(); 3].map(|()| guest.edge());
    assert_eq!(edges.map(|edge| edge.active), [false, true, false]);
    // The numbers go on, so that a client can see what it has missed.
    let numbers = edges.map(|edge| edge.line_seqno.wrapping_sub(first.line_seqno));
    assert_eq!(numbers, [1, 2, 3]);
    world.pull(5, true);
    assert!(guest.edge().active);
}

#[test]
fn settings_that_the_client_has_made_are_not_made_again() {
    let mut bench = bench("gpios=5,bias=pull-up", &[]);
    let mut guest = guest(&bench);
    let change = vgpio_protocol::Configure {
        mask: 1,
        direction: Some(vgpio_protocol::Directions { outputs: 1, bits: 0 }),
        active_low: Some(true),
        drive: Some(vgpio_protocol::Drive::OpenDrain),
        ..Default::default()
    };
    guest.configure(&change);
    let before = bench.world.info(5);
    let level = bench.world.level(5);
    let witness = bench.world.witness(5);
    bench = restart(bench, &mut guest, Daemon::kill);
    let seen = witness.finish();
    assert_eq!((seen.changes, seen.released, seen.reconfigured), (0, 0, 0), "{seen:?}");
    assert_eq!((bench.world.info(5), bench.world.level(5)), (before, level));
}

#[test]
fn lines_of_a_line_map_are_kept_too() {
    let mut bench = Bench::new(&["--keep", "keeper", "--allow-line-maps"]);
    let mut guest = bench.attach(vgpio_tests::harness::lines("gpios=5:6,safe=low"));
    guest.forget();
    guest.drive(0b11, 0b11);
    let witness = bench.world.witness(6);
    bench = restart(bench, &mut guest, Daemon::kill);
    let seen = witness.finish();
    assert_eq!((seen.changes, seen.released, seen.reconfigured), (0, 0, 0), "{seen:?}");
    assert_eq!(bench.world.info(5).direction, Direction::Output);
}

#[test]
fn a_line_in_its_safe_state_stays_there() {
    let mut bench = bench("gpios=5,safe=high", &[]);
    let mut guest = guest(&bench);
    guest.drive(1, 0);
    drop(guest);
    bench.wait_until_gone();
    bench.sees(5, true);
    let witness = bench.world.witness(5);
    bench = bench.restart(Daemon::kill);
    assert_eq!(bench.daemon.status().awaited, []);
    let seen = witness.finish();
    assert_eq!((seen.changes, seen.released), (0, 0), "{seen:?}");
    // It is nobody's, so that whoever comes has it as the export says.
    let mut guest = super::guest(&bench);
    assert_eq!(bench.world.info(5).direction, Direction::Input);
    guest.drive(1, 1);
    assert!(bench.world.level(5));
}

#[test]
fn a_client_is_told_of_nothing_but_the_connection() {
    let mut bench = bench("gpios=5:6,safe=low", &[]);
    let mut guest = guest(&bench);
    guest.drive(0b01, 0b01);
    guest.forget();
    bench = restart(bench, &mut guest, Daemon::kill);
    let strange = guest
        .events()
        .find(|event| matches!(event, Event::Error(_) | Event::Lost { .. } | Event::Edge(_)));
    assert_eq!(strange, None);
    drop(bench);
}
