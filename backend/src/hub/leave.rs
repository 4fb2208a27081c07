// SPDX-License-Identifier: MIT OR Apache-2.0
//! Giving lines back: outputs go to their safe states.

use super::claim::Link;
use super::jobs::Awaited;
use super::operate::{Origin, Step};
use super::{HoldKey, Hub, SessionKey};
use crate::chip::worker::Job;

impl Hub {
    /// Ends a session's use of lines. Outputs go to their safe states.
    pub fn leave(&mut self, session: SessionKey, links: &[Link]) {
        let its = self.awaited.values_mut().filter(|awaited| awaited.origin.session == session);
        its.for_each(|awaited| awaited.origin = Origin::NOBODY);
        for link in links {
            let Some(hold) = self.holds.get_mut(link.hold.0) else {
                continue;
            };
            hold.users.retain(|user| user.session != session);
            if !hold.users.is_empty() {
                continue;
            }
            self.end_use(link.hold);
        }
    }

    /// Nobody uses a hold any more.
    pub(super) fn end_use(&mut self, key: HoldKey) {
        let Some(hold) = self.holds.get(key.0) else { return };
        if hold.is_lost() || !hold.outlives_users() {
            self.drop_hold(key);
        } else {
            self.make_safe(key);
            self.write_note(key);
        }
    }

    pub(super) fn make_safe(&mut self, key: HoldKey) {
        let Some(hold) = self.holds.get(key.0) else {
            return;
        };
        let (config, outputs) = (hold.safe(), hold.outputs);
        if config != hold.current()
            && let Step::Done(Err(failure)) = self.configure(key, config, Origin::NOBODY)
        {
            log::error!("safe state of lines {outputs:#x} not reached: {}", failure.text);
        }
    }

    pub(super) fn drop_hold(&mut self, key: HoldKey) {
        let chip = self.holds.get(key.0).map(|hold| hold.chip);
        // The worker may have the lines already, or a request for them on its way.
        if chip.and_then(|chip| self.chips.get(chip)).is_some_and(|slot| slot.worker.is_some()) {
            let id = self.holds.get(key.0).map_or(0, |hold| hold.id);
            let job = |ticket| Job::Release { ticket, key: id };
            self.post(Awaited::new(Origin::NOBODY, key), job);
        }
        self.awaited.retain(|_, awaited| awaited.hold != key);
        self.note_release(key);
        self.forget(key);
        let hold = self.holds.remove(key.0);
        self.owners.retain(|_, owner| *owner != key);
        let chip = hold.chip;
        drop(hold);
        self.chips.release(chip);
        if self.chips.get(chip).is_none() {
            self.gone.retain(|gone| *gone != chip);
        }
    }
}
