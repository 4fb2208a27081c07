// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many connections: at once, and one after the other.

use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use fastrand::Rng;

use super::super::Held;
use super::{Sender, Target};

/// Connections that come and go.
const KNOCKS: usize = 1000;
/// Of these that take lines, which is dearer.
const ATTACHED: usize = 100;

/// How long to wait for what a daemon says to one who has just connected.
const A_WHILE: Duration = Duration::from_secs(20);

/// So many connections at once, which have said HELLO or nothing.
pub fn hold(target: &Target, count: usize, says_hello: bool) -> Vec<Sender> {
    let connect = |_| {
        let mut sender = Sender::connect(target);
        if says_hello {
            sender.hello(0);
        }
        sender
    };
    (0..count).map(connect).collect()
}

/// Whether a daemon turns one who connects away at once: it speaks first, or closes.
pub fn knock(target: &Target) -> bool {
    let mut sender = Sender::connect(target);
    sender.hello(0);
    sender.stream().set_read_timeout(Some(A_WHILE)).expect("a socket has a timeout");
    let mut kind = [0; 2];
    let mut stream: &UnixStream = sender.stream();
    match stream.read_exact(&mut kind) {
        Ok(()) => kind == [0xff; 2],
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

pub fn come_and_go(target: &Target, rng: &mut Rng) -> Held {
    for _ in 0..KNOCKS {
        let mut sender = Sender::connect(target);
        if rng.bool() {
            sender.hello(0);
        }
    }
    Held::new()
}

pub fn attach_and_leave(target: &Target, rng: &mut Rng) -> Held {
    for _ in 0..ATTACHED {
        let map = if rng.bool() { &target.own } else { &target.shared };
        let sender = Sender::attached(target, map);
        if rng.bool() {
            sender.finish();
        }
    }
    Held::new()
}
