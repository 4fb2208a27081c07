// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the guest, the outside world and the user tell the main loop.

use nix::time::{ClockId, clock_gettime};

use super::error::Error;

/// Something has happened.
pub enum Message {
    /// A pad changed, seen from outside of the chip.
    Pad(Pad),
    /// The guest's console has changed.
    Said(Said),
    /// QEMU has closed the guest's console.
    Ended,
    /// Press the button.
    Press,
    /// The terminal has another size.
    Redraw,
    /// The user wants to end.
    Stop,
    /// It cannot go on.
    Failed(Error),
}

/// The new level of a pad.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pad {
    /// When, in nanoseconds of `CLOCK_MONOTONIC`.
    pub at_ns: u64,
    /// Its name.
    pub name: String,
    /// Whether it is high.
    pub high: bool,
}

/// What is new on the guest's console.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Lines that are whole now.
    pub lines: Vec<String>,
    /// The line that is not.
    pub last: String,
}

/// The present, in nanoseconds of `CLOCK_MONOTONIC`, the clock of line events.
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux has this clock");
    let part = |number: i64| u64::try_from(number).unwrap_or_default();
    part(now.tv_sec()) * 1_000_000_000 + part(now.tv_nsec())
}
