// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the guest says: sent at once, queued, folded, or remembered.
#![forbid(unsafe_code)]

use std::os::fd::AsFd;

use vgpio_protocol::{Configure, HEADER_SIZE, LineSet, Request};

use super::Client;

/// What became of a set or a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// Given to the connection under this sequence number, which an error will carry.
    Sent(u64),
    /// The backend does not keep up: folded into a later message.
    Folded,
    /// The lines are not attached: remembered until they are.
    Remembered,
}

/// What waits beyond the queue, by line: the levels and settings are those last wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fold {
    configures: u64,
    sets: u64,
    sync: bool,
}

/// Size of the longest message of the guest, a CONFIGURE, in bytes.
const LONGEST: usize = HEADER_SIZE + 36;

/// Size of a fold as messages, in bytes: at most one CONFIGURE a line, two SETs, a SYNC.
const FOLD_SIZE: usize = 64 * LONGEST + 3 * (HEADER_SIZE + 16);

impl Fold {
    pub fn is_empty(self) -> bool {
        self.configures | self.sets == 0 && !self.sync
    }
}

impl Client {
    /// Sets the outputs in `mask` to `bits`, 1 for active; one change on the host where the chip
    /// can do so. Without [`cork`](Self::cork), this is one write.
    pub fn set(&mut self, mask: u64, bits: u64) -> Posted {
        let bits = bits & mask;
        let attached = self.attached_now();
        // What was folded before leaves with the levels of before.
        let has_room = attached && self.has_room();
        self.wanted.set(mask, bits);
        if !attached {
            return Posted::Remembered;
        }
        if !has_room {
            self.fold.sets |= mask;
            self.counters.coalesced += 1;
            return Posted::Folded;
        }
        self.counters.sent += 1;
        Posted::Sent(self.post(Request::Set(LineSet { mask, bits })))
    }

    /// Changes settings of the lines in `configure.mask`. Bits that the protocol wants zero are
    /// made so. When the backend refuses, all lines stay as they were, here too.
    pub fn configure(&mut self, configure: &Configure) -> Posted {
        let mut configure = *configure;
        if let Some(directions) = &mut configure.direction {
            directions.outputs &= configure.mask;
            directions.bits &= directions.outputs;
        }
        let attached = self.attached_now();
        // What was folded before leaves with the directions of before: a line that is an input now
        // may have been set.
        let has_room = attached && self.has_room();
        // A line that is let go has the level that it was driven to, until the backend says otherwise.
        self.reported = self.levels();
        self.wanted.configure(&configure);
        if !attached {
            return Posted::Remembered;
        }
        if !has_room {
            self.fold.configures |= configure.mask;
            if configure.direction.is_some() {
                self.fold.sets &= !configure.mask;
            }
            self.counters.coalesced += 1;
            return Posted::Folded;
        }
        self.counters.sent += 1;
        let seq = self.post(Request::Configure(configure));
        self.unsure.post(seq, configure);
        if configure.direction.is_some() {
            self.directed_at = seq;
        }
        Posted::Sent(seq)
    }

    /// Makes lines outputs or inputs in one message: those in `mask & outputs` drive `bits`, the
    /// rest of `mask` become inputs.
    pub fn configure_directions(&mut self, mask: u64, outputs: u64, bits: u64) -> Posted {
        self.configure(&Configure::directions(mask, outputs, bits))
    }

    /// Asks for a barrier: [`Event::Synced`](super::Event::Synced) with this token, or a greater
    /// one, says that all before it has been carried out. Without a backend, that is after the
    /// reconnect.
    pub fn sync(&mut self) -> u64 {
        if self.attached_now() && self.has_room() {
            let seq = self.post(Request::Sync);
            self.syncs.asked = seq;
            self.syncs.sent = seq;
        } else {
            self.syncs.asked = self.outbox.next_seq();
            self.fold.sync = self.attached_now();
        }
        self.syncs.asked
    }

    /// Whether the barrier of this token has been reached.
    #[must_use]
    pub fn is_synced(&self, token: u64) -> bool {
        self.syncs.reached >= token
    }

    /// Asks the backend to read the levels of the lines in `mask`, for lines that do not report
    /// both edges; the reply is an [`Event::Levels`](super::Event::Levels). False if the backend is
    /// not there or does not keep up.
    pub fn query_levels(&mut self, mask: u64) -> bool {
        self.query(Request::Get(mask))
    }

    /// Asks the backend for the present settings of the lines; the reply is an
    /// [`Event::Lines`](super::Event::Lines). False if the backend is not there or does not keep up.
    pub fn query_lines(&mut self) -> bool {
        self.query(Request::Info)
    }

    /// Keeps back what follows until [`uncork`](Self::uncork), to send it in one write.
    pub fn cork(&mut self) {
        self.corked = true;
    }

    /// Sends what was kept back since [`cork`](Self::cork).
    pub fn uncork(&mut self) {
        self.corked = false;
        self.write();
    }

    /// Sends all that `work` sets and configures in one write.
    pub fn batch<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.cork();
        let result = work(self);
        self.uncork();
        result
    }

    /// Writes what the socket takes.
    pub(super) fn write(&mut self) {
        let Some(socket) = &self.socket else {
            return;
        };
        self.outbox.write(socket.as_fd());
        if !self.fold.is_empty() && self.attached_now() && self.outbox.room() >= FOLD_SIZE {
            self.unfold();
            if let Some(socket) = &self.socket {
                self.outbox.write(socket.as_fd());
            }
        }
    }

    /// Queues what a connection that has just been attached needs to know.
    pub(super) fn resend(&mut self, refused: u64) {
        self.fold.configures |= self.table.all() & !refused;
        self.fold.sync |= self.syncs.asked > self.syncs.reached;
        self.restore.refused = refused;
        self.restore.first = self.outbox.last_seq() + 1;
        self.restore.last = u64::MAX;
        self.write();
    }

    /// The backend has refused this message: if it was a CONFIGURE, the lines are as they were.
    pub(super) fn refused(&mut self, seq: u64) {
        if let Some((mask, wanted)) = self.unsure.refuse(seq) {
            self.wanted.take_over(mask & !self.fold.configures, &wanted);
        }
    }

    fn unfold(&mut self) {
        let fold = std::mem::take(&mut self.fold);
        let known = self.table.all();
        let Self { wanted, unsure, outbox, counters, directed_at, .. } = self;
        wanted.messages(fold.configures & known, |configure| {
            counters.sent += 1;
            *directed_at = outbox.push(Request::Configure(configure));
            unsure.post(*directed_at, configure);
        });
        if self.restore.last == u64::MAX {
            self.restore.last = self.outbox.last_seq();
            // What is refused of it stays wanted, for the next connection.
            self.unsure.start(&self.wanted);
        }
        let outputs = self.wanted.outputs();
        // A set of an input is an error, which must not keep the others from being set.
        for mask in [fold.sets & outputs, fold.sets & !outputs] {
            if mask != 0 {
                self.counters.sent += 1;
                let bits = self.wanted.bits() & mask;
                self.outbox.push(Request::Set(LineSet { mask, bits }));
            }
        }
        if fold.sync {
            self.syncs.sent = self.outbox.push(Request::Sync);
            self.syncs.asked = self.syncs.sent;
        }
    }

    /// Whether a message may be queued now: there is room, and nothing older waits beyond the queue.
    fn has_room(&mut self) -> bool {
        if self.outbox.room() < LONGEST || !self.fold.is_empty() {
            self.write();
        }
        self.outbox.room() >= LONGEST && self.fold.is_empty()
    }

    fn post(&mut self, request: Request<'_>) -> u64 {
        let seq = self.outbox.push(request);
        if !self.corked && !self.outbox.is_blocked() {
            self.write();
        }
        seq
    }

    /// Tells the backend that somebody is here. Where the queue is full, what waits in it tells as much.
    pub(super) fn answer(&mut self) {
        if self.has_room() {
            self.post(Request::Pong);
        }
    }

    fn query(&mut self, request: Request<'_>) -> bool {
        let possible = self.attached_now() && self.has_room();
        if possible {
            self.post(request);
        }
        possible
    }
}
