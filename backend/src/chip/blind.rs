// SPDX-License-Identifier: MIT OR Apache-2.0
//! A chip for tests that cannot detect edges.

use std::cell::Cell;
use std::os::fd::BorrowedFd;
use std::rc::Rc;

use nix::errno::Errno;

use super::sim::SimChip;
use super::{Cause, Chip, ChipEdge, ChipError, ChipInfo, LineConfig, LineInfo, Offset, Request};

/// A block without interrupts. Its lines cannot be read while it is `broken`.
pub struct Blind {
    chip: SimChip,
    pub broken: Rc<Cell<bool>>,
}

/// Lines of it.
struct BlindLines {
    lines: Box<dyn Request>,
    broken: Rc<Cell<bool>>,
}

impl Blind {
    pub fn new(chip: SimChip) -> Self {
        Self { chip, broken: Rc::default() }
    }
}

impl Chip for Blind {
    fn info(&self) -> &ChipInfo {
        self.chip.info()
    }

    fn line(&self, offset: Offset) -> Result<LineInfo, ChipError> {
        self.chip.line(offset)
    }

    fn request(
        &mut self,
        lines: &[(Offset, LineConfig)],
        consumer: &str,
    ) -> Result<Box<dyn Request>, ChipError> {
        refuse_edges(lines.iter().map(|(_, line)| line))?;
        let (lines, broken) = (self.chip.request(lines, consumer)?, Rc::clone(&self.broken));
        Ok(Box::new(BlindLines { lines, broken }))
    }
}

impl Request for BlindLines {
    fn set(&mut self, mask: u64, bits: u64) -> Result<(), ChipError> {
        self.lines.set(mask, bits)
    }

    fn get(&mut self, mask: u64) -> Result<u64, ChipError> {
        if self.broken.get() {
            Err(error(Cause::Host(Errno::EIO.into())))
        } else {
            self.lines.get(mask)
        }
    }

    fn reconfigure(&mut self, lines: &[LineConfig]) -> Result<u64, ChipError> {
        refuse_edges(lines.iter())?;
        self.lines.reconfigure(lines)
    }

    fn event_fd(&self) -> BorrowedFd<'_> {
        self.lines.event_fd()
    }

    fn read_edges(&mut self, edges: &mut Vec<ChipEdge>) -> Result<u32, ChipError> {
        self.lines.read_edges(edges)
    }
}

fn refuse_edges<'a>(mut lines: impl Iterator<Item = &'a LineConfig>) -> Result<(), ChipError> {
    if lines.any(|line| line.needs_edges()) { Err(error(Cause::NoEdges)) } else { Ok(()) }
}

fn error(cause: Cause) -> ChipError {
    ChipError { chip: "blind".into(), offsets: vec![], what: "does not", cause }
}
