// SPDX-License-Identifier: MIT OR Apache-2.0
//! Guests that send through rings: looked at while the loop is awake, told to ring before it sleeps.

use super::daemon::Daemon;
use super::wait::Bells;
use crate::hub::SessionKey;

impl Daemon {
    /// Gives those a turn who have written into their rings.
    pub fn serve_rings(&mut self) {
        for i in 0..self.awake.len() {
            if let Some(key) = self.awake.get(i).copied().filter(|key| self.has_written(*key))
                && !self.ready.contains(key)
            {
                self.guest_turn(key);
            }
        }
    }

    fn has_written(&self, key: SessionKey) -> bool {
        let guest = self.guests.get(key.0).filter(|guest| !guest.is_waiting());
        guest.and_then(|guest| guest.session.ring()).is_some_and(|ring| !ring.is_empty())
    }
}

impl Bells for Daemon {
    fn count(&self) -> usize {
        self.awake.len()
    }

    fn have_rung(&self) -> bool {
        self.awake.iter().any(|key| self.has_written(*key))
    }

    fn arm(&mut self) -> bool {
        let guests = &mut self.guests;
        self.awake.retain(|key| {
            let Some(guest) = guests.get_mut(key.0) else { return false };
            // Who waits has its turn when it waits no more, whatever it writes.
            guest.is_awake =
                !guest.is_waiting() && guest.session.ring().is_some_and(|ring| !ring.sleep());
            guest.is_awake
        });
        self.awake.is_empty()
    }
}
