// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the guest wants of its lines, kept for the next connection and for a slow backend.
#![forbid(unsafe_code)]

use vgpio_protocol::limits::MAX_LINES;
use vgpio_protocol::{Configure, Directions};

/// Wanted directions, levels and settings; bit *i* of each set is line *i*.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Lines whose direction was configured.
    directed: u64,
    /// Lines that are outputs, by configuration or since they were attached.
    outputs: u64,
    /// Lines whose level was set.
    written: u64,
    /// The levels last set.
    bits: u64,
    /// What else was configured, line by line: a CONFIGURE without lines and directions.
    settings: [Configure; MAX_LINES],
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            directed: 0,
            outputs: 0,
            written: 0,
            bits: 0,
            settings: [Configure::default(); MAX_LINES],
        }
    }
}

impl Wanted {
    pub fn set(&mut self, mask: u64, bits: u64) {
        self.written |= mask;
        self.bits = self.bits & !mask | bits & mask;
    }

    pub fn configure(&mut self, configure: &Configure) {
        let mask = configure.mask;
        if let Some(Directions { outputs, bits }) = configure.direction {
            self.directed |= mask;
            self.outputs = self.outputs & !mask | outputs & mask;
            self.set(outputs & mask, bits);
        }
        for line in lines(mask) {
            let kept = &mut self.settings[line];
            kept.bias = configure.bias.or(kept.bias);
            kept.drive = configure.drive.or(kept.drive);
            kept.active_low = configure.active_low.or(kept.active_low);
            kept.edges = configure.edges.or(kept.edges);
            kept.debounce_us = configure.debounce_us.or(kept.debounce_us);
        }
    }

    /// The lines have been attached with these directions: true of all that were not configured.
    pub fn attached(&mut self, outputs: u64) {
        self.outputs = self.outputs & self.directed | outputs & !self.directed;
    }

    /// The backend says that these lines are inputs.
    pub fn are_inputs(&mut self, mask: u64) {
        self.outputs &= !mask;
        self.directed &= !mask;
    }

    /// Takes over directions and settings of the lines in `mask`. Levels stay: they are those last
    /// wanted, of lines that are inputs too.
    pub fn take_over(&mut self, mask: u64, other: &Self) {
        self.directed = self.directed & !mask | other.directed & mask;
        self.outputs = self.outputs & !mask | other.outputs & mask;
        for line in lines(mask) {
            self.settings[line] = other.settings[line];
        }
    }

    pub fn outputs(&self) -> u64 {
        self.outputs
    }

    pub fn bits(&self) -> u64 {
        self.bits
    }

    /// What was configured of line `line`, but for its direction.
    pub fn settings(&self, line: usize) -> Configure {
        self.settings.get(line).copied().unwrap_or_default()
    }

    /// Lines that are driven at a level that was set, or whose level was.
    pub fn written_outputs(&self) -> u64 {
        self.outputs & self.written
    }

    /// What leads the lines in `mask` to what is wanted: one message for all lines with equal
    /// settings, so one in all where only directions and levels were ever given.
    pub fn messages(&self, mask: u64, mut send: impl FnMut(Configure)) {
        let directed = self.directed | self.written_outputs();
        let mut rest = mask;
        while let Some(first) = lines(rest).next() {
            let settings = self.settings[first];
            let directs = directed >> first & 1;
            let group = lines(rest)
                .filter(|&i| self.settings[i] == settings && directed >> i & 1 == directs)
                .fold(0, |group, i| group | 1 << i);
            rest &= !group;
            let outputs = self.outputs & group;
            let direction =
                (directs == 1).then_some(Directions { outputs, bits: self.bits & outputs });
            if direction.is_some() || settings != Configure::default() {
                send(Configure { mask: group, direction, ..settings });
            }
        }
    }

    /// The same for other indices: line *i* from now on is what line `from(i)` was.
    pub fn renumber(&mut self, from: impl Fn(usize) -> Option<usize>) {
        let old = std::mem::take(self);
        for line in 0..MAX_LINES {
            if let Some(before) = from(line).filter(|&before| before < MAX_LINES) {
                let moved = |set: u64| (set >> before & 1) << line;
                self.directed |= moved(old.directed);
                self.outputs |= moved(old.outputs);
                self.written |= moved(old.written);
                self.bits |= moved(old.bits);
                self.settings[line] = old.settings[before];
            }
        }
    }
}

/// The indices of the lines in a set, lowest first.
fn lines(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let line = (mask != 0).then_some(mask.trailing_zeros() as usize)?;
        mask &= mask - 1;
        Some(line)
    })
}
