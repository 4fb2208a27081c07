// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is to happen later. Without timers the event loop sleeps without end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use crate::hub::{HoldKey, SessionKey};

/// Something that is to happen later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A frontend must have said HELLO; its key, and its number so that a later one is not meant.
    Hello(SessionKey, u32),
    /// Sockets are accepted again: there were no more file descriptors.
    Accept,
    /// Lines of chips that were gone are asked for again.
    Restore,
    /// A button is let go.
    Press(u64),
    /// A frontend must have answered; as [`Hello`](Self::Hello).
    Watch(SessionKey, u32),
    /// A guest must have come back for its lines, which are this hold of this number.
    Guest(HoldKey, usize),
}

/// The timers that run.
#[derive(Debug, Default)]
pub struct Timers(BinaryHeap<Reverse<(Instant, Timer)>>);

impl Timers {
    /// Starts a timer.
    pub fn start(&mut self, after: Duration, timer: Timer) {
        self.0.push(Reverse((Instant::now() + after, timer)));
    }

    /// How long the loop may sleep; `None` without end.
    #[must_use]
    pub fn next(&self) -> Option<Duration> {
        self.0.peek().map(|Reverse((at, _))| at.saturating_duration_since(Instant::now()))
    }

    /// A timer that has run out. Without timers the clock is not asked, which is a system call on some hosts.
    pub fn due(&mut self) -> Option<Timer> {
        let Reverse((at, _)) = self.0.peek()?;
        (*at <= Instant::now()).then(|| self.0.pop().map(|Reverse((_, timer))| timer)).flatten()
    }

    /// Stops the timers of which `stop` says so.
    pub fn stop(&mut self, stop: impl Fn(Timer) -> bool) {
        self.0.retain(|Reverse((_, timer))| !stop(*timer));
    }
}
