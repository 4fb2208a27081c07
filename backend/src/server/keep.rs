// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines that go from one daemon to the next.

use std::os::fd::AsRawFd;

use mio::Interest;
use mio::unix::SourceFd;
use nix::sys::signal::Signal;

use super::daemon::Daemon;
use super::timers::Timer;
use crate::keep::{Left, Store};
use crate::token::Source;

impl Daemon {
    /// Asks who keeps lines what another daemon has left with them. Once the daemon is confined, it can neither
    /// connect to a keeper nor start one.
    pub fn open_store(&mut self, inherited: Vec<Left>) {
        let config = &self.config;
        let (store, left) = Store::open(config.keep, config.keeper(), config.grace, inherited);
        self.hub.store = store;
        self.left = left;
        if config.lends_of_host() {
            self.hub.store.prepare();
        }
    }

    /// Takes over what another daemon has left, and waits for its guests for a while.
    pub fn take_over(&mut self) {
        let left = std::mem::take(&mut self.left);
        for (hold, id) in self.hub.adopt(left, &self.config) {
            self.timers.start(self.config.grace, Timer::Guest(hold, id));
        }
        self.watch_keeper();
    }

    /// The keeper has said something, or has gone.
    pub fn hear_keeper(&mut self) {
        self.hub.store.hear();
        self.watch_keeper();
    }

    /// Lets the event loop tell when the keeper goes, once there is one.
    pub(super) fn watch_keeper(&mut self) {
        let connection =
            self.hub.store.socket().map(|(number, socket)| (number, socket.as_raw_fd()));
        let number = connection.map(|(number, _)| number);
        if number == self.watched_keeper {
            return;
        }
        self.watched_keeper = number;
        let Some((_, fd)) = connection else { return };
        let (mut source, token) = (SourceFd(&fd), Source::Keeper.token());
        if let Err(error) = self.registry.register(&mut source, token, Interest::READABLE) {
            log::error!("the keeper of lines cannot be watched: {error}");
        }
    }

    /// Ends every session: by SIGUSR1 for another daemon, if there is somebody who keeps lines for it, else
    /// for good.
    pub fn end(&mut self, signal: Signal) {
        if signal == Signal::SIGUSR1 && self.hub.store.has_keeper() {
            self.hub.leave_unkept();
            self.hub.finish();
        } else {
            self.shut_down();
        }
    }
}
