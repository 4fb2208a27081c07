// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole state of a block as bytes, for migration and for files.

use crate::block::Block;
use crate::effects::Effects;
use crate::line::{LINES, Line};
use crate::pads::{Drive, Pads};
use crate::regs::{COUNT, Generation, REGISTERS};

const MAGIC: u32 = u32::from_le_bytes(*b"rcar");
const VERSION: u32 = 1;
const HEADER: usize = 3;
const PADS: usize = 5;
const WORDS: usize = HEADER + COUNT + PADS + LINES as usize;

/// State of a block at one moment: registers in table order, pads, outside drives, pulls, wires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot([u32; WORDS]);

/// Bytes are no snapshot of this block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Wrong length.
    #[error(
        "a snapshot of an R-Car GPIO block has {} bytes, not {length}; it may be cut off",
        Snapshot::LEN
    )]
    Length {
        /// Length of the bytes given.
        length: usize,
    },
    /// Wrong first bytes, or a later format.
    #[error("not a version 1 snapshot of an R-Car GPIO block; save it again with this version")]
    Format,
    /// Taken from another generation of the block.
    #[error(
        "the snapshot is not of an {expected} block; restore it into a block of its generation"
    )]
    Generation {
        /// Generation of the block to restore.
        expected: Generation,
    },
    /// The state can be no block's.
    #[error("the snapshot is damaged: {what}; take it again")]
    Damaged {
        /// What contradicts what.
        what: &'static str,
    },
}

impl Snapshot {
    /// Length in bytes.
    pub const LEN: usize = WORDS * 4;

    /// The snapshot as bytes: little-endian 32-bit words, magic, version, generation (2, 3, 4),
    /// registers in table order, levels, pull-ups, pull-downs, outside drives, their levels, and for
    /// each pad the pads wired to it.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        for (to, word) in bytes.chunks_exact_mut(4).zip(self.0) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// The snapshot in `bytes`, which may come from anyone: [`Block::restore`] checks them.
    ///
    /// # Errors
    /// Wrong length, or not a snapshot in this format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let (chunks, rest) = bytes.as_chunks::<4>();
        if chunks.len() != WORDS || !rest.is_empty() {
            let length = bytes.len();
            return Err(SnapshotError::Length { length });
        }
        let words: [u32; WORDS] = std::array::from_fn(|i| u32::from_le_bytes(chunks[i]));
        if words[..2] != [MAGIC, VERSION] {
            return Err(SnapshotError::Format);
        }
        Ok(Self(words))
    }
}

const fn number(generation: Generation) -> u32 {
    match generation {
        Generation::Gen2 => 2,
        Generation::Gen3 => 3,
        Generation::Gen4 => 4,
    }
}

impl Block {
    /// The block's state.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut words = [0; WORDS];
        let (header, rest) = words.split_at_mut(HEADER);
        let (registers, rest) = rest.split_at_mut(COUNT);
        let (pads, wires) = rest.split_at_mut(PADS);
        header.copy_from_slice(&[MAGIC, VERSION, number(self.generation())]);
        registers.copy_from_slice(&self.words);
        let p = &self.pads;
        pads.copy_from_slice(&[p.level, p.pull_up, p.pull_down, p.outside.on, p.outside.value]);
        wires.copy_from_slice(&p.wires);
        Snapshot(words)
    }

    /// Puts the block into the state of `snapshot`. Nothing is latched on the way.
    ///
    /// # Errors
    /// The snapshot is of another generation or contradicts itself; nothing changed.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<Effects, SnapshotError> {
        let (header, rest) = snapshot.0.split_at(HEADER);
        let (registers, rest) = rest.split_at(COUNT);
        let (pads, wires) = rest.split_at(PADS);
        let expected = self.generation();
        if header[2] != number(expected) {
            return Err(SnapshotError::Generation { expected });
        }
        let mut next = Self::new(expected);
        for (row, &word) in REGISTERS.iter().zip(registers) {
            if row.stores() && row.generations.contains(&expected) {
                next.words[row.reg as usize] = word;
            } else if word != 0 {
                let what = "a register that stores nothing has a value";
                return Err(SnapshotError::Damaged { what });
            }
        }
        next.pads = restore_pads(pads, wires)?;
        if next.settle().changed != 0 {
            let what = "the pads' levels do not follow from their drivers";
            return Err(SnapshotError::Damaged { what });
        }
        let before = std::mem::replace(self, next);
        Ok(Effects::between(&before.outputs(), &self.outputs()))
    }
}

fn restore_pads(pads: &[u32], wires: &[u32]) -> Result<Pads, SnapshotError> {
    let wires: [u32; LINES as usize] = std::array::from_fn(|pad| wires[pad]);
    let joined = |a: Line, b: Line| wires[a.index()] & b.mask() != 0;
    let damaged = |what| Err(SnapshotError::Damaged { what });
    if pads[1] & pads[2] != 0 {
        return damaged("a pad is pulled up and down");
    }
    if pads[4] & !pads[3] != 0 {
        return damaged("the outside has a level where it drives nothing");
    }
    if Line::all().any(|a| joined(a, a) || Line::all().any(|b| joined(a, b) != joined(b, a))) {
        return damaged("a wire has only one end");
    }
    let mut restored = Pads {
        level: pads[0],
        pull_up: pads[1],
        pull_down: pads[2],
        outside: Drive { on: pads[3], value: pads[4] },
        wires,
        ..Pads::default()
    };
    restored.find_nets();
    Ok(restored)
}
