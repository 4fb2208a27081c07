// SPDX-License-Identifier: MIT OR Apache-2.0
//! Saved state of a model.
//!
//! As bytes, which do not depend on the machine:
//!
//! | offset | bytes | content |
//! |-------:|------:|---------|
//! | 0 | 4 | `PL61` in ASCII |
//! | 4 | 1 | version, 1 |
//! | 5 | 7 | the registers of [`Snapshot::SAVED`], in that order |
//! | 12 | 1 | edges detected and not cleared |
//! | 13 | 1 | levels of the lines |
//! | 14 | 2 | 0 |
#![forbid(unsafe_code)]

use crate::regs::{Access, Register, TABLE};

/// Number of registers that are state.
const SAVED: usize = {
    let mut count = 0;
    let mut line = 0;
    while line < Register::COUNT {
        if matches!(TABLE[line].access, Access::ReadWrite) {
            count += 1;
        }
        line += 1;
    }
    count
};

const MAGIC: [u8; 4] = *b"PL61";
const LENGTH: usize = 16;

/// All that makes a model behave as it does. In every byte, bit *n* stands for line *n*.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// Version of the layout; this code reads and makes [`Snapshot::VERSION`].
    pub version: u8,
    /// The values of the registers in [`Snapshot::SAVED`].
    pub registers: [u8; SAVED],
    /// Edges detected and not yet cleared.
    pub edges: u8,
    /// The levels that the outside last gave the lines.
    pub inputs: u8,
}

/// Why a saved state is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The bytes are too few or too many.
    #[error(
        "saved PL061 state is {found} bytes long instead of {LENGTH}: it is cut off, or not one"
    )]
    Length {
        /// The number of bytes given.
        found: usize,
    },
    /// The bytes are not a saved PL061.
    #[error("saved PL061 state does not begin with \"PL61\": it belongs to another device")]
    Magic,
    /// The state was saved by a version that this one does not know.
    #[error(
        "saved PL061 state has version {found}, this program knows version {known}: restore it with \
         the version that saved it",
        known = Snapshot::VERSION
    )]
    Version {
        /// The version found.
        found: u8,
    },
    /// Bytes that must be 0 are not.
    #[error("saved PL061 state has data in bytes 14 and 15, which must be 0: it is damaged")]
    Reserved,
}

impl Snapshot {
    /// The version of the layout.
    pub const VERSION: u8 = 1;

    /// Length of a saved state in bytes.
    pub const LENGTH: usize = LENGTH;

    /// The registers that are state: those that the table says can be loaded and stored.
    pub const SAVED: [Register; SAVED] = {
        let mut saved = [Register::Data; SAVED];
        let mut count = 0;
        let mut line = 0;
        while line < Register::COUNT {
            if matches!(TABLE[line].access, Access::ReadWrite) {
                saved[count] = TABLE[line].register;
                count += 1;
            }
            line += 1;
        }
        saved
    };

    /// The state as bytes, in the layout at the head of [this module](self).
    #[must_use]
    pub fn to_bytes(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4] = self.version;
        bytes[5..5 + SAVED].copy_from_slice(&self.registers);
        bytes[12] = self.edges;
        bytes[13] = self.inputs;
        bytes
    }

    /// The state from bytes that [`to_bytes`](Self::to_bytes) made.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`], if the bytes are of another length, of another device, of another version
    /// or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let bytes: &[u8; LENGTH] =
            bytes.try_into().map_err(|_| SnapshotError::Length { found: bytes.len() })?;
        if !bytes.starts_with(&MAGIC) {
            return Err(SnapshotError::Magic);
        }
        let mut registers = [0; SAVED];
        registers.copy_from_slice(&bytes[5..5 + SAVED]);
        let snapshot = Self { version: bytes[4], registers, edges: bytes[12], inputs: bytes[13] };
        snapshot.check()?;
        if bytes[14..] != [0, 0] {
            return Err(SnapshotError::Reserved);
        }
        Ok(snapshot)
    }

    pub(crate) const fn check(&self) -> Result<(), SnapshotError> {
        if self.version == Self::VERSION {
            Ok(())
        } else {
            Err(SnapshotError::Version { found: self.version })
        }
    }
}

/// The layout has room for seven registers.
const _: () = assert!(5 + SAVED == 12);
