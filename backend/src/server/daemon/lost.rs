// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chips that go while lines of them are held, and come back.

use std::time::Duration;

use log::Level;

use super::Daemon;
use crate::hub::HoldKey;
use crate::server::timers::Timer;
use crate::session::Context;

/// When lines are asked for again that are there and could not be taken: another program has them, or there is no
/// descriptor left.
const RESTORE_AGAIN: Duration = Duration::from_secs(1);

impl Daemon {
    /// Tells of chips that have gone.
    pub(super) fn tell_lost(&mut self) {
        let (lost, abandoned) = self.hub.lose_chips();
        for lost in lost {
            if let Some(guest) = self.guests.get_mut(lost.user.session.0) {
                guest.session.lost(lost.user.route, &lost.text);
                self.touched.push(lost.user.session);
            }
        }
        for completed in abandoned {
            self.completed(completed);
        }
    }

    /// Chips may be back.
    pub fn restore(&mut self) {
        self.is_told = false;
        self.restore_again();
    }

    /// Takes what could not be taken before.
    pub fn restore_again(&mut self) {
        let restored = self.hub.restore(self.restore_level());
        for hold in restored.holds {
            self.back(hold);
        }
        if restored.failed {
            self.restore_later();
        }
    }

    /// The level of the log for lines that cannot be taken again, which is told once.
    pub(super) fn restore_level(&self) -> Level {
        if self.is_told { Level::Debug } else { Level::Warn }
    }

    pub(super) fn restore_later(&mut self) {
        self.is_told = true;
        self.timers.stop(|timer| timer == Timer::Restore);
        self.timers.start(RESTORE_AGAIN, Timer::Restore);
    }

    /// The lines of a hold are there again.
    pub(super) fn back(&mut self, key: HoldKey) {
        let users = self.hub.hold(key).map(|hold| hold.users.clone()).unwrap_or_default();
        for user in users {
            if let Some(guest) = self.guests.get_mut(user.session.0) {
                let mut cx =
                    Context { hub: &mut self.hub, config: &self.config, log: &mut self.log };
                guest.session.restored(user.route, &mut cx);
                self.touched.push(user.session);
            }
        }
    }
}
