// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sets per second of one client, none lost.

use vgpio::client::Posted;
use vgpio_tests::harness::deadline;

use crate::bare::{Bare, now_ns};
use crate::process::{Place, pin};
use crate::report::{Rate, median};
use crate::world::{OUTPUTS, World};

/// Sets of a round.
const SETS: usize = 32_000;
/// Sets per write, when they are batched.
const BATCH: usize = 64;

/// Rounds of sets in turns with as many bytes over the bare socket.
pub fn measure(world: &mut World, batched: bool, rounds: usize) -> Rate {
    let mut bare = Bare::start("drain", Place::Far);
    pin(world.daemon.pid(), Place::Far);
    let per_write = if batched { BATCH } else { 1 };
    let before = world.daemon.status().sessions.remove(0).counters;
    let (mut subject, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        floor.push(bare.stream(SETS, per_write));
        subject.push(round(world, per_write));
    }
    check(world, before.sets, rounds);
    let name = if batched { "64 sets of 8 lines a write" } else { "1 set of 8 lines a write" };
    let lines = u64::from(OUTPUTS.count_ones());
    let rate = |time| SETS as u64 * 1_000_000_000 / median(time);
    let aimed = batched && world.is_simulated();
    Rate::new(name, rate(subject), rate(floor), lines).aim(aimed.then_some(1_000_000))
}

/// Sets all lines high, low, high and so on. Returns the time until all has been carried out, in
/// nanoseconds.
fn round(world: &mut World, per_write: usize) -> u64 {
    let client = &mut world.client;
    let mut bits = 0;
    let start = now_ns();
    for _ in 0..SETS / per_write {
        client.batch(|client| {
            for _ in 0..per_write {
                bits ^= OUTPUTS;
                assert!(matches!(client.set(OUTPUTS, bits), Posted::Sent(_)));
            }
        });
        if client.has_unsent() {
            client.flush(deadline(), &mut |_| {}).unwrap();
        }
    }
    client.sync_wait(deadline(), &mut |_| {}).unwrap();
    now_ns() - start
}

/// Nothing was folded, refused or left out.
fn check(world: &World, sets_before: u64, rounds: usize) {
    let client = world.client.counters();
    assert_eq!((client.coalesced, client.errors), (0, 0), "the client had to fold sets");
    let after = world.daemon.status().sessions.remove(0).counters;
    assert_eq!(after.sets - sets_before, (SETS * rounds) as u64, "sets were lost");
    assert_eq!(after.errors, 0, "sets were refused");
}
