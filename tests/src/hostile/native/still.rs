// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frontends that stop, or do not read.

use fastrand::Rng;
use vgpio_protocol::Request;

use super::super::Held;
use super::{Sender, Target, conversation};

/// How many do so at once.
const STILL: usize = 100;
/// How many do not read: each makes the daemon queue as much as it may.
const DEAF: usize = 20;
/// More questions than the daemon answers one who does not read.
const QUESTIONS: usize = 20_000;

pub fn stalled(target: &Target, rng: &mut Rng) -> Held {
    let whole = conversation(target).concat();
    let stalled = |_| {
        let mut sender = Sender::connect(target);
        sender.send_bytes(&whole[..rng.usize(1..whole.len())]);
        Box::new(sender) as _
    };
    (0..STILL).map(stalled).collect()
}

pub fn silent(target: &Target, _: &mut Rng) -> Held {
    (0..STILL).map(|_| Box::new(Sender::connect(target)) as _).collect()
}

/// Asks until the daemon takes no more.
pub fn unread(target: &Target, _: &mut Rng) -> Held {
    let unread = |_| {
        let mut sender = Sender::attached(target, &target.shared);
        let all = (0..QUESTIONS).all(|_| sender.send(Request::Info));
        assert!(!all, "the daemon never stopped one who does not read");
        Box::new(sender) as _
    };
    (0..DEAF).map(unread).collect()
}

/// Has the edges of an input, and leaves them where they are.
pub fn deaf(target: &Target, _: &mut Rng) -> Held {
    (0..DEAF).map(|_| Box::new(Sender::attached(target, &target.shared)) as _).collect()
}
