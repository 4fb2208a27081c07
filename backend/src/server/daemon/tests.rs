// SPDX-License-Identifier: MIT OR Apache-2.0
//! Turns of a guest that sends more than it has a share for, and of monitors that ask more; a look at a guest that is
//! watched.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;
use crossbeam_channel::TryRecvError::Empty;
use mio::net::UnixStream;
use mio::{Events, Poll, Waker};
use vgpio_protocol::{Attach, Hello, LineMap, Request, VERSION, features};
use vgpio_rcar::Generation;

use super::Daemon;
use crate::chip::sim::{SimBlock, SimOptions};
use crate::config::{Access, Config, DEFAULT_GRACE, ExportConfig, ExportLine, Keep, Policy};
use crate::hub::{Chips, Hub, SessionKey};
use crate::server::vhost::{Call, Vmms};
use crate::token::Source;

/// Messages of a busy guest: many turns.
const SENT: u64 = 4000;

/// Messages of which a second read brings the last few, with room for more.
const TWO_READS: u64 = 2100;

const GUEST: SessionKey = SessionKey(0);

fn daemon(poll: &Poll) -> Daemon {
    daemon_with(poll, Vec::new(), Vec::new())
}

fn daemon_with(poll: &Poll, sims: Vec<SimBlock>, exports: Vec<ExportConfig>) -> Daemon {
    let config = Config {
        socket: None,
        control: None,
        max_sessions: 1,
        policy: Policy::default(),
        sims: Vec::new(),
        chips: Vec::new(),
        exports,
        vhost_users: Vec::new(),
        keep: Keep::Off,
        grace: DEFAULT_GRACE,
    };
    let waker = Waker::new(poll.registry(), Source::Worker.token()).expect("a waker");
    let waker = Arc::new(waker);
    let chips = Chips::new(sims, Vec::new(), waker.clone());
    let registry = || poll.registry().try_clone().expect("a registry");
    Daemon::new(Hub::new(chips, registry()), config, registry(), Vmms::new(waker))
}

/// HELLO, and optional messages of a type that nobody knows.
fn messages(count: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let hello = Hello { version_min: VERSION, version_max: VERSION, features: 0, name: "guest" };
    Request::Hello(hello).encode(1, &mut bytes);
    for seq in 2..=count {
        bytes.extend([0x34, 0x12, 1, 0, 0, 0, 0, 0]);
        bytes.extend(seq.to_le_bytes());
    }
    bytes
}

/// A guest that has lines of an export with a watchdog and has been asked, and its end of the socket.
fn watched(poll: &Poll) -> (Daemon, UnixStream) {
    let map: LineMap = "lab,gpios=3".parse().expect("it is right");
    let sim = SimBlock::new(SimOptions {
        generation: Generation::Gen3,
        name: "sim0".into(),
        label: map.chip.clone(),
        names: Vec::new(),
    });
    let export = ExportConfig {
        name: "lamp".into(),
        lines: ExportLine::of_map(map).collect(),
        access: Access::default(),
        watchdog: Some(Duration::from_secs(1)),
    };
    let mut daemon = daemon_with(poll, vec![sim], vec![export]);
    let (here, mut there) = UnixStream::pair().expect("sockets");
    daemon.welcome(here);
    let mut bytes = Vec::new();
    let (features, version) = (features::PING, VERSION);
    let hello = Hello { version_min: version, version_max: version, features, name: "guest" };
    Request::Hello(hello).encode(1, &mut bytes);
    Request::Attach(Attach::Export("lamp")).encode(2, &mut bytes);
    Request::Pong.encode(3, &mut bytes);
    there.write_all(&bytes).expect("the socket takes all");
    daemon.guest_ready(GUEST, false);
    while daemon.begin_turn() | daemon.begin_passages() {
        daemon.let_pass();
        daemon.serve_ready();
    }
    assert_eq!(taken(&daemon), 3);
    look(&mut daemon);
    assert!(!daemon.guests.is_empty(), "it has answered");
    (daemon, there)
}

/// What the loop does when the time of a watched guest is over, whether it has read what there is or not.
fn look(daemon: &mut Daemon) {
    let id = daemon.guests[GUEST.0].session.id();
    daemon.watch(GUEST, id);
    daemon.bury();
}

fn taken(daemon: &Daemon) -> u64 {
    daemon.guests.get(GUEST.0).map_or(0, |guest| guest.session.counters.messages)
}

#[test]
fn a_busy_guest_has_one_turn_however_often_it_is_ready() {
    let poll = Poll::new().expect("a poll");
    let mut daemon = daemon(&poll);
    let (here, mut there) = UnixStream::pair().expect("sockets");
    daemon.welcome(here);
    there.write_all(&messages(SENT)).expect("the socket takes all");

    assert!(!daemon.begin_turn() && !daemon.begin_passages());
    daemon.guest_ready(GUEST, false);
    assert!(!daemon.let_pass(), "who has no lines yet waits for the next turn");

    let [mut turns, mut most, mut before] = [0; 3];
    while daemon.begin_turn() | daemon.begin_passages() {
        for _ in 0..10 {
            if before < SENT {
                daemon.guest_ready(GUEST, false);
            }
            daemon.let_pass();
            daemon.serve_ready();
        }
        let now = taken(&daemon);
        most = most.max(now - before);
        before = now;
        turns += 1;
    }
    assert_eq!(before, SENT, "all is read in the end");
    assert!(turns >= SENT / 256, "{turns}");
    assert!(most <= 256, "{most} in one turn");
}

#[test]
fn the_end_of_a_guest_that_waits_for_its_turn_is_kept() {
    let poll = Poll::new().expect("a poll");
    let mut daemon = daemon(&poll);
    let (here, mut there) = UnixStream::pair().expect("sockets");
    daemon.welcome(here);
    there.write_all(&messages(TWO_READS)).expect("the socket takes all");
    daemon.guest_ready(GUEST, false);
    drop(there);
    daemon.guest_ready(GUEST, true);
    let mut turns = 0;
    while daemon.begin_turn() | daemon.begin_passages() {
        daemon.let_pass();
        daemon.serve_ready();
        daemon.bury();
        turns += 1;
        assert!(turns < SENT, "it goes on for ever");
    }
    assert!(daemon.guests.is_empty(), "it has gone");
}

#[test]
fn who_has_said_hello_and_waits_for_others_is_not_too_late() {
    let hello = messages(1);
    for (sent, sessions) in [(&hello[..], 1), (&hello[..3], 0)] {
        let poll = Poll::new().expect("a poll");
        let mut daemon = daemon(&poll);
        let (here, mut there) = UnixStream::pair().expect("sockets");
        daemon.welcome(here);
        there.write_all(sent).expect("the socket takes all");
        daemon.guest_ready(GUEST, false);
        let id = daemon.guests[GUEST.0].session.id();
        daemon.hello_overdue(GUEST, id);
        assert_eq!(daemon.guests.len(), sessions);
    }
}

#[test]
fn one_monitor_is_answered_in_a_turn_and_the_next_in_the_next() {
    const ASKED: usize = 3;
    let mut poll = Poll::new().expect("a poll");
    let mut daemon = daemon(&poll);
    // Of a session that is over: its end is the answer.
    let asker = daemon.vmms.asker((GUEST, 0));
    let answers: Vec<_> = (0..ASKED).map(|_| asker.send(Call::Reset).expect("a loop")).collect();
    let mut events = Events::with_capacity(1);
    poll.poll(&mut events, Some(Duration::ZERO)).expect("a poll");
    assert!(!events.is_empty(), "the loop is woken");
    for turn in 1..=ASKED {
        assert!(daemon.vmms.ask() && daemon.answer_vmm(), "there are more");
        let is_over = |answer: &&Receiver<_>| !matches!(answer.try_recv(), Err(Empty));
        assert_eq!(answers.iter().filter(is_over).count(), turn);
    }
    assert!(!daemon.answer_vmm() && !daemon.vmms.ask());
}

#[test]
fn a_watched_guest_whose_answer_was_not_read_yet_lives() {
    let poll = Poll::new().expect("a poll");
    let (mut daemon, mut there) = watched(&poll);
    let mut pong = Vec::new();
    Request::Pong.encode(4, &mut pong);
    there.write_all(&pong).expect("the socket takes it");
    look(&mut daemon);
    assert!(!daemon.guests.is_empty(), "its answer waits in the socket");
    look(&mut daemon);
    assert!(daemon.guests.is_empty(), "it has not answered again");
}
