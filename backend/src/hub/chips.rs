// SPDX-License-Identifier: MIT OR Apache-2.0
//! The chips in use: found by what a user calls them, shared by all that hold lines of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mio::Waker;
use slab::Slab;
use vgpio_protocol::LineRef;

use super::ChipKey;
use crate::chain;
use crate::chip::sim::SimBlock;
use crate::chip::worker::{Full, Job, Worker};
use crate::chip::{self, Chip, ChipError, ChipInfo, Offset, cdev};
use crate::config::{Blocking, ChipConfig, chip_is};

/// How long the daemon waits for slow chips when it ends.
const FINISH: Duration = Duration::from_secs(5);

/// The simulated blocks, and the gpiochips of the host of which lines are held.
pub struct Chips {
    slots: Slab<Slot>,
    sims: Vec<SimBlock>,
    options: Vec<ChipConfig>,
    waker: Arc<Waker>,
    /// Threads of workers that have been given up and finish what they were asked.
    retired: Vec<JoinHandle<()>>,
}

/// A chip in use.
pub(super) struct Slot {
    pub info: ChipInfo,
    /// Tells about the lines, and lends them unless a worker does.
    pub chip: Option<Box<dyn Chip>>,
    pub worker: Option<Worker>,
    /// Jobs that the worker is too busy to take.
    pub backlog: VecDeque<Job>,
    /// What the user calls the chip.
    pub called: String,
    holds: usize,
}

impl Slot {
    /// Whether the chip has gone; its lines wait for its return.
    pub fn is_gone(&self) -> bool {
        self.chip.is_none()
    }

    /// Hands over what had to wait because the worker was busy.
    pub fn send_backlog(&mut self) {
        let Some(worker) = &self.worker else { return };
        while let Some(job) = self.backlog.pop_front() {
            if let Err(Full(job)) = worker.try_send(job) {
                return self.backlog.push_front(job);
            }
        }
    }

    /// Whether more may be asked of the chip.
    pub fn has_room(&self) -> bool {
        self.worker.as_ref().is_none_or(|worker| self.backlog.is_empty() && worker.has_room())
    }
}

impl Chips {
    /// The chips of a daemon; `waker` wakes its event loop when a worker has something to tell.
    #[must_use]
    pub fn new(sims: Vec<SimBlock>, options: Vec<ChipConfig>, waker: Arc<Waker>) -> Self {
        Self { slots: Slab::new(), sims, options, waker, retired: Vec::new() }
    }

    /// The simulated blocks.
    #[must_use]
    pub fn sims(&self) -> &[SimBlock] {
        &self.sims
    }

    /// Opens a chip only to look at it.
    ///
    /// # Errors
    /// When there is no such chip, or the host denies access to it.
    pub fn open(&self, text: &str) -> Result<Box<dyn Chip>, ChipError> {
        let sim = self.sims.iter().find(|sim| {
            let info = sim.info();
            info.label == text || info.name == text
        });
        match sim {
            Some(sim) => Ok(Box::new(sim.chip())),
            None => chip::open(text).map_err(|error| self.also_sims(error)),
        }
    }

    /// Simulated blocks are among the chips that there are.
    fn also_sims(&self, mut error: ChipError) -> ChipError {
        if let chip::Cause::NoChip { available } = &mut error.cause {
            available.splice(0..0, self.sims.iter().map(|sim| sim.info().label.clone()));
        }
        error
    }

    /// The chip that a user calls `text`, for lines to be taken of it.
    pub(super) fn resolve(&mut self, text: &str) -> Result<ChipKey, ChipError> {
        let chip = self.open(text)?;
        let known =
            self.slots.iter().find(|(_, slot)| !slot.is_gone() && slot.info == *chip.info());
        if let Some((key, slot)) = known {
            // One that was kept for its worker may have been unplugged meanwhile, and this be another.
            if slot.holds > 0 || slot.chip.as_ref().is_some_and(|chip| chip.line(0).is_ok()) {
                return Ok(ChipKey(key));
            }
            let worker = self.slots.remove(key).worker;
            self.retire(worker);
        }
        let info = chip.info().clone();
        let worker = self.worker_for(&info)?;
        let called = text.to_owned();
        let (chip, backlog) = (Some(chip), VecDeque::new());
        Ok(ChipKey(self.slots.insert(Slot { info, chip, worker, backlog, called, holds: 0 })))
    }

    /// A worker thread, if operations of the chip may sleep.
    fn worker_for(&self, info: &ChipInfo) -> Result<Option<Worker>, ChipError> {
        if self.sims.iter().any(|sim| sim.info() == info) {
            return Ok(None);
        }
        let named = self.options.iter().find(|option| chip_is(&option.chip, info));
        let blocking = named.map_or(Blocking::Auto, |option| option.blocking);
        let sleeps = match blocking {
            Blocking::Yes => true,
            Blocking::No => false,
            Blocking::Auto => cdev::may_sleep(&info.name),
        };
        if !sleeps {
            return Ok(None);
        }
        let name = info.name.clone();
        let open = move || chip::open(&name);
        Worker::spawn(&info.name, open, Arc::clone(&self.waker)).map(Some)
    }

    pub(super) fn get(&self, key: ChipKey) -> Option<&Slot> {
        self.slots.get(key.0)
    }

    pub(super) fn get_mut(&mut self, key: ChipKey) -> Option<&mut Slot> {
        self.slots.get_mut(key.0)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (ChipKey, &mut Slot)> {
        self.slots.iter_mut().map(|(key, slot)| (ChipKey(key), slot))
    }

    /// Counts a hold on the chip.
    pub(super) fn retain(&mut self, key: ChipKey) {
        if let Some(slot) = self.slots.get_mut(key.0) {
            slot.holds += 1;
        }
    }

    /// Ends a hold on the chip; the last one closes it.
    pub(super) fn release(&mut self, key: ChipKey) {
        let Some(slot) = self.slots.get_mut(key.0) else {
            return;
        };
        slot.holds = slot.holds.saturating_sub(1);
        self.forget_unused(key);
    }

    /// Closes a chip of which nothing is held, unless it has a worker: that may not have given its
    /// lines back yet, and whoever wants them next is to come behind.
    pub(super) fn forget_unused(&mut self, key: ChipKey) {
        let unused = |slot: &Slot| slot.holds == 0 && (slot.worker.is_none() || slot.is_gone());
        if self.slots.get(key.0).is_some_and(unused) {
            let worker = self.slots.remove(key.0).worker;
            self.retire(worker);
        }
    }

    /// Lets a worker finish what it was asked, without waiting for it.
    fn retire(&mut self, worker: Option<Worker>) {
        self.retired.retain(|thread| !thread.is_finished());
        self.retired.extend(worker.and_then(Worker::retire));
    }

    /// Waits until the workers have done what they were asked, so that safe states are reached.
    /// One that hangs with its chip is given up.
    pub(super) fn finish(&mut self) {
        let deadline = Instant::now() + FINISH;
        loop {
            let mut done = Vec::new();
            for (_, slot) in &mut self.slots {
                slot.worker.iter().flat_map(Worker::reports).for_each(drop);
                slot.send_backlog();
                if slot.backlog.is_empty() {
                    done.push(slot.worker.take());
                }
            }
            for worker in done {
                self.retire(worker);
            }
            let all_sent = self.slots.iter().all(|(_, slot)| slot.worker.is_none());
            if all_sent && self.retired.iter().all(JoinHandle::is_finished) {
                return;
            }
            if Instant::now() > deadline {
                log::error!("a chip does not answer: the safe states of its lines are not known");
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Drops a chip that was removed; its holds stay and wait.
    pub(super) fn lose(&mut self, key: ChipKey) {
        if let Some(slot) = self.slots.get_mut(key.0) {
            slot.chip = None;
            slot.backlog.clear();
            let worker = slot.worker.take();
            self.retire(worker);
        }
    }

    /// Opens a lost chip again, if it is back.
    pub(super) fn reopen(&mut self, key: ChipKey) -> Result<(), ChipError> {
        let Some(slot) = self.slots.get(key.0).filter(|slot| slot.is_gone()) else {
            return Ok(());
        };
        let chip = self.open(&slot.called)?;
        let info = chip.info().clone();
        // What the user calls the chip may mean another one now, which nobody has lent.
        if (&info.label, info.lines) != (&slot.info.label, slot.info.lines) {
            return Ok(());
        }
        let worker = self.worker_for(&info)?;
        if let Some(slot) = self.slots.get_mut(key.0) {
            (slot.info, slot.chip, slot.worker) = (info, Some(chip), worker);
        }
        Ok(())
    }

    /// Every chip that there is, in use or not.
    #[must_use]
    pub fn list(&self) -> Vec<ChipInfo> {
        let host = cdev::list()
            .into_iter()
            .filter_map(|chip| chip.inspect_err(|error| log::warn!("{}", chain(error))).ok());
        self.sims.iter().map(|sim| sim.info().clone()).chain(host).collect()
    }

    /// The offset of a line that a user names; one that is there.
    pub(super) fn offset(&self, key: ChipKey, line: &LineRef) -> Result<Offset, ChipError> {
        let slot = self.slots.get(key.0);
        match slot.and_then(|slot| slot.chip.as_deref()) {
            Some(chip) => offset_of(chip, line),
            None => Err(gone(
                slot.map_or("", |slot| &slot.info.label),
                vec![],
                "cannot look at its lines",
            )),
        }
    }
}

/// The offset of a line that a user names; one that is there.
///
/// # Errors
/// When it is not.
pub fn offset_of(chip: &dyn Chip, line: &LineRef) -> Result<Offset, ChipError> {
    match line {
        LineRef::Offset(offset) => chip.line(*offset).map(|line| line.offset),
        LineRef::Name(name) => chip.find_line(name),
    }
}

/// The error of a chip that was removed.
pub(super) fn gone(chip: &str, offsets: Vec<Offset>, what: &'static str) -> ChipError {
    ChipError { chip: chip.to_owned(), offsets, what, cause: chip::Cause::Gone }
}
