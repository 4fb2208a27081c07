// SPDX-License-Identifier: MIT OR Apache-2.0
//! The world beyond a chip.

use vgpio_backend::chip::LineInfo;

use super::Daemon;

/// A chip labelled [`LABEL`](super::LABEL) with [`LINES`](super::LINES) lines, some of them
/// [named](super::NAMES), all inputs that are pulled low, as the world beyond it sees it.
pub trait Outside: Sized {
    /// Makes the chip.
    fn new() -> Self;

    /// What a daemon must be told to have the chip.
    fn options(&self) -> Vec<String>;

    /// A daemon has been started for the chip.
    fn meet(&mut self, daemon: &Daemon);

    /// What the chip may be called in a line map.
    fn called(&self) -> Vec<String>;

    /// The level of a line that the outside sees; true is the high voltage.
    fn level(&mut self, offset: u32) -> bool;

    /// Pulls a line from outside.
    fn pull(&mut self, offset: u32, high: bool);

    /// Pulls a line up, down, up and so on, `times` in all, as fast as it goes.
    fn wiggle(&mut self, offset: u32, times: u32);

    /// What the host says of a line.
    fn info(&mut self, offset: u32) -> LineInfo;

    /// The levels of several lines: bit *i* is that of `offsets[i]`.
    fn levels(&mut self, offsets: &[u32]) -> u64 {
        let levels = (0..).zip(offsets).map(|(i, offset)| u64::from(self.level(*offset)) << i);
        levels.sum()
    }
}
