// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rings that no driver makes.

use fastrand::Rng;

use super::super::Held;
use super::Target;
use super::guest::{EVENTS, Guest, REQUESTS};
use super::monitor::{ENTRIES, GET_VRING_BASE, Message, ROOM, SET_VRING_ADDR, USER, of_queue};

/// Guests that try each.
const TRIES: usize = 20;

fn each(target: &Target, mut harm: impl FnMut(&mut Guest)) -> Held {
    for _ in 0..TRIES {
        let Some(mut guest) = Guest::start(target) else { break };
        harm(&mut guest);
        guest.monitor.finish();
    }
    Held::new()
}

pub fn jumps(target: &Target, rng: &mut Rng) -> Held {
    let last = u16::try_from(ENTRIES).expect("few");
    each(target, |guest| {
        for _ in 0..5 {
            let index = [1, last, last + 1, 0x8000, u16::MAX, rng.u16(..)][rng.usize(..6)];
            let queue = if rng.bool() { REQUESTS } else { EVENTS };
            guest.set_available(queue, index);
            guest.wait(queue);
        }
    })
}

pub fn heads(target: &Target, rng: &mut Rng) -> Held {
    let last = u16::try_from(ENTRIES).expect("few");
    each(target, |guest| {
        let queue = if rng.bool() { REQUESTS } else { EVENTS };
        guest.offer(queue, [last, 1023, 1024, u16::MAX, rng.u16(last..)][rng.usize(..5)]);
        guest.wait(queue);
    })
}

/// Both rings and the table, while they are served.
pub fn random(target: &Target, rng: &mut Rng) -> Held {
    each(target, |guest| {
        for _ in 0..20 {
            let queue = if rng.bool() { REQUESTS } else { EVENTS };
            let bytes: Vec<_> = (0..rng.usize(1..512)).map(|_| rng.u8(..)).collect();
            let within = [0, 0x4000, 0x5000][rng.usize(..3)];
            guest.write(queue * ROOM + within, &bytes);
            guest.kick(queue);
        }
        guest.wait(REQUESTS);
    })
}

/// The rings of both queues, and of one queue, in one place.
pub fn overlapping(target: &Target, rng: &mut Rng) -> Held {
    each(target, |guest| {
        let monitor = &mut guest.monitor;
        for index in 0..2 {
            let mut messages = monitor.queue(index);
            let at = USER + 0x1000 * rng.u64(..4);
            let place = |rng: &mut Rng| at + 16 * rng.u64(..4);
            let (table, used, available) = (place(rng), place(rng), place(rng));
            messages[2] = Message::new(SET_VRING_ADDR, &[index, table, used, available, 0]);
            // A queue that runs is stopped first.
            monitor.say(&[of_queue(GET_VRING_BASE, index, 0)]);
            monitor.say(&messages);
        }
        let bytes: Vec<_> = (0..0x4000).map(|_| rng.u8(..4)).collect();
        guest.write(0, &bytes);
        guest.kick(REQUESTS);
        guest.kick(EVENTS);
        guest.wait(REQUESTS);
    })
}
