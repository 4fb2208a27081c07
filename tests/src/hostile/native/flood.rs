// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages as fast as they go, and their answers read, so that nothing slows them down.

use fastrand::Rng;
use vgpio_protocol::{Attach, Configure, LineSet, Request};

use super::super::Held;
use super::{Sender, Target};

/// Messages of a flood.
const FLOOD: usize = 50_000;
/// So many are sent before answers are read.
const BATCH: usize = 500;

fn flood(
    mut sender: Sender,
    count: usize,
    mut next: impl FnMut(usize) -> Request<'static>,
) -> Held {
    for batch in 0..count / BATCH {
        let bytes = (0..BATCH).flat_map(|i| sender.message(next(batch * BATCH + i)));
        let bytes: Vec<_> = bytes.collect();
        if !sender.send_bytes(&bytes) {
            break;
        }
        sender.drain();
    }
    sender.finish();
    Held::new()
}

/// One whose first line is an output.
fn output(target: &Target) -> Sender {
    let mut sender = Sender::attached(target, &target.own);
    sender.send(Request::Configure(Configure::directions(1, 1, 0)));
    sender
}

pub fn sets(target: &Target, _: &mut Rng) -> Held {
    flood(output(target), FLOOD, |i| Request::Set(LineSet { mask: 1, bits: i as u64 & 1 }))
}

pub fn barriers(target: &Target, _: &mut Rng) -> Held {
    flood(output(target), FLOOD, |_| Request::Sync)
}

pub fn configures(target: &Target, _: &mut Rng) -> Held {
    let changed = |i| Request::Configure(Configure::directions(1, i as u64 & 1, 0));
    flood(output(target), FLOOD / 10, changed)
}

pub fn questions(target: &Target, rng: &mut Rng) -> Held {
    flood(output(target), FLOOD / 10, |_| if rng.bool() { Request::Info } else { Request::Get(1) })
}

/// Sets of lines that are no outputs, or not there.
pub fn errors(target: &Target, rng: &mut Rng) -> Held {
    let sender = Sender::attached(target, &target.shared);
    flood(sender, FLOOD, |_| Request::Set(LineSet { mask: 1 << rng.u8(..64), bits: 0 }))
}

/// Each has the daemon look for a chip.
pub fn maps(target: &Target, _: &mut Rng) -> Held {
    let mut sender = Sender::connect(target);
    sender.hello(0);
    flood(sender, FLOOD / 50, |_| Request::Attach(Attach::Map("no-such-chip,gpios=1")))
}
