// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rings that are used against their rules.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use fastrand::Rng;
use vgpio_protocol::{Attach, LineSet, Request, features};
use vgpio_ring::Writer;

use super::super::Held;
use super::{Sender, Target};

/// Rings that are tried.
const TRIES: usize = 20;
/// Words and doorbells that are written to each.
const WRITES: usize = 200;
/// Bytes of words in front of a ring, and of all.
const WORDS: u64 = 4096;
const ALL: u64 = WORDS + vgpio_ring::SIZE as u64;

/// A frontend that sends through a ring.
fn ringing(target: &Target) -> Option<(Sender, File)> {
    let mut sender = Sender::connect(target);
    sender.hello(features::RING);
    let mut bytes = [0; 256];
    let (_, memory) = vgpio_ring::receive(sender.stream().as_fd(), &mut bytes).ok()?;
    sender.send(Request::Attach(Attach::Map(&target.own)));
    sender.send(Request::Ring);
    Some((sender, File::from(memory?)))
}

fn each(target: &Target, mut abuse: impl FnMut(Sender, File)) -> Held {
    for _ in 0..TRIES {
        if let Some((sender, memory)) = ringing(target) {
            abuse(sender, memory);
        }
    }
    Held::new()
}

pub fn words(target: &Target, rng: &mut Rng) -> Held {
    each(target, |mut sender, memory| {
        for _ in 0..WRITES {
            let at = [0, 64, 128, 192][rng.usize(..4)];
            let value = [0, 1, 36, rng.u32(..40_000), rng.u32(..)][rng.usize(..5)];
            memory.write_all_at(&value.to_ne_bytes(), at).expect("it is memory");
            if !sender.send_bytes(&[0]) {
                return;
            }
        }
    })
}

pub fn bytes(target: &Target, rng: &mut Rng) -> Held {
    each(target, |mut sender, memory| {
        let mut writer = Writer::open(memory.as_fd()).expect("a ring");
        for _ in 0..WRITES {
            let set = sender.message(Request::Set(LineSet { mask: 1, bits: 0 }));
            let mut bytes = set.repeat(rng.usize(1..5));
            let at = rng.usize(..bytes.len());
            bytes[at] ^= 1 << rng.u8(..8);
            writer.write(&bytes);
            if writer.rings() && !sender.send_bytes(&[0]) {
                return;
            }
        }
    })
}

pub fn doorbells(target: &Target, rng: &mut Rng) -> Held {
    each(target, |mut sender, _memory| {
        for _ in 0..WRITES {
            let bells = vec![0; rng.usize(1..10_000)];
            if !sender.send_bytes(&bells) {
                return;
            }
        }
    })
}

/// All of the memory is written while the daemon reads from it; nor can it be cut short or grown.
pub fn torn(target: &Target, rng: &mut Rng) -> Held {
    each(target, |mut sender, memory| {
        memory.set_len(0).expect_err("it is sealed");
        for _ in 0..WRITES {
            let bytes: Vec<_> = (0..rng.usize(1..512)).map(|_| rng.u8(..)).collect();
            let at = if rng.bool() { rng.u64(..256) } else { rng.u64(..ALL - 512) };
            memory.write_all_at(&bytes, at).expect("it is memory");
            if !sender.send_bytes(&[0]) {
                return;
            }
        }
    })
}
