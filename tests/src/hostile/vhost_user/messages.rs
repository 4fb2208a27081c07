// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages that are wrong, one way or another.

use fastrand::Rng;

use super::super::Held;
use super::Target;
use super::monitor::{
    ENTRIES, GET_VRING_BASE, HEADER, Message, Monitor, REQUESTS, SET_VRING_ADDR, SET_VRING_BASE,
    SET_VRING_CALL, SET_VRING_ENABLE, SET_VRING_ERR, SET_VRING_KICK, SET_VRING_NUM, USER, VERSION,
    of_queue,
};

/// How often each fault is tried, each time on a connection of its own.
const TRIES: usize = 20;
/// Where fields break, if they do.
const EDGES: [u64; 12] =
    [0, 1, 2, 3, 0xff, 0x100, 0xffff, 0x1_0000, 0x8000_0000, 0xffff_ffff, 1 << 63, u64::MAX];

/// Has a monitor do harm, on a connection of its own each time.
pub fn each(target: &Target, mut harm: impl FnMut(&mut Monitor)) -> Held {
    for _ in 0..TRIES {
        let Some(mut monitor) = Monitor::begin(&target.socket) else { break };
        harm(&mut monitor);
        monitor.finish();
    }
    Held::new()
}

pub fn truncated(target: &Target, rng: &mut Rng) -> Held {
    each(target, |monitor| {
        let messages = monitor.conversation();
        let last = rng.usize(..messages.len());
        monitor.say(&messages[..last]);
        let bytes = messages[last].bytes();
        // Of a header, too.
        monitor.send_bytes(&bytes[..rng.usize(1..bytes.len())], &messages[last].fds);
    })
}

pub fn oversized(target: &Target, rng: &mut Rng) -> Held {
    each(target, |monitor| {
        let messages = monitor.conversation();
        let last = rng.usize(..messages.len());
        monitor.say(&messages[..last]);
        let mut bytes = messages[last].bytes();
        let size = [0, 1, 0x1000, 0x1001, u32::MAX, rng.u32(..)][rng.usize(..6)];
        bytes[8..HEADER].copy_from_slice(&size.to_ne_bytes());
        bytes.resize(bytes.len() + 0x2000, 0);
        monitor.send_bytes(&bytes, &messages[last].fds);
    })
}

pub fn reordered(target: &Target, rng: &mut Rng) -> Held {
    each(target, |monitor| {
        let mut messages = monitor.conversation();
        // The first are as they should be in half of the cases: else little would be looked at.
        let first = if rng.bool() { 7 } else { 0 };
        rng.shuffle(&mut messages[first..]);
        monitor.say(&messages);
    })
}

pub fn duplicated(target: &Target, rng: &mut Rng) -> Held {
    each(target, |monitor| {
        let messages = monitor.conversation().into_iter();
        let often = |message: Message| vec![message; 1 + rng.usize(..3)];
        monitor.say(&messages.flat_map(often).collect::<Vec<_>>());
    })
}

pub fn contradictory(target: &Target, rng: &mut Rng) -> Held {
    each(target, |monitor| {
        let mut messages = monitor.conversation();
        for message in &mut messages {
            let words = message.body.len() / 4;
            if words > 0 && rng.u8(..4) == 0 {
                let at = 4 * rng.usize(..words);
                let value = EDGES[rng.usize(..EDGES.len())].to_ne_bytes();
                message.body[at..at + 4].copy_from_slice(&value[..4]);
            }
        }
        monitor.say(&messages);
    })
}

/// Numbers, sizes, entries and places of queues that cannot be.
pub fn queues(target: &Target, rng: &mut Rng) -> Held {
    let about = [SET_VRING_NUM, SET_VRING_BASE, SET_VRING_ENABLE, GET_VRING_BASE];
    each(target, |monitor| {
        let messages = monitor.conversation();
        monitor.say(&messages[..rng.usize(7..=messages.len())]);
        let edge = |rng: &mut Rng| EDGES[rng.usize(..EDGES.len())];
        for _ in 0..8 {
            let index = if rng.bool() { rng.u64(..2) } else { edge(rng) };
            let eventfd = monitor.eventfds[0].try_clone().expect("a descriptor");
            let fd = std::os::fd::AsRawFd::as_raw_fd(&eventfd);
            let message = match rng.u8(..3) {
                0 => of_queue(about[rng.usize(..4)], index & 0xffff_ffff, edge(rng)),
                1 => {
                    let places = [0; 3].map(|_| USER + rng.u64(..0x10_1000) + edge(rng) % ENTRIES);
                    let [table, used, available] = places;
                    Message::new(SET_VRING_ADDR, &[index, table, used, available, edge(rng)])
                }
                _ => {
                    let which = [SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR][rng.usize(..3)];
                    Message::new(which, &[index]).with(&[fd])
                }
            };
            monitor.say(&[message]);
        }
    })
}

pub fn flipped(target: &Target, rng: &mut Rng) -> Held {
    each(target, |monitor| {
        for message in monitor.conversation() {
            let mut bytes = message.bytes();
            if rng.u8(..6) == 0 {
                let at = rng.usize(..bytes.len());
                bytes[at] ^= 1 << rng.u8(..8);
            }
            monitor.send_bytes(&bytes, &message.fds);
            monitor.drain();
        }
    })
}

pub fn random_bodies(target: &Target, rng: &mut Rng) -> Held {
    each(target, |monitor| {
        monitor.say(&monitor.conversation());
        for _ in 0..50 {
            let size = [0, 4, 8, 16, 40, rng.usize(..300)][rng.usize(..6)];
            let sparse = rng.bool();
            let body = (0..size).map(|_| if sparse { rng.u8(..2) } else { rng.u8(..) }).collect();
            let message = Message { request: rng.u32(..REQUESTS), body, fds: Vec::new() };
            let mut bytes = message.bytes();
            // Those that want an answer, and those that are one, too.
            bytes[4] = u8::try_from(VERSION).expect("one") | rng.u8(..4) << 2;
            if !monitor.send_bytes(&bytes, &[]) {
                return;
            }
        }
    })
}

pub fn random(target: &Target, rng: &mut Rng) -> Held {
    each(target, |monitor| {
        let bytes: Vec<_> = (0..rng.usize(1..4096)).map(|_| rng.u8(..)).collect();
        monitor.send_bytes(&bytes, &[]);
    })
}
