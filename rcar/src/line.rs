// SPDX-License-Identifier: MIT OR Apache-2.0
//! A checked line offset.

use std::fmt;

/// Number of lines (and pads) of a block: one per register bit.
pub const LINES: u32 = 32;

/// Offset of a line in its block, 0 to 31, and the number of its pad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line(u8);

/// A number is no line of the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {offset} does not exist on an R-Car GPIO block; use 0 to 31")]
pub struct LineError {
    /// The number that was asked for.
    pub offset: u32,
}

impl Line {
    /// All lines, lowest offset first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..32).map(Self)
    }

    /// The line at `offset`.
    ///
    /// # Errors
    /// `offset` is above 31.
    pub fn new(offset: u32) -> Result<Self, LineError> {
        match u8::try_from(offset) {
            Ok(line) if offset < LINES => Ok(Self(line)),
            _ => Err(LineError { offset }),
        }
    }

    /// Offset, 0 to 31.
    #[must_use]
    pub const fn offset(self) -> u32 {
        self.0 as u32
    }

    /// The line's bit in a register.
    #[must_use]
    pub const fn mask(self) -> u32 {
        1 << self.0
    }

    /// Index into an array with one element per line.
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    /// The lowest line in `mask`.
    pub(crate) fn lowest(mask: u32) -> Option<Self> {
        Self::new(mask.trailing_zeros()).ok()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
