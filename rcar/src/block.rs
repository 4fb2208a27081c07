// SPDX-License-Identifier: MIT OR Apache-2.0
//! The block: registers, interrupt logic and pads as one value.

use crate::effects::{Effects, Outputs};
use crate::line::Line;
use crate::pads::{Drive, Pads, Pull};
use crate::regs::{COUNT, Generation, OnRead, OnWrite, REGISTERS, Reg};

/// One R-Car GPIO block with its 32 pads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    generation: Generation,
    /// One word per row of the table. The word of INTDT is the edge latch, that of OUTDTH the data
    /// latch behind OUTDTH and OUTDTL; words of registers that store nothing stay 0.
    pub(crate) words: [u32; COUNT],
    pub(crate) pads: Pads,
    irq: bool,
}

/// An access that no register answers. Real hardware has a bus behaviour for it; a caller that must
/// go on takes 0 for a read and drops a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// The access is not 4 bytes wide, or not aligned.
    #[error(
        "{size}-byte access at offset {offset:#x}: the R-Car GPIO registers take aligned 4-byte \
         accesses only"
    )]
    Shape {
        /// Byte offset in the window.
        offset: u64,
        /// Width in bytes.
        size: u32,
    },
    /// The generation has no register there.
    #[error("offset {offset:#x} is reserved on {generation}; use an offset of the register table")]
    Reserved {
        /// Byte offset in the window.
        offset: u64,
        /// Generation of the block.
        generation: Generation,
    },
}

impl Block {
    /// A block after reset, its pads low, undriven and without pulls.
    #[must_use]
    pub fn new(generation: Generation) -> Self {
        Self {
            generation,
            words: REGISTERS.map(|row| row.reset),
            pads: Pads::default(),
            irq: false,
        }
    }

    /// Generation of the block.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Level of the interrupt output: a request is there that INTMSK lets through.
    #[must_use]
    pub fn irq(&self) -> bool {
        self.irq
    }

    /// The pads: levels, drivers, pulls, wires, contention.
    #[must_use]
    pub fn pads(&self) -> &Pads {
        &self.pads
    }

    /// Reads `size` bytes at byte `offset` of the window. Reading changes nothing.
    ///
    /// # Errors
    /// The access is not an aligned 4-byte access to a register of this generation.
    pub fn read(&self, offset: u64, size: u32) -> Result<u32, AccessError> {
        let reg = self.decode(offset, size)?;
        Ok(match reg.row().on_read {
            OnRead::Stored => self.word(reg),
            OnRead::Zero => 0,
            OnRead::Inputs => self.inputs(),
            OnRead::Requests => self.requests(),
        })
    }

    /// Writes `value` in `size` bytes at byte `offset` of the window.
    ///
    /// # Errors
    /// The access is not an aligned 4-byte access to a register of this generation; nothing changed.
    #[inline]
    pub fn write(&mut self, offset: u64, size: u32, value: u32) -> Result<Effects, AccessError> {
        let reg = self.decode(offset, size)?;
        match reg.row().on_write {
            OnWrite::Store => self.words[reg as usize] = value,
            OnWrite::Ignore => {}
            OnWrite::ClearByZero => self.words[reg as usize] &= value,
            OnWrite::SetIn(target) => self.words[target as usize] |= value,
            OnWrite::ClearIn(target) => self.words[target as usize] &= !value,
        }
        Ok(self.settle())
    }

    /// Resets the registers. The pads' pulls, outside drives and wires stay: they are not part of
    /// the block.
    pub fn reset(&mut self) -> Effects {
        self.words = REGISTERS.map(|row| row.reset);
        self.settle()
    }

    /// The outside drives the pads in `mask` to the levels in `bits`, all at once.
    pub fn drive_outside(&mut self, mask: u32, bits: u32) -> Effects {
        self.pads.drive_outside(mask, bits);
        self.settle()
    }

    /// The outside lets go of the pads in `mask`, all at once.
    pub fn release_outside(&mut self, mask: u32) -> Effects {
        self.pads.release_outside(mask);
        self.settle()
    }

    /// Sets the pull of the pads in `mask`.
    pub fn set_pull(&mut self, mask: u32, pull: Pull) -> Effects {
        self.pads.set_pull(mask, pull);
        self.settle()
    }

    /// Joins two pads by a wire. A pad and itself, or joined pads: no effect.
    pub fn wire(&mut self, a: Line, b: Line) -> Effects {
        self.pads.wire(a, b);
        self.settle()
    }

    /// Takes away the wire between two pads. No wire between them: no effect.
    pub fn unwire(&mut self, a: Line, b: Line) -> Effects {
        self.pads.unwire(a, b);
        self.settle()
    }

    #[inline]
    fn decode(&self, offset: u64, size: u32) -> Result<Reg, AccessError> {
        if size != 4 || !offset.is_multiple_of(4) {
            return Err(AccessError::Shape { offset, size });
        }
        Reg::at(offset, self.generation)
            .ok_or(AccessError::Reserved { offset, generation: self.generation })
    }

    #[inline]
    pub(crate) fn word(&self, reg: Reg) -> u32 {
        self.words[reg as usize]
    }

    /// What the chip drives onto the pads. Lines in interrupt mode are inputs whatever INOUTSEL says.
    #[inline]
    fn chip_drive(&self) -> Drive {
        let second = self.word(Reg::OutDtSel);
        let data = (self.word(Reg::OutDt) & !second) | (self.word(Reg::OutDtH) & second);
        let on = self.word(Reg::InOutSel) & !self.word(Reg::IoIntSel);
        Drive { on, value: (data ^ self.word(Reg::PosNeg)) & on }
    }

    /// Lines whose input buffer is on.
    #[inline]
    fn listening(&self) -> u32 {
        match self.generation {
            Generation::Gen2 => !self.pads.chip.on,
            Generation::Gen3 => u32::MAX,
            Generation::Gen4 => self.word(Reg::InEn),
        }
    }

    /// INDT. POSNEG inverts general lines only: in interrupt mode Linux reads plain levels.
    fn inputs(&self) -> u32 {
        let inverted = self.word(Reg::PosNeg) & !self.word(Reg::IoIntSel);
        (self.pads.level ^ inverted) & self.listening()
    }

    /// INTDT: latched edges of edge lines, active levels of level lines.
    #[inline]
    fn requests(&self) -> u32 {
        let edge = self.word(Reg::EdgLevel);
        let active = (self.pads.level ^ self.word(Reg::PosNeg)) & self.listening();
        ((self.word(Reg::IntDt) & edge) | (active & !edge)) & self.word(Reg::IoIntSel)
    }

    /// Edges to latch when the pads have gone from `before` to their present levels.
    #[inline]
    fn edges(&self, before: u32) -> u32 {
        let changed = before ^ self.pads.level;
        let falling = self.word(Reg::PosNeg);
        let wanted = self.word(Reg::BothEdge) | (self.pads.level ^ falling);
        let armed = self.word(Reg::IoIntSel) & self.word(Reg::EdgLevel) & self.listening();
        changed & wanted & armed
    }

    /// Lets pads, latched edges and the interrupt output follow from registers and outside.
    #[inline]
    pub(crate) fn settle(&mut self) -> Effects {
        let before = self.outputs();
        self.pads.chip = self.chip_drive();
        self.pads.resolve();
        let edges = self.edges(before.levels);
        self.words[Reg::IntDt as usize] |= edges;
        self.irq = self.requests() & self.word(Reg::IntMsk) != 0;
        Effects::between(&before, &self.outputs())
    }

    #[inline]
    pub(crate) fn outputs(&self) -> Outputs {
        Outputs { levels: self.pads.level, contended: self.pads.contended(), irq: self.irq }
    }
}
