// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frontends that mean harm. Each fault has a name, and a seed from which it can be had again.

#![allow(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "all of it is for tests, which may panic"
)]

pub mod native;
mod unsent;
pub mod vhost_user;

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

use fastrand::Rng;

/// What a fault leaves open, until it is dropped: connections that do nothing, guests that are stuck.
pub type Held = Vec<Box<dyn Send>>;

/// A way to mean harm.
#[derive(Clone, Copy)]
pub struct Fault<T: 'static> {
    /// Its name.
    pub name: &'static str,
    inject: fn(&T, &mut Rng) -> Held,
}

impl<T> Fault<T> {
    /// A fault that is brought about so. It must come to an end, whatever the daemon does.
    pub const fn new(name: &'static str, inject: fn(&T, &mut Rng) -> Held) -> Self {
        Self { name, inject }
    }

    /// Brings it about. The same seed sends the same bytes.
    pub fn inject(&self, target: &T, seed: u64) -> Held {
        (self.inject)(target, &mut Rng::with_seed(seed))
    }
}

/// The seed of this run: `VGPIO_SEED`, else another one each time.
pub fn seed() -> u64 {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.subsec_nanos());
    let given = env::var("VGPIO_SEED").ok();
    given.map_or_else(|| now().into(), |seed| seed.parse().expect("VGPIO_SEED is a number"))
}
