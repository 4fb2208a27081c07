// SPDX-License-Identifier: MIT OR Apache-2.0
//! What keeps a daemon busy, as fast as it goes.

use std::os::fd::AsRawFd;

use fastrand::Rng;

use super::super::Held;
use super::Target;
use super::guest::{Guest, NEXT, REQUESTS, WRITE};
use super::monitor::{GET_CONFIG, GET_VRING_BASE, GUEST, Message, SIZE, USER, of_queue, table};

/// Kicks, questions and the like.
const MANY: usize = 5000;
/// What is dearer.
const FEW: usize = 1000;
/// Requests that are made available at once.
const BATCH: u16 = 128;

pub fn kicks(target: &Target, _: &mut Rng) -> Held {
    let Some(guest) = Guest::start(target) else { return Held::new() };
    for i in 0..MANY {
        guest.kick(i as u64 & 1);
    }
    guest.monitor.finish();
    Held::new()
}

/// Reads of a line, none of which is waited for.
pub fn requests(target: &Target, _: &mut Rng) -> Held {
    /// `VIRTIO_GPIO_MSG_GET_VALUE`.
    const GET_VALUE: u16 = 4;
    let Some(mut guest) = Guest::start(target) else { return Held::new() };
    let at = guest.request(GET_VALUE, 0, 0);
    for i in 0..BATCH {
        guest.describe_at(0, 2 * i, (at, 8, NEXT, 2 * i + 1));
        guest.describe_at(0, 2 * i + 1, (at + 8, 2, WRITE, 0));
    }
    for _ in 0..MANY / usize::from(BATCH) {
        for i in 0..BATCH {
            guest.offer(REQUESTS, 2 * i);
        }
        guest.wait(REQUESTS);
    }
    guest.monitor.finish();
    Held::new()
}

pub fn questions(target: &Target, _: &mut Rng) -> Held {
    let Some(mut guest) = Guest::start(target) else { return Held::new() };
    // Offset and size, flags, and room for as much.
    let question = Message::new(GET_CONFIG, &[8 << 32, 0]);
    let question = Message { body: [&question.body[..12], &[0; 8]].concat(), ..question };
    for i in 0..MANY {
        guest.monitor.send(&question);
        if i % 100 == 0 {
            guest.monitor.drain();
        }
    }
    guest.monitor.finish();
    Held::new()
}

pub fn tables(target: &Target, _: &mut Rng) -> Held {
    let Some(mut guest) = Guest::start(target) else { return Held::new() };
    let memory = guest.monitor.memory.as_raw_fd();
    let again = table(&[[GUEST, SIZE, USER, 0]], &[memory]);
    for _ in 0..FEW {
        if !guest.monitor.send(&again) {
            break;
        }
    }
    guest.monitor.finish();
    Held::new()
}

pub fn restarts(target: &Target, _: &mut Rng) -> Held {
    let Some(mut guest) = Guest::start(target) else { return Held::new() };
    for _ in 0..FEW / 10 {
        let stop = of_queue(GET_VRING_BASE, REQUESTS, 0);
        let start = guest.monitor.queue(REQUESTS);
        guest.monitor.say(&[stop]);
        guest.monitor.say(&start);
    }
    guest.monitor.finish();
    Held::new()
}
