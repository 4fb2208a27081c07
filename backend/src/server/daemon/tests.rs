// SPDX-License-Identifier: MIT OR Apache-2.0
//! Turns of a guest that sends more than it has a share for, and of monitors that ask more.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;
use crossbeam_channel::TryRecvError::Empty;
use mio::net::UnixStream;
use mio::{Events, Poll, Waker};
use vgpio_protocol::{Hello, Request, VERSION};

use super::Daemon;
use crate::config::{Config, DEFAULT_GRACE, Keep, Policy};
use crate::hub::{Chips, Hub, SessionKey};
use crate::server::vhost::{Call, Vmms};
use crate::token::Source;

/// Messages of a busy guest: many turns.
const SENT: u64 = 4000;

/// Messages of which a second read brings the last few, with room for more.
const TWO_READS: u64 = 2100;

const GUEST: SessionKey = SessionKey(0);

fn daemon(poll: &Poll) -> Daemon {
    let config = Config {
        socket: None,
        control: None,
        max_sessions: 1,
        policy: Policy::default(),
        sims: Vec::new(),
        chips: Vec::new(),
        exports: Vec::new(),
        vhost_users: Vec::new(),
        keep: Keep::Off,
        grace: DEFAULT_GRACE,
    };
    let waker = Waker::new(poll.registry(), Source::Worker.token()).expect("a waker");
    let waker = Arc::new(waker);
    let chips = Chips::new(Vec::new(), Vec::new(), waker.clone());
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
