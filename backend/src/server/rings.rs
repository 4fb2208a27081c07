// SPDX-License-Identifier: MIT OR Apache-2.0
//! Guests that send through rings or queues: looked at while the loop is awake, told to ring before it sleeps.

use std::time::Duration;

use super::daemon::Daemon;
use super::guest::Guest;
use super::wait::{Bells, Patience};
use crate::hub::SessionKey;

/// How long to stay awake for guests that wait for no answer: as fast as they can, they send something every ten or
/// twenty microseconds.
const POSTED: Patience = Patience { time: Duration::from_micros(50), gives_way: false };

/// How long for one with a virtio device. It has no next request before the answer of this one has woken its
/// virtual machine monitor, and that its processor; in a virtual host, each of these takes some ten microseconds. It is
/// as long as KVM looks for work before it lets an idle processor sleep (Linux,
/// `Documentation/virt/kvm/halt-polling.rst`).
const ANSWERED: Patience = Patience { time: Duration::from_micros(200), gives_way: true };

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
        self.guests.get(key.0).is_some_and(Guest::has_written)
    }
}

impl Bells for Daemon {
    fn count(&self) -> usize {
        self.awake.len()
    }

    fn patience(&self) -> Patience {
        let is_virtio = |key: &SessionKey| self.guests.get(key.0).is_some_and(|g| g.vmm.is_some());
        if self.awake.iter().any(is_virtio) { ANSWERED } else { POSTED }
    }

    fn have_rung(&self) -> bool {
        self.awake.iter().any(|key| self.has_written(*key))
    }

    fn arm(&mut self) -> bool {
        let guests = &mut self.guests;
        self.awake.retain(|key| {
            let Some(guest) = guests.get_mut(key.0) else { return false };
            guest.is_awake = !guest.sleep();
            guest.is_awake
        });
        self.awake.is_empty()
    }
}
