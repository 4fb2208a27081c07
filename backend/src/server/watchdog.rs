// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frontends that are asked whether they live.

use super::daemon::Daemon;
use super::guest::Guest;
use super::timers::Timer;
use crate::hub::SessionKey;
use crate::session::{Context, Session};

impl Daemon {
    /// Begins to ask a frontend that has just got its lines, if its export says so.
    pub(super) fn begin_watch(&mut self, key: SessionKey) {
        let Some(guest) = self.guests.get_mut(key.0) else { return };
        if let Some(period) = guest.session.begin_watch() {
            self.timers.start(period, Timer::Watch(key, guest.session.id()));
        }
    }

    /// Nobody is asked any more.
    pub(super) fn end_watch(&mut self, key: SessionKey, session: &Session) {
        if session.is_watched() {
            self.timers.stop(|timer| timer == Timer::Watch(key, session.id()));
        }
    }

    /// Looks whether a frontend has answered. One that has not is over, and counted.
    pub fn watch(&mut self, key: SessionKey, id: u32) {
        let is_meant = |guest: &Guest| guest.session.id() == id && !guest.session.is_closed();
        if !self.guests.get(key.0).is_some_and(is_meant) {
            return;
        }
        // A loop that was held up may not have read what has come meanwhile.
        self.guest_turn(key);
        let Some(guest) = self.guests.get_mut(key.0).filter(|guest| is_meant(guest)) else {
            return;
        };
        let watchdog =
            guest.session.attachment().and_then(|attachment| attachment.watchdog.clone());
        let mut cx = Context { hub: &mut self.hub, config: &self.config, log: &mut self.log };
        if let Some(period) = guest.session.look(&mut cx) {
            self.timers.start(period, Timer::Watch(key, id));
            return self.send(key);
        }
        if let Some((_, export)) = watchdog {
            *self.unanswered.entry(export).or_default() += 1;
        }
        // It reads this if it goes on.
        let _ = guest.flush(&self.registry, &mut self.log);
        self.farewell(key);
    }
}
