// SPDX-License-Identifier: MIT OR Apache-2.0
//! The outside world of a simulated block: what buttons, wires and loads do to its pads, and who
//! watches them.

use std::cell::RefCell;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use nix::sys::epoll::Epoll;
use vgpio_rcar::{Block, Contention, Effects, Line, LineError, Pull};

use super::SimBlock;
use super::queue::Queue;
use super::state::Sight;
use crate::chip::{Cause, ChipError, Offset};

/// A change of a pad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PadChange {
    /// Offset of the pad's line.
    pub offset: Offset,
    /// The level now, as a voltage. It may be the same as before: after a pulse, or when only
    /// something else changed.
    pub high: bool,
    /// Whether the chip drives the pad.
    pub output: bool,
    /// Whether drivers work against each other.
    pub contended: bool,
    /// When, in nanoseconds of `CLOCK_MONOTONIC`.
    pub timestamp_ns: u64,
}

/// Levels are voltages here: `true` is high, also for a line that is active-low.
impl SimBlock {
    /// Lets the outside drive a pad high (`Some(true)`) or low, or no more (`None`).
    ///
    /// # Errors
    /// [`Cause::NoLine`] beyond offset 31.
    pub fn drive(&self, pad: Offset, level: Option<bool>) -> Result<(), ChipError> {
        let mask = self.pad(pad)?.mask();
        self.change(|block| match level {
            Some(high) => block.drive_outside(mask, if high { mask } else { 0 }),
            None => block.release_outside(mask),
        });
        Ok(())
    }

    /// What the outside drives onto a pad; `None` when it drives nothing.
    ///
    /// # Errors
    /// [`Cause::NoLine`] beyond offset 31.
    pub fn outside(&self, pad: Offset) -> Result<Option<bool>, ChipError> {
        let mask = self.pad(pad)?.mask();
        let state = self.state.borrow();
        let pads = state.driver.mmio().block.pads();
        let driven = pads.driven_by_outside() & mask != 0;
        let mut fights = pads.contentions();
        let high = match fights.find(|fight| fight.net & mask != 0) {
            Some(fight) => fight.high.outside & mask != 0,
            None => pads.levels() & mask != 0,
        };
        Ok(driven.then_some(high))
    }

    /// Whether nothing drives or pulls a pad, or one that it is wired to.
    ///
    /// # Errors
    /// [`Cause::NoLine`] beyond offset 31.
    pub fn floats(&self, pad: Offset) -> Result<bool, ChipError> {
        let pad = self.pad(pad)?;
        let state = self.state.borrow();
        let pads = state.driver.mmio().block.pads();
        let net = pads.net(pad);
        let pulled =
            Line::all().any(|line| net & line.mask() != 0 && pads.pull(line) != Pull::None);
        Ok((pads.driven_by_chip() | pads.driven_by_outside()) & net == 0 && !pulled)
    }

    /// Puts a pull on a pad, in place of the one that it has. A chip's bias does so too.
    ///
    /// # Errors
    /// [`Cause::NoLine`] beyond offset 31.
    pub fn pull(&self, pad: Offset, pull: Pull) -> Result<(), ChipError> {
        let mask = self.pad(pad)?.mask();
        self.change(|block| block.set_pull(mask, pull));
        Ok(())
    }

    /// Joins two pads by a wire.
    ///
    /// # Errors
    /// [`Cause::NoLine`] beyond offset 31.
    pub fn wire(&self, a: Offset, b: Offset) -> Result<(), ChipError> {
        let (a, b) = (self.pad(a)?, self.pad(b)?);
        self.change(|block| block.wire(a, b));
        Ok(())
    }

    /// Takes the wire between two pads away.
    ///
    /// # Errors
    /// [`Cause::NoLine`] beyond offset 31.
    pub fn unwire(&self, a: Offset, b: Offset) -> Result<(), ChipError> {
        let (a, b) = (self.pad(a)?, self.pad(b)?);
        self.change(|block| block.unwire(a, b));
        Ok(())
    }

    /// Whether a pad is high.
    ///
    /// # Errors
    /// [`Cause::NoLine`] beyond offset 31.
    pub fn level(&self, pad: Offset) -> Result<bool, ChipError> {
        let mask = self.pad(pad)?.mask();
        Ok(self.levels() & mask != 0)
    }

    /// Levels of all pads, a bit each.
    #[must_use]
    pub fn levels(&self) -> u32 {
        self.state.borrow().driver.mmio().block.pads().levels()
    }

    /// Pads that the chip drives, a bit each.
    #[must_use]
    pub fn outputs(&self) -> u32 {
        self.state.borrow().driver.mmio().block.pads().driven_by_chip()
    }

    /// Pads on which drivers work against each other, with the drivers.
    #[must_use]
    pub fn contentions(&self) -> Vec<Contention> {
        self.state.borrow().driver.mmio().block.pads().contentions().collect()
    }

    /// Makes a line an output, as a boot loader leaves it before anybody holds it.
    ///
    /// # Errors
    /// [`Cause::NoLine`] beyond offset 31.
    pub fn preset_output(&self, line: Offset, high: bool) -> Result<(), ChipError> {
        let line = self.pad(line)?;
        let mut state = self.state.borrow_mut();
        state.driver.direction_output(line, high);
        state.settle();
        Ok(())
    }

    /// Takes the chip away from those who hold its lines: they get [`Cause::Gone`], and the lines
    /// are given back.
    pub fn unplug(&self) {
        self.state.borrow_mut().unplug();
    }

    /// Brings the chip back. Who held lines of it must take them again.
    pub fn plug(&self) {
        self.state.borrow_mut().plugged = true;
    }

    /// Begins to observe the pads.
    ///
    /// # Errors
    /// [`Cause::Host`] when the host has no more descriptors.
    pub fn observe(&self) -> Result<Observer, ChipError> {
        let failed = |errno: nix::Error| self.error(Vec::new(), Cause::Host(errno.into()));
        let queue = Queue::new().map_err(failed)?;
        let fd = queue.signal.fd();
        let sight = Rc::new(RefCell::new(queue));
        let driven = self.outputs();
        let mut state = self.state.borrow_mut();
        if state.observers.is_empty() {
            state.driven = driven;
        }
        state.observers.push(Rc::downgrade(&sight));
        Ok(Observer { fd, sight })
    }

    fn change(&self, change: impl FnOnce(&mut Block) -> Effects) {
        let mut state = self.state.borrow_mut();
        let effects = change(&mut state.driver.mmio_mut().block);
        state.react(effects);
    }

    fn pad(&self, pad: Offset) -> Result<Line, ChipError> {
        Line::new(pad).map_err(|LineError { offset }| {
            self.error(vec![offset], Cause::NoLine { lines: self.info.lines })
        })
    }

    fn error(&self, offsets: Vec<Offset>, cause: Cause) -> ChipError {
        ChipError::new(&self.info, offsets, "cannot use pads", cause)
    }
}

/// Sees what happens to the pads of a block, until it is dropped.
#[derive(Debug)]
pub struct Observer {
    fd: Rc<Epoll>,
    sight: Rc<Sight>,
}

impl Observer {
    /// Appends changes to `changes`, oldest first, at most as many as it has room for without
    /// growing; returns how many were dropped since the last call because 1024 were waiting. Call
    /// it until it appends nothing.
    pub fn read(&self, changes: &mut Vec<PadChange>) -> u32 {
        self.sight.borrow_mut().read(changes)
    }
}

/// Readable when there is something to read.
impl AsFd for Observer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.0.as_fd()
    }
}
