// SPDX-License-Identifier: MIT OR Apache-2.0
//! Those who come, ask for what is made anew, and go: one of them in a turn of the loop, so that they do not keep
//! others waiting.

use std::time::Instant;

use super::Server;
use super::allowance::MOST;
use super::daemon::Daemon;
use super::guest::Guest;
use crate::hub::SessionKey;

/// What takes as long as some hundred sets, mostly memory and descriptors that are made and given back: of
/// which one is done in a turn of the loop, each in its order. Returns whether there was something to do.
const PASSAGES: [fn(&mut Server) -> bool; 5] = [
    Server::accept,
    Server::accept_vmm,
    |server| server.daemon.answer_vmm(),
    |server| server.daemon.let_pass(),
    |server| server.daemon.bury(),
];

impl Server {
    /// A turn of the loop begins. Returns whether something of what takes long may be left to do in it.
    pub(super) fn begin_passages(&mut self) -> bool {
        self.daemon.begin_passages() || self.doors.native || self.doors.vhost
    }

    /// Does one of the things that take long.
    pub(super) fn pass_one(&mut self) {
        let begun = Instant::now();
        if !self.allowance.wait(begun).is_zero() {
            return;
        }
        for _ in PASSAGES {
            let pass = PASSAGES.get(self.passage);
            self.passage = (self.passage + 1) % PASSAGES.len();
            if pass.is_some_and(|pass| pass(self)) {
                let now = Instant::now();
                self.allowance.spend(now - begun, now);
                return;
            }
        }
    }

    /// Accepts a frontend.
    fn accept(&mut self) -> bool {
        if !std::mem::take(&mut self.doors.native) {
            return false;
        }
        match self.socket.as_ref().map(|socket| socket.listener.accept()) {
            Some(Ok((stream, _))) => {
                self.doors.is_told = false;
                self.daemon.welcome(stream);
                self.doors.native = true;
            }
            Some(Err(error)) => self.cannot_accept(&error),
            None => {}
        }
        self.doors.native
    }

    /// Accepts a virtual machine monitor, the devices in turn.
    fn accept_vmm(&mut self) -> bool {
        if !std::mem::take(&mut self.doors.vhost) {
            return false;
        }
        for _ in 0..self.vhost_doors.len() {
            self.vhost_doors.rotate_left(1);
            let Some(door) = self.vhost_doors.last_mut() else { break };
            match door.accept() {
                Some(Ok(stream)) => {
                    self.doors.is_told = false;
                    self.daemon.welcome_vmm(stream, &door.export);
                    // Its thread takes as long again, beside the loop.
                    self.allowance.spend(MOST, Instant::now());
                    self.doors.vhost = true;
                    return true;
                }
                Some(Err(error)) => self.cannot_accept(&error),
                None => {}
            }
        }
        false
    }
}

impl Daemon {
    /// A turn of the loop begins. Returns whether somebody comes, asks or has gone.
    pub(super) fn begin_passages(&mut self) -> bool {
        self.passing.begin() || !self.gone.is_empty() || self.vmms.ask()
    }

    /// Whether a guest comes.
    pub(super) fn passes(&self, key: SessionKey) -> bool {
        self.guests.get(key.0).is_some_and(Guest::passes)
    }

    /// Lets a guest have another turn.
    pub(super) fn go_on(&mut self, key: SessionKey) {
        let turns = if self.passes(key) { &mut self.passing } else { &mut self.ready };
        turns.push(key);
    }

    /// Gives back what one that has gone had. False if there is none.
    pub(super) fn bury(&mut self) -> bool {
        self.gone.pop_front().is_some()
    }

    /// Gives one that comes its turn. False if there is none.
    pub(super) fn let_pass(&mut self) -> bool {
        let key = self.passing.next_due();
        key.inspect(|key| self.guest_turn(*key)).is_some()
    }
}
