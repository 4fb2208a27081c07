// SPDX-License-Identifier: MIT OR Apache-2.0
//! Latencies, sampled in turns with the floor: the speed of a busy or virtual host changes from
//! one second to the next, the ratio does not.

use std::hint;

use nix::unistd::Pid;

use crate::bare::{Bare, Trip, now_ns};
use crate::process::{Place, pin};
use crate::report::{Latency, Spread};

/// Time between two samples, in nanoseconds, so that both processes sleep when the next begins.
const PAUSE_NS: u64 = 100_000;
/// Of so many samples, one is taken to warm up.
const WARM_UP: usize = 20;

/// Pairs of trips: those of the subject, those of the bare socket.
pub struct Pairs {
    subject: Vec<Trip>,
    floor: Vec<Trip>,
}

/// Samples both in turns, the daemon and the other end of the bare socket on this CPU.
pub fn sample(
    samples: usize,
    daemon: Pid,
    place: Place,
    mut subject: impl FnMut() -> Trip,
) -> Pairs {
    pin(daemon, place);
    let mut bare = Bare::start("echo", place);
    let mut pairs = Pairs { subject: Vec::new(), floor: Vec::new() };
    for i in 0..samples + samples / WARM_UP {
        pause();
        let floor = bare.trip();
        pause();
        let trip = subject();
        if i >= samples / WARM_UP {
            pairs.floor.push(floor);
            pairs.subject.push(trip);
        }
    }
    pairs
}

impl Pairs {
    /// A latency made of each trip in the same way.
    pub fn latency(&self, name: impl Into<String>, of: impl Fn(Trip) -> u64) -> Latency {
        let spread = |trips: &[Trip]| Spread::of(trips.iter().map(|trip| of(*trip)).collect());
        Latency::new(name.into(), spread(&self.subject), spread(&self.floor))
    }
}

/// Stays awake, as a virtual CPU between two stores does.
fn pause() {
    let end = now_ns() + PAUSE_NS;
    while now_ns() < end {
        hint::spin_loop();
    }
}
