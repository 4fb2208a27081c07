// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the workers of slow chips have been asked, and what they answer.

use super::operate::{Origin, Step};
use super::{Failure, Held, HoldKey, Hub};
use crate::chip::LineConfig;
use crate::chip::worker::{Completion, Job, Outcome, Report, Worker};

/// What a worker is doing for somebody.
pub(super) struct Awaited {
    pub origin: Origin,
    pub hold: HoldKey,
    /// Whether lost lines are being taken again.
    pub restore: bool,
    /// Lines that are being read.
    pub read: u64,
    /// Settings that the lines have when it is done.
    pub config: Option<Vec<LineConfig>>,
}

impl Awaited {
    pub fn new(origin: Origin, hold: HoldKey) -> Self {
        Self { origin, hold, restore: false, read: 0, config: None }
    }
}

/// What a worker has done.
#[derive(Debug)]
pub struct Completed {
    /// For whom.
    pub origin: Origin,
    /// With which lines.
    pub hold: HoldKey,
    /// Whether lost lines have been taken again.
    pub restore: bool,
    /// As of [`Step::Done`]; a mask of the hold's lines in a failure.
    pub result: Result<u64, Failure>,
}

impl Hub {
    /// Takes note of what a worker has done.
    pub fn complete(&mut self, completion: Completion) -> Option<Completed> {
        let awaited = self.awaited.remove(&completion.ticket)?;
        let (origin, key, restore) = (awaited.origin, awaited.hold, awaited.restore);
        let result = match completion.outcome {
            Outcome::Failed(error) => {
                let gone = self.is_going(key, &error);
                if let Some(hold) = self.holds.get_mut(key.0) {
                    if matches!(hold.held, Held::Asked) {
                        hold.held = Held::Lost;
                    }
                    if let Some(config) = awaited.config.filter(|_| gone) {
                        hold.adopt(config);
                    }
                }
                Err(self.failed(key, &error))
            }
            Outcome::Held { polled, shared } => {
                self.held(key, restore, polled, &awaited.config.unwrap_or_default());
                self.keep(key, shared);
                Ok(0)
            }
            Outcome::Configured { polled, missed } => {
                self.configured(key, awaited.config.unwrap_or_default(), polled);
                Ok(missed)
            }
            Outcome::Ok(levels) => {
                if let Some(hold) = self.holds.get_mut(key.0) {
                    hold.learn(awaited.read, levels);
                    self.note_toggles(key);
                }
                Ok(levels)
            }
        };
        Some(Completed { origin, hold: key, restore, result })
    }

    /// A worker has the lines of a hold. What was asked of lost lines meanwhile is made up for.
    fn held(
        &mut self,
        key: HoldKey,
        restore: bool,
        polled: Option<std::time::Duration>,
        config: &[LineConfig],
    ) {
        let wanted = self.holds.get(key.0).map(super::Hold::current);
        self.requested(key, Held::Worker, polled, config.to_vec());
        if let Some(wanted) = wanted.filter(|wanted| restore && wanted != config) {
            self.configure(key, wanted, Origin::NOBODY);
        }
    }

    /// Whether the chip of a hold takes more; only a worker's may not.
    #[must_use]
    pub fn has_room(&self, key: HoldKey) -> bool {
        let chip = self.holds.get(key.0).and_then(|hold| self.chips.get(hold.chip));
        chip.is_none_or(super::chips::Slot::has_room)
    }

    /// The hold that a worker knows by this number. Unlike its key it is never used again, so that
    /// a late report does not reach others.
    #[must_use]
    pub fn of_worker(&self, id: usize) -> Option<HoldKey> {
        self.holds.iter().find(|(_, hold)| hold.id == id).map(|(key, _)| HoldKey(key))
    }

    /// Hands a job to the worker of the hold's chip, in order.
    pub(super) fn post(&mut self, awaited: Awaited, job: impl FnOnce(u64) -> Job) -> Step {
        let key = awaited.hold;
        let chip = self.holds.get(key.0).map(|hold| hold.chip);
        let slot = chip.and_then(|chip| self.chips.get_mut(chip));
        let Some(slot) = slot.filter(|slot| slot.worker.is_some()) else {
            return Step::Done(Err(self.lost(key, u64::MAX)));
        };
        self.last_ticket += 1;
        slot.backlog.push_back(job(self.last_ticket));
        slot.send_backlog();
        self.awaited.insert(self.last_ticket, awaited);
        Step::Pending
    }

    /// What workers have to tell since the last call.
    pub fn reports(&mut self) -> Vec<Report> {
        let mut reports = Vec::new();
        for (_, slot) in self.chips.iter_mut() {
            reports.extend(slot.worker.iter().flat_map(Worker::reports));
            slot.send_backlog();
        }
        reports
    }
}
