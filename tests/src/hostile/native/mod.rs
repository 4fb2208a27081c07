// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults of the native protocol (`docs/protocol.md`).

mod bytes;
mod crowd;
mod descriptors;
mod flood;
mod ring;
mod sender;
mod still;

use std::path::PathBuf;

use vgpio_protocol::{Attach, Configure, Hello, LineSet, Request, VERSION, features};

use super::Fault;
pub use crowd::{hold, knock};
pub use sender::Sender;

/// Where harm is meant, and what is lent there to whoever asks.
pub struct Target {
    /// The daemon's socket for frontends.
    pub socket: PathBuf,
    /// A line map of its own, of one line or more.
    pub own: String,
    /// One of inputs that others have, too.
    pub shared: String,
}

/// Messages that are wrong, one way or another.
pub const BYTES: &[Fault<Target>] = &[
    Fault::new("messages cut short", bytes::truncated),
    Fault::new("lengths that are too large", bytes::oversized),
    Fault::new("messages in any order", bytes::reordered),
    Fault::new("messages twice", bytes::duplicated),
    Fault::new("fields that contradict one another", bytes::contradictory),
    Fault::new("bits of messages flipped", bytes::flipped),
    Fault::new("good headers before random payloads", bytes::random_payloads),
    Fault::new("random bytes", bytes::random),
];

/// Frontends that stop, or do not read.
pub const STILL: &[Fault<Target>] = &[
    Fault::new("stalls in the middle of a message", still::stalled),
    Fault::new("connections that say nothing", still::silent),
    Fault::new("answers that nobody reads", still::unread),
    Fault::new("edges that nobody reads", still::deaf),
];

/// Frontends that keep the daemon busy.
pub const FLOODS: &[Fault<Target>] = &[
    Fault::new("a flood of sets", flood::sets),
    Fault::new("a flood of barriers", flood::barriers),
    Fault::new("a flood of changed directions", flood::configures),
    Fault::new("a flood of questions", flood::questions),
    Fault::new("a flood of errors", flood::errors),
    Fault::new("a flood of line maps that are refused", flood::maps),
    Fault::new("connections that come and go", crowd::come_and_go),
    Fault::new("lines that are taken and given back", crowd::attach_and_leave),
];

/// Frontends that send through a ring, against its rules.
pub const RINGS: &[Fault<Target>] = &[
    Fault::new("words of a ring that cannot be", ring::words),
    Fault::new("random bytes through a ring", ring::bytes),
    Fault::new("a flood of doorbells", ring::doorbells),
    Fault::new("a ring that is written all the time", ring::torn),
];

/// Frontends that pass file descriptors which nobody asked for.
pub const DESCRIPTORS: &[Fault<Target>] =
    &[Fault::new("many descriptors with each message", descriptors::many)];

/// The same, where the host has TCP.
pub const SLOW_DESCRIPTORS: &[Fault<Target>] =
    &[Fault::new("descriptors that take long to close", descriptors::slow_to_close)];

/// A whole conversation, message by message, as a well-behaved frontend leads it.
fn conversation(target: &Target) -> Vec<Vec<u8>> {
    let (version_min, version_max) = (VERSION, VERSION);
    let features = features::RING;
    let set = |bits| Request::Set(LineSet { mask: 1, bits });
    let requests = [
        Request::Hello(Hello { version_min, version_max, features, name: "hostile" }),
        Request::Attach(Attach::Map(&target.own)),
        Request::Configure(Configure::directions(1, 1, 0)),
        set(1),
        Request::Get(1),
        Request::Info,
        set(0),
        Request::Sync,
        Request::Configure(Configure::directions(1, 0, 0)),
    ];
    let encoded = (1..).zip(requests).map(|(seq, request)| {
        let mut bytes = Vec::new();
        request.encode(seq, &mut bytes);
        bytes
    });
    encoded.collect()
}
