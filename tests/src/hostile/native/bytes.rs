// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages that are wrong, one way or another.

use fastrand::Rng;

use super::super::Held;
use super::{Sender, Target, conversation};

/// How often each fault is tried, each time on a connection of its own.
const TRIES: usize = 20;
/// Types of messages that there are, and some that there are not.
const TYPES: [u16; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x8001, 0xffff];
/// Where fields break, if they do.
const EDGES: [u64; 10] = [0, 1, 2, 0x7f, 0xff, 0xffff, 0x8000_0000, 0xffff_ffff, 1 << 63, u64::MAX];

/// Sends each on a connection of its own, and hears what comes of it.
fn each(target: &Target, mut conversations: impl FnMut() -> Vec<u8>) -> Held {
    for _ in 0..TRIES {
        let mut sender = Sender::connect(target);
        sender.send_bytes(&conversations());
        sender.drain();
    }
    Held::new()
}

pub fn truncated(target: &Target, rng: &mut Rng) -> Held {
    let whole = conversation(target).concat();
    each(target, || whole[..rng.usize(..whole.len())].to_vec())
}

pub fn oversized(target: &Target, rng: &mut Rng) -> Held {
    each(target, || {
        let mut messages = conversation(target);
        let at = rng.usize(..messages.len());
        let length = match rng.u8(..3) {
            0 => 16_385,
            1 => u32::MAX,
            _ => rng.u32(16_385..),
        };
        messages[at][4..8].copy_from_slice(&length.to_le_bytes());
        let mut bytes = messages[..=at].concat();
        bytes.resize(bytes.len() + (1 << 20), 0);
        bytes
    })
}

pub fn reordered(target: &Target, rng: &mut Rng) -> Held {
    each(target, || {
        let mut messages = conversation(target);
        // Half of them with numbers that rise all the same, so that they are looked at.
        rng.shuffle(&mut messages);
        if rng.bool() {
            number(&mut messages);
        }
        messages.concat()
    })
}

pub fn duplicated(target: &Target, rng: &mut Rng) -> Held {
    each(target, || {
        let twice = conversation(target).into_iter().flat_map(|message| [message.clone(), message]);
        let mut messages: Vec<_> = twice.collect();
        if rng.bool() {
            number(&mut messages);
        }
        messages.concat()
    })
}

/// Numbers messages from 1 on.
fn number(messages: &mut [Vec<u8>]) {
    for (seq, message) in (1_u64..).zip(messages) {
        message[8..16].copy_from_slice(&seq.to_le_bytes());
    }
}

/// In a message of the right length, some fields are what breaks them.
pub fn contradictory(target: &Target, rng: &mut Rng) -> Held {
    each(target, || {
        let mut messages = conversation(target);
        // The first two are as they should be in half of the cases: else little would be looked at.
        let first = if rng.bool() { 2 } else { 0 };
        for message in messages.iter_mut().skip(first) {
            let words = (message.len() - 16) / 4;
            for _ in 0..words.min(rng.usize(..3)) {
                let at = 16 + 4 * rng.usize(..words);
                let value = EDGES[rng.usize(..EDGES.len())].to_le_bytes();
                message[at..at + 4].copy_from_slice(&value[..4]);
            }
        }
        messages.concat()
    })
}

pub fn flipped(target: &Target, rng: &mut Rng) -> Held {
    let whole = conversation(target).concat();
    each(target, || {
        let mut bytes = whole.clone();
        for _ in 0..rng.usize(1..8) {
            bytes[rng.usize(..whole.len())] ^= 1 << rng.u8(..8);
        }
        bytes
    })
}

pub fn random_payloads(target: &Target, rng: &mut Rng) -> Held {
    each(target, || {
        let mut bytes = conversation(target)[..2].concat();
        for seq in 3_u64..100 {
            let kind = TYPES[rng.usize(..TYPES.len())];
            let flags = u16::from(rng.bool());
            let size = [0, 8, 16, 36, rng.usize(..200)][rng.usize(..5)];
            let length = u32::try_from(size).expect("small");
            bytes.extend([kind.to_le_bytes(), flags.to_le_bytes()].concat());
            bytes.extend(length.to_le_bytes());
            bytes.extend(seq.to_le_bytes());
            let sparse = rng.bool();
            bytes.extend((0..size).map(|_| if sparse { rng.u8(..2) } else { rng.u8(..) }));
        }
        bytes
    })
}

pub fn random(target: &Target, rng: &mut Rng) -> Held {
    each(target, || (0..rng.usize(1..4096)).map(|_| rng.u8(..)).collect())
}
