// SPDX-License-Identifier: MIT OR Apache-2.0
//! Levels, edges and masks to interrupt status. In every byte, bit *n* stands for line *n*.
#![forbid(unsafe_code)]

/// How each line's interrupt is triggered: the three registers that say so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trigger {
    /// `GPIOIS`: 1 for level, 0 for edge.
    pub sense: u8,
    /// `GPIOIBE`: 1 for both edges, 0 to let `event` choose.
    pub both_edges: u8,
    /// `GPIOIEV`: 1 for rising edge or high level, 0 for falling edge or low level.
    pub event: u8,
}

impl Trigger {
    /// The edge-triggered lines whose wanted edge is in the step from `before` to `now`.
    #[must_use]
    pub const fn edges(self, before: u8, now: u8) -> u8 {
        let rising = !before & now & (self.both_edges | self.event);
        let falling = before & !now & (self.both_edges | !self.event);
        (rising | falling) & !self.sense
    }

    /// The raw status `GPIORIS`: of an edge-triggered line what `latched` remembers, of a
    /// level-triggered line whether `levels` has the wanted level now, if the line is one of
    /// `inputs`.
    #[must_use]
    pub const fn raw_status(self, latched: u8, levels: u8, inputs: u8) -> u8 {
        let active = !(levels ^ self.event) & inputs;
        latched & !self.sense | active & self.sense
    }
}
