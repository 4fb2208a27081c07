// SPDX-License-Identifier: MIT OR Apache-2.0
//! A simulated R-Car GPIO block as a chip, driven through its registers as Linux does it.
//!
//! ```text
//!   SimChip, SimLines (trait)        SimBlock, Observer (outside world)
//!            |                                  |
//!            v                                  v
//!      lines.rs: what gpiolib does        pads.rs: drive, pull, wire
//!            |                                  |
//!            +------------> state.rs <----------+
//!                 vgpio_rcar::Driver, interrupts, edges
//! ```

use std::cell::RefCell;
use std::rc::Rc;

use vgpio_rcar::Generation;

use super::{Cause, Chip, ChipError, ChipInfo, LineConfig, LineInfo, Offset, Request};

mod lines;
mod pads;
mod queue;
mod request;
mod state;

pub use pads::{Observer, PadChange};

use request::SimLines;
use state::State;

/// What a simulated block is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimOptions {
    /// Which block.
    pub generation: Generation,
    /// Its chip's name: `sim0`.
    pub name: String,
    /// Its chip's label.
    pub label: String,
    /// Names of lines, by offset; offsets beyond 31 are ignored.
    pub names: Vec<(Offset, String)>,
}

/// A simulated block, seen from its outside: the pads. Clones are the same block.
///
/// A button between line 5 and ground, with a pull-up:
///
/// ```
/// use vgpio_backend::chip::sim::{SimBlock, SimOptions};
/// use vgpio_rcar::{Generation, Pull};
///
/// let block = SimBlock::new(SimOptions {
///     generation: Generation::Gen3,
///     name: "sim0".into(),
///     label: "e6055400.gpio".into(),
///     names: vec![(5, "BUTTON".into())],
/// });
/// block.pull(5, Pull::Up)?;
/// assert!(block.level(5)?);
/// block.drive(5, Some(false))?;
/// assert!(!block.level(5)?);
/// # Ok::<(), vgpio_backend::chip::ChipError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SimBlock {
    info: Rc<ChipInfo>,
    generation: Generation,
    state: Rc<RefCell<State>>,
}

impl SimBlock {
    /// A block after reset, its pads low, undriven and without pulls.
    #[must_use]
    pub fn new(options: SimOptions) -> Self {
        let SimOptions { generation, name, label, names } = options;
        let info = Rc::new(ChipInfo { name, label, lines: vgpio_rcar::LINES });
        let state = Rc::new(RefCell::new(State::new(generation, names)));
        Self { info, generation, state }
    }

    /// The chip that the block is.
    #[must_use]
    pub fn chip(&self) -> SimChip {
        SimChip { info: Rc::clone(&self.info), state: Rc::clone(&self.state) }
    }

    /// What the chip is.
    #[must_use]
    pub fn info(&self) -> &ChipInfo {
        &self.info
    }

    /// Which block it is.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }
}

/// A simulated block, seen from its inside: a chip.
#[derive(Clone, Debug)]
pub struct SimChip {
    info: Rc<ChipInfo>,
    state: Rc<RefCell<State>>,
}

impl Chip for SimChip {
    fn info(&self) -> &ChipInfo {
        &self.info
    }

    fn line(&self, offset: Offset) -> Result<LineInfo, ChipError> {
        let info = self.state.borrow_mut().line_info(offset);
        info.map_err(|cause| {
            ChipError::new(&self.info, vec![offset], "cannot read what the line is", cause)
        })
    }

    fn request(
        &mut self,
        lines: &[(Offset, LineConfig)],
        consumer: &str,
    ) -> Result<Box<dyn Request>, ChipError> {
        let failed =
            |offsets, cause: Cause| ChipError::new(&self.info, offsets, "cannot take lines", cause);
        let all = || lines.iter().map(|(offset, _)| *offset).collect();
        let mut state = self.state.borrow_mut();
        let checked = state.check(lines).map_err(|(offset, cause)| {
            failed(offset.map_or_else(all, |offset| vec![offset]), cause)
        })?;
        let taken = state.take(&checked, consumer).map_err(|cause| failed(all(), cause))?;
        drop(state);
        Ok(Box::new(SimLines::new(self.clone(), taken, &checked)))
    }
}

#[cfg(test)]
mod tests;
