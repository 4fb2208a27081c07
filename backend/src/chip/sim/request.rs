// SPDX-License-Identifier: MIT OR Apache-2.0
//! Held lines of a simulated block.

use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use nix::errno::Errno;
use nix::sys::epoll::Epoll;
use vgpio_protocol::{Direction, Drive};
use vgpio_rcar::Line;

use super::SimChip;
use super::lines::{Checked, Taken};
use super::state::State;
use crate::chip::{Cause, ChipEdge, ChipError, LineConfig, Request, all_lines};

/// Lines that are held. Masks have a bit per line of the request.
pub struct SimLines {
    chip: SimChip,
    queue: usize,
    /// Of the chip's presence during which the lines were taken.
    epoch: u32,
    fd: Rc<Epoll>,
    lines: Vec<Line>,
    all: u64,
    outputs: u64,
    active_low: u64,
    /// Outputs that are not push-pull.
    open: u64,
}

impl SimLines {
    /// Lines that were taken.
    pub fn new(chip: SimChip, taken: Taken, lines: &[Checked]) -> Self {
        let Taken { queue, epoch, fd } = taken;
        let lines: Vec<Line> = lines.iter().map(|(line, _)| *line).collect();
        let all = all_lines(lines.len());
        let mut taken =
            Self { chip, queue, epoch, fd, lines, all, outputs: 0, active_low: 0, open: 0 };
        taken.look();
        taken
    }

    /// Takes note of what the lines are now.
    fn look(&mut self) {
        let mut state = self.chip.state.borrow_mut();
        (self.outputs, self.active_low, self.open) = (0, 0, 0);
        for (i, &line) in self.lines.iter().enumerate() {
            let Some(held) = state.held(line) else {
                continue;
            };
            let output = held.config.direction == Some(Direction::Output);
            let open = held.config.effective().drive != Drive::PushPull;
            self.outputs |= u64::from(output) << i;
            self.active_low |= u64::from(held.config.active_low) << i;
            self.open |= u64::from(open) << i;
        }
    }

    /// Does something with the block while it is there.
    fn with<T>(
        &self,
        what: &'static str,
        operation: impl FnOnce(&mut State) -> Result<T, Cause>,
    ) -> Result<T, ChipError> {
        let mut state = self.chip.state.borrow_mut();
        let result =
            if state.epoch == self.epoch { operation(&mut state) } else { Err(Cause::Gone) };
        result.map_err(|cause| {
            let offsets = self.lines.iter().map(|line| line.offset()).collect();
            ChipError::new(&self.chip.info, offsets, what, cause)
        })
    }

    /// The lines in `mask`, with their indices.
    fn each(&self, mask: u64) -> impl Iterator<Item = (usize, Line)> {
        let lines = self.lines.iter().copied().enumerate();
        lines.filter(move |(i, _)| mask >> i & 1 == 1)
    }
}

impl Request for SimLines {
    fn set(&mut self, mask: u64, bits: u64) -> Result<(), ChipError> {
        let mask = mask & self.all;
        self.with("cannot set levels", |state| {
            if mask & !self.outputs != 0 {
                return Err(Cause::Host(Errno::EPERM.into()));
            }
            let high = bits ^ self.active_low;
            for (i, line) in self.each(mask & self.open) {
                let drive = state.held(line).map_or(Drive::PushPull, |held| held.config.drive);
                state.output_open(line, drive, high >> i & 1 == 1);
            }
            let (mut pads, mut levels) = (0, 0);
            for (i, line) in self.each(mask & !self.open) {
                pads |= line.mask();
                levels |= if high >> i & 1 == 1 { line.mask() } else { 0 };
            }
            state.driver.set_multiple(pads, levels);
            state.settle();
            Ok(())
        })
    }

    fn get(&mut self, mask: u64) -> Result<u64, ChipError> {
        self.with("cannot read levels", |state| {
            state.debounce(self.queue);
            let mask = mask & self.all;
            let pads = self.each(mask).fold(0, |pads, (_, line)| pads | line.mask());
            let levels = state.driver.get_multiple(pads);
            let mut level = |line: Line| {
                let debounced = state.held(line).and_then(|held| held.debounce);
                debounced.map_or(levels & line.mask() != 0, |debounce| debounce.level())
            };
            let bits = self.each(mask).map(|(i, line)| u64::from(level(line)) << i);
            Ok((bits.sum::<u64>() ^ self.active_low) & mask)
        })
    }

    fn reconfigure(&mut self, lines: &[LineConfig]) -> Result<u64, ChipError> {
        self.with("cannot change settings", |state| {
            if lines.len() != self.lines.len() {
                return Err(Cause::Host(Errno::EINVAL.into()));
            }
            for (&line, &config) in self.lines.iter().zip(lines) {
                if config.direction.is_some() {
                    state.reconfigure(line, config);
                }
            }
            Ok(())
        })?;
        self.look();
        Ok(0)
    }

    fn event_fd(&self) -> BorrowedFd<'_> {
        self.fd.0.as_fd()
    }

    fn read_edges(&mut self, edges: &mut Vec<ChipEdge>) -> Result<u32, ChipError> {
        self.with("cannot read edges", |state| {
            state.debounce(self.queue);
            Ok(state.queues.get_mut(self.queue).map_or(0, |queue| queue.read(edges)))
        })
    }
}

impl Drop for SimLines {
    fn drop(&mut self) {
        self.chip.state.borrow_mut().give_back(self.queue);
    }
}
