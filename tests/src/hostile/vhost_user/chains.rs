// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chains of descriptors that no driver makes.

use fastrand::Rng;

use super::super::Held;
use super::Target;
use super::guest::{BUFFERS, Descriptor, EVENTS, Guest, INDIRECT, NEXT, REQUESTS, WRITE};
use super::monitor::{ENTRIES, GUEST, ROOM, SIZE};

/// Chains that are tried.
const TRIES: usize = 100;
/// Where an indirect table is.
const TABLE: u64 = BUFFERS + 0x2_0000;
/// Types of requests: the standard has 1 to 6.
const KINDS: [u16; 9] = [0, 1, 2, 3, 4, 5, 6, 7, 0xffff];
/// Addresses where nothing is, or not all.
const NOWHERE: [u64; 6] = [0, GUEST - 1, GUEST + SIZE - 1, GUEST + SIZE, 1 << 63, u64::MAX];
/// Lengths that break sums.
const LENGTHS: [u32; 8] = [0, 1, 7, 9, 0xffff, 0x8000_0000, 0xffff_fff0, u32::MAX];

/// A guest that tries chains; begins anew with another if the queue is broken.
fn each(target: &Target, mut harm: impl FnMut(&mut Guest)) -> Held {
    for _ in 0..10 {
        let Some(mut guest) = Guest::start(target) else { break };
        for _ in 0..TRIES / 10 {
            harm(&mut guest);
        }
        guest.monitor.finish();
    }
    Held::new()
}

fn queue(rng: &mut Rng) -> u64 {
    if rng.bool() { REQUESTS } else { EVENTS }
}

/// A good request and its response: descriptors that a fault changes.
fn good(guest: &Guest, rng: &mut Rng) -> [Descriptor; 2] {
    let at = guest.request(KINDS[rng.usize(1..7)], rng.u16(..2), rng.u32(..3));
    [(at, 8, NEXT, 1), (at + 8, 2, WRITE, 0)]
}

pub fn loops(target: &Target, rng: &mut Rng) -> Held {
    each(target, |guest| {
        let mut chain = good(guest, rng);
        // To itself, to the first, or beyond the table.
        chain[1].2 |= NEXT;
        chain[1].3 = [0, 1, u16::MAX][rng.usize(..3)];
        chain[0].3 = [0, 1][rng.usize(..2)];
        guest.chain(queue(rng), &chain);
    })
}

pub fn lengths(target: &Target, rng: &mut Rng) -> Held {
    each(target, |guest| {
        let mut chain = good(guest, rng);
        chain[rng.usize(..2)].1 = LENGTHS[rng.usize(..LENGTHS.len())];
        guest.chain(queue(rng), &chain);
    })
}

pub fn directions(target: &Target, rng: &mut Rng) -> Held {
    each(target, |guest| {
        let mut chain = good(guest, rng);
        for descriptor in &mut chain {
            descriptor.2 = if rng.bool() { descriptor.2 ^ WRITE } else { rng.u16(..) };
        }
        guest.chain(queue(rng), &chain);
    })
}

pub fn outside(target: &Target, rng: &mut Rng) -> Held {
    each(target, |guest| {
        let mut chain = good(guest, rng);
        chain[rng.usize(..2)].0 = NOWHERE[rng.usize(..NOWHERE.len())];
        guest.chain(queue(rng), &chain);
    })
}

pub fn lines(target: &Target, rng: &mut Rng) -> Held {
    each(target, |guest| {
        let line = [2, 32, 63, 64, 255, 256, 0x7fff, u16::MAX][rng.usize(..8)];
        let at = guest.request(KINDS[rng.usize(..KINDS.len())], line, rng.u32(..));
        guest.chain(REQUESTS, &[(at, 8, NEXT, 1), (at + 8, 2, WRITE, 0)]);
        guest.write(BUFFERS, &line.to_le_bytes());
        guest.chain(EVENTS, &[(at, 2, NEXT, 1), (at + 8, 1, WRITE, 0)]);
    })
}

pub fn indirect(target: &Target, rng: &mut Rng) -> Held {
    each(target, |guest| {
        let mut inner = good(guest, rng);
        if rng.bool() {
            // A table within a table, or a loop in it.
            inner[1] = (GUEST + TABLE, 32, INDIRECT, 0);
            inner[0].3 = [0, 1, 2, u16::MAX][rng.usize(..4)];
        }
        for (index, descriptor) in (0..).zip(inner) {
            guest.describe_at(TABLE, index, descriptor);
        }
        let at = if rng.bool() { GUEST + TABLE } else { NOWHERE[rng.usize(..NOWHERE.len())] };
        let size = [0, 15, 16, 31, 32, 0x10_0000, u32::MAX][rng.usize(..7)];
        let flags = INDIRECT | if rng.bool() { NEXT } else { 0 };
        guest.chain(queue(rng), &[(at, size, flags, 0)]);
    })
}

/// All of a table is random, and many of its heads are made available.
pub fn random(target: &Target, rng: &mut Rng) -> Held {
    each(target, |guest| {
        let queue = queue(rng);
        for index in 0..64 {
            let address = GUEST + rng.u64(..2 * SIZE);
            let length = if rng.bool() { rng.u32(..64) } else { rng.u32(..) };
            guest.describe_at(queue * ROOM, index, (address, length, rng.u16(..8), rng.u16(..64)));
        }
        for _ in 0..16 {
            let last = u16::try_from(ENTRIES).expect("few");
            guest.offer(queue, rng.u16(..last));
        }
        guest.wait(queue);
    })
}
