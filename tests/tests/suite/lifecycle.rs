// SPDX-License-Identifier: MIT OR Apache-2.0
//! Daemons that end, come back, and get in each other's way.

use std::fs;

use nix::sys::signal::Signal;
use vgpio::client::{Error, Event, State};
use vgpio_protocol::ErrorCode;
use vgpio_tests::harness::{Daemon, Guest, Outside, command, export, options};

use super::{Bench, lines};

/// Waits until the client has its lines again, and what it was told before has been sent.
fn wait_until_back(guest: &mut Guest, times: u64) {
    guest.wait_until("the client is attached again", |client| {
        client.state() == State::Attached && client.counters().reconnects == times
    });
    guest.sync();
}

#[test]
fn a_client_gets_its_lines_back_from_a_daemon_that_is_started_again() {
    let mut bench = Bench::lending("lines", "gpios=5:6:7");
    let mut guest = bench.attach(export("lines"));
    guest.drive(0b011, 0b010);
    for (times, end) in [(1, Daemon::kill as fn(Daemon)), (2, |daemon| drop(daemon.stop()))] {
        bench = bench.restart(end);
        wait_until_back(&mut guest, times);
        assert_eq!(guest.client.outputs(), 0b011);
        assert_eq!(bench.world.levels(&[5, 6]), 0b10);
        guest.set(0b11, 0b01);
        assert_eq!(bench.world.levels(&[5, 6]), 0b01);
        guest.set(0b11, 0b10);
        guest.forget();
        bench.world.wiggle(7, 2);
        assert!(guest.edge().active);
    }
}

#[test]
fn what_is_set_without_a_daemon_is_done_when_there_is_one() {
    let bench = Bench::lending("lines", "gpios=5:6");
    let mut guest = bench.attach(export("lines"));
    guest.drive(0b11, 0b00);
    let mut bench = bench.restart(|daemon| {
        daemon.stop();
        guest.wait_until("the client knows", |client| client.state() == State::Disconnected);
        guest.client.set(0b01, 0b01);
        guest.client.set(0b10, 0b10);
    });
    wait_until_back(&mut guest, 1);
    assert_eq!(bench.world.levels(&[5, 6]), 0b11);
}

#[test]
fn a_client_that_comes_before_the_daemon_is_served_when_it_comes() {
    let bench = Bench::lending("led", "gpios=5");
    let mut guest = Guest::new(options(bench.daemon.socket(), export("led")));
    let mut bench = bench.restart(|daemon| {
        daemon.stop();
        guest.client.connect().expect_err("there is no daemon");
        guest.client.configure_directions(1, 1, 1);
    });
    guest.sync();
    assert!(bench.world.level(5));
}

#[test]
fn clients_are_told_that_the_daemon_ends() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let bench = Bench::open();
        let mut guest = bench.attach(lines("gpios=5"));
        bench.daemon.signal(signal);
        let ended = guest.event("the end", |event| match event {
            Event::Disconnected { error: Error::Ended(report), .. } => Some(report.clone()),
            _ => None,
        });
        assert_eq!(ended.code, ErrorCode::ShuttingDown);
        let ended = bench.daemon.wait();
        assert!(ended.status.success(), "{signal}: {ended:?}");
    }
}

#[test]
fn a_second_daemon_on_the_same_socket_is_refused() {
    let bench = Bench::open();
    let mut guest = bench.attach(lines("gpios=5"));
    let ended = Daemon::run(command(bench.daemon.folder().path(), &bench.options));
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let socket = bench.daemon.socket();
    let text = format!("another vgpiod already listens on {}", socket.display());
    assert!(ended.log.contains(&text), "{}", ended.log);
    guest.drive(1, 1);
}

#[test]
fn a_socket_of_a_dead_daemon_is_replaced() {
    let bench = Bench::open();
    let socket = bench.daemon.socket();
    let bench = bench.restart(|daemon| {
        daemon.kill();
        assert!(socket.exists());
    });
    bench.attach(lines("gpios=5"));
    let ended = bench.daemon.stop();
    assert!(ended.log.contains("was left by a daemon that died"), "{}", ended.log);
}

#[test]
fn a_file_in_the_way_of_the_socket_is_left_alone() {
    let bench = Bench::open();
    let socket = bench.daemon.socket();
    let folder = std::rc::Rc::clone(bench.daemon.folder());
    let Bench { daemon, options, .. } = bench;
    daemon.stop();
    fs::write(&socket, "precious").expect("the folder takes it");
    let ended = Daemon::run(command(folder.path(), &options));
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.log.contains("exists and is no socket"), "{}", ended.log);
    assert_eq!(fs::read_to_string(&socket).expect("it is there"), "precious");
}
