// SPDX-License-Identifier: MIT OR Apache-2.0
//! The block as a guest's GPIO controller: its pads are lines that the guest drives or somebody else does.

use crate::block::{AccessError, Block};
use crate::effects::Effects;
use crate::pads::Drive;
use crate::regs::{Generation, Reg};
use crate::snapshot::{Snapshot, SnapshotError};

/// A block that a guest has for its own, on lines of somebody else. In every word, bit *n* stands for
/// line *n*.
///
/// The level of a line is what the guest drives, else what [`set_inputs`](Self::set_inputs) last gave it.
/// A line that ceases to be driven keeps its level until it is given another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestBlock {
    block: Block,
}

/// What a call on a [`GuestBlock`] changed: at most one change of each kind, so that a store that moves
/// several lines stays one change. `outputs` and `directions` never name the same line.
#[must_use = "the guest expects its lines and its interrupt to follow"]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuestEffects {
    /// Driven lines whose level changed.
    pub outputs: LineLevels,
    /// Lines that began or ceased to be driven.
    pub directions: LineDirections,
    /// The interrupt's new level, if it changed.
    pub irq: Option<bool>,
}

/// Levels of a set of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineLevels {
    /// The lines meant.
    pub mask: u32,
    /// Their levels, 1 for high; bits outside `mask` are 0.
    pub bits: u32,
}

/// A change of direction of a set of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineDirections {
    /// The lines whose direction changed.
    pub mask: u32,
    /// Those of them that are driven now; the rest of `mask` has become inputs.
    pub outputs: u32,
    /// The levels of the lines in `outputs`, 1 for high; bits outside `outputs` are 0.
    pub bits: u32,
}

impl GuestBlock {
    /// A block after reset: all lines inputs and low.
    #[must_use]
    pub fn new(generation: Generation) -> Self {
        Self { block: Block::new(generation) }
    }

    /// Generation of the block.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.block.generation()
    }

    /// A guest load, as [`Block::read`].
    ///
    /// # Errors
    /// As [`Block::read`].
    pub fn read(&self, offset: u64, size: u32) -> Result<u32, AccessError> {
        self.block.read(offset, size)
    }

    /// A guest store, as [`Block::write`].
    ///
    /// # Errors
    /// As [`Block::write`]; nothing changed.
    pub fn write(
        &mut self,
        offset: u64,
        size: u32,
        value: u32,
    ) -> Result<GuestEffects, AccessError> {
        self.change(|block| block.write(offset, size, value))
    }

    /// Resets the registers: all lines become inputs.
    pub fn reset(&mut self) -> GuestEffects {
        self.always(Block::reset)
    }

    /// Somebody else gives the lines in `mask` the levels in `bits`. Lines that the guest drives are
    /// passed over.
    pub fn set_inputs(&mut self, mask: u32, bits: u32) -> GuestEffects {
        let inputs = mask & !self.outputs().mask;
        self.always(|block| block.drive_outside(inputs, bits))
    }

    /// The lines that the guest drives, and their levels.
    #[must_use]
    pub fn outputs(&self) -> LineLevels {
        let Drive { on, value } = self.block.pads().chip;
        LineLevels { mask: on, bits: value }
    }

    /// The levels of all lines.
    #[must_use]
    pub fn levels(&self) -> u32 {
        self.block.pads().levels()
    }

    /// Level of the interrupt.
    #[must_use]
    pub fn irq(&self) -> bool {
        self.block.irq()
    }

    /// Lines with an edge that the guest has asked for and not yet cleared, masked or not: Linux masks a
    /// line's interrupt while it handles it.
    #[must_use]
    pub fn latched_edges(&self) -> u32 {
        let armed = self.block.word(Reg::IoIntSel) & self.block.word(Reg::EdgLevel);
        self.block.word(Reg::IntDt) & armed
    }

    /// Lines of which both edges interrupt.
    #[must_use]
    pub fn both_edges(&self) -> u32 {
        self.block.word(Reg::BothEdge)
    }

    /// The state.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.block.snapshot()
    }

    /// Takes over a saved state. The effects lead from the present lines and interrupt to the saved ones.
    ///
    /// # Errors
    /// As [`Block::restore`]; nothing changed.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<GuestEffects, SnapshotError> {
        self.change(|block| block.restore(snapshot))
    }

    fn always(&mut self, change: impl FnOnce(&mut Block) -> Effects) -> GuestEffects {
        let Ok(effects) = self.change(|block| Ok::<_, std::convert::Infallible>(change(block)));
        effects
    }

    /// Makes a change, and tells what the lines see of it.
    fn change<E>(
        &mut self,
        change: impl FnOnce(&mut Block) -> Result<Effects, E>,
    ) -> Result<GuestEffects, E> {
        let before = self.outputs();
        let effects = change(&mut self.block)?;
        let now = self.outputs();
        let met = now.mask & self.block.pads().driven_by_outside();
        if met != 0 {
            // The guest's is the only driver of a line that it drives: no interrupt depends on those.
            let _levels_as_driven = self.block.release_outside(met);
        }
        let turned = before.mask ^ now.mask;
        let moved = (before.bits ^ now.bits) & before.mask & now.mask;
        Ok(GuestEffects {
            outputs: LineLevels { mask: moved, bits: now.bits & moved },
            directions: LineDirections {
                mask: turned,
                outputs: now.mask & turned,
                bits: now.bits & turned,
            },
            irq: effects.irq,
        })
    }
}
