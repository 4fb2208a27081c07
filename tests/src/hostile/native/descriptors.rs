// SPDX-License-Identifier: MIT OR Apache-2.0
//! File descriptors that nobody asked for, along with messages (`unix(7)`, `SCM_RIGHTS`).

use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::mpsc::channel;
use std::thread;

use fastrand::Rng;

use super::super::Held;
use super::super::unsent::{A_MOMENT, unsent};
use super::{Sender, Target, conversation};

/// Connections that pass some.
const TRIES: usize = 20;
/// As many as the kernel passes with one message (`SCM_MAX_FD`).
const MOST: usize = 253;

pub fn many(target: &Target, rng: &mut Rng) -> Held {
    let file = File::open("/dev/null").expect("it is there");
    for _ in 0..TRIES {
        let mut sender = Sender::connect(target);
        for message in conversation(target) {
            let fds = vec![file.as_raw_fd(); rng.usize(..=MOST)];
            sender.send_with(&message, &fds);
        }
        sender.drain();
    }
    Held::new()
}

/// Each of them keeps whoever closes it last waiting. The kernel closes what a daemon is passed and does not take,
/// on the thread that reads or closes the connection.
pub fn slow_to_close(target: &Target, _: &mut Rng) -> Held {
    let pass = |message: Vec<u8>| {
        let (socket, other) = unsent();
        let mut sender = Sender::connect(target);
        let (done, sent) = channel();
        // Where the daemon is the faster one, or takes nothing, it is this thread that waits.
        thread::spawn(move || {
            sender.send_with(&message, &[socket.as_raw_fd()]);
            // Nobody waits for it who does not want it.
            let _ = done.send(sender);
            drop(socket);
        });
        let sender = sent.recv_timeout(A_MOMENT).ok();
        Box::new((sender, other)) as _
    };
    conversation(target).into_iter().map(pass).collect()
}
