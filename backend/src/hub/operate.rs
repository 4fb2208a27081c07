// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operations on held lines: done at once, or handed to the chip's worker.

use mio::Interest;
use mio::unix::SourceFd;
use std::os::fd::AsRawFd;
use std::time::Duration;

use super::chips::gone;
use super::jobs::Awaited;
use super::{Change, Failure, Held, HoldKey, Hub, SessionKey};

use crate::chip::worker::Job;
use crate::chip::{Cause, ChipEdge, ChipError, LineConfig, Request};
use crate::clock;
use crate::token::Source;

/// Who asked for an operation: a session, and its message's sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The session.
    pub session: SessionKey,
    /// The message.
    pub seq: u64,
}

impl Origin {
    /// What nobody asked for and nobody waits for.
    pub const NOBODY: Self = Self { session: SessionKey(usize::MAX), seq: 0 };
}

/// How far an operation has come.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// It is done; of reads, the levels, of new settings, the lines whose edges were missed.
    Done(Result<u64, Failure>),
    /// The chip's worker has it; [`Hub::complete`](super::Hub::complete) will tell.
    Pending,
}

impl Hub {
    /// Sets outputs of a hold. The levels are remembered even when the chip is gone.
    pub fn set(&mut self, key: HoldKey, mask: u64, bits: u64, origin: Origin) -> Step {
        let Some(hold) = self.holds.get_mut(key.0) else {
            return Step::Done(Ok(0));
        };
        let before = hold.levels;
        hold.remember(mask, bits);
        let step = match &mut hold.held {
            Held::Here(request) => match request.set(mask, bits) {
                Ok(()) => Step::Done(Ok(0)),
                Err(error) => return self.unset(key, mask, before, &error),
            },
            Held::Worker | Held::Asked => {
                let id = hold.id;
                let job = |ticket| Job::Set { ticket, key: id, mask, bits };
                self.post(Awaited::new(origin, key), job)
            }
            Held::Lost => return Step::Done(Err(self.lost(key, mask))),
            // Nobody has them who could ask.
            Held::Left => return Step::Done(Ok(0)),
        };
        self.note_sets(key, (before ^ bits) & mask);
        self.note_toggles(key);
        step
    }

    /// A set has failed: its levels are forgotten, unless the chip has gone.
    fn unset(&mut self, key: HoldKey, mask: u64, before: u64, error: &ChipError) -> Step {
        if self.is_going(key, error) {
            return Step::Done(Err(self.lost(key, mask)));
        }
        if let Some(hold) = self.holds.get_mut(key.0) {
            hold.remember(mask, before);
        }
        Step::Done(Err(self.failed(key, error)))
    }

    /// Reads lines of a hold.
    pub fn get(&mut self, key: HoldKey, mask: u64, origin: Origin) -> Step {
        let Some(hold) = self.holds.get_mut(key.0) else {
            return Step::Done(Ok(0));
        };
        let result = match &mut hold.held {
            Held::Here(request) => request.get(mask),
            Held::Worker | Held::Asked => {
                let id = hold.id;
                let job = |ticket| Job::Get { ticket, key: id, mask };
                return self.post(Awaited { read: mask, ..Awaited::new(origin, key) }, job);
            }
            Held::Lost => return Step::Done(Ok(0)),
            Held::Left => return Step::Done(Ok(hold.levels & mask)),
        };
        if let Ok(bits) = result {
            hold.learn(mask, bits);
            self.note_toggles(key);
        }
        self.done(key, result)
    }

    /// Gives all lines of a hold new settings. Returns those that keep theirs, but whose edges may
    /// have been missed meanwhile.
    pub fn configure(&mut self, key: HoldKey, config: Vec<LineConfig>, origin: Origin) -> Step {
        if self.holds.get(key.0).is_some_and(|hold| matches!(hold.held, Held::Left))
            && let Step::Done(Err(failure)) = self.request(key, Origin::NOBODY, false)
        {
            return Step::Done(Err(failure));
        }
        let Some(hold) = self.holds.get_mut(key.0) else {
            return Step::Done(Ok(0));
        };
        let result = match &mut hold.held {
            Held::Here(lent) => lent.reconfigure(&config).map(|missed| (missed, lent.polled())),
            Held::Worker | Held::Asked => {
                let (id, lines) = (hold.id, config.clone());
                let job = |ticket| Job::Reconfigure { ticket, key: id, lines };
                let awaited = Awaited { config: Some(config), ..Awaited::new(origin, key) };
                return self.post(awaited, job);
            }
            Held::Lost | Held::Left => {
                hold.adopt(config);
                let all = hold.all();
                return Step::Done(Err(self.lost(key, all)));
            }
        };
        let all = hold.all();
        match result {
            Err(error) if !matches!(error.cause, Cause::Gone) => self.done(key, Err(error)),
            Ok((missed, polled)) => {
                self.configured(key, config, polled);
                Step::Done(Ok(missed))
            }
            Err(error) => {
                hold.adopt(config);
                self.is_going(key, &error);
                Step::Done(Err(self.lost(key, all)))
            }
        }
    }

    /// Takes note of settings that a hold has now.
    pub(super) fn configured(
        &mut self,
        key: HoldKey,
        config: Vec<LineConfig>,
        polled: Option<Duration>,
    ) {
        let Some(hold) = self.holds.get_mut(key.0) else {
            return;
        };
        let before = hold.levels;
        hold.adopt(config);
        let changed = (before ^ hold.levels) & hold.outputs;
        if hold.polled != polled {
            self.watch_edges(key);
            self.polled(key, polled);
        }
        self.note_sets(key, changed);
        self.note_toggles(key);
    }

    /// Done when everything asked of the hold before is done.
    pub fn barrier(&mut self, key: HoldKey, origin: Origin) -> Step {
        match self.holds.get(key.0) {
            Some(hold) if matches!(hold.held, Held::Worker | Held::Asked) => {
                self.get(key, 0, origin)
            }
            _ => Step::Done(Ok(0)),
        }
    }

    /// Appends edges of a hold; returns how many were lost. `None`: nothing can be read.
    pub fn read_edges(&mut self, key: HoldKey, edges: &mut Vec<ChipEdge>) -> Option<u32> {
        let hold = self.holds.get_mut(key.0)?;
        let Held::Here(request) = &mut hold.held else {
            return None;
        };
        match request.read_edges(edges) {
            Ok(lost) => {
                self.note_edges(key, edges);
                Some(lost)
            }
            Err(error) => {
                self.unread(key, &error);
                None
            }
        }
    }

    /// Edges of a hold cannot be read.
    pub fn unread(&mut self, key: HoldKey, error: &ChipError) {
        let failure = self.failed(key, error);
        log::warn!("{}", failure.text);
    }

    /// Lets the event loop watch the hold's edges.
    pub(super) fn watch_edges(&self, key: HoldKey) {
        let Some(Held::Here(lent)) = self.holds.get(key.0).map(|hold| &hold.held) else {
            return;
        };
        let fd = lent.event_fd().as_raw_fd();
        let (mut fd, token) = (SourceFd(&fd), Source::Hold(key).token());
        if let Err(error) = self.registry.register(&mut fd, token, Interest::READABLE) {
            log::error!("edges of lines cannot be watched: {error}");
        }
    }

    fn done(&mut self, key: HoldKey, result: Result<u64, ChipError>) -> Step {
        Step::Done(result.map_err(|error| self.failed(key, &error)))
    }

    /// Makes a failure of a chip's error, and notes that the chip is gone if that is why.
    pub(super) fn failed(&mut self, key: HoldKey, error: &ChipError) -> Failure {
        self.is_going(key, error);
        let offsets = self.holds.get(key.0).map(|hold| &hold.offsets[..]);
        Failure::of_chip(error, offsets.unwrap_or_default())
    }

    /// Whether the chip has gone, which is noted. What was asked of it is remembered then.
    pub(super) fn is_going(&mut self, key: HoldKey, error: &ChipError) -> bool {
        let gone = matches!(error.cause, Cause::Gone);
        if let Some(hold) = self.holds.get(key.0)
            && gone
            && !self.gone.contains(&hold.chip)
        {
            self.gone.push(hold.chip);
        }
        gone
    }

    pub(super) fn lost(&self, key: HoldKey, mask: u64) -> Failure {
        let Some(hold) = self.holds.get(key.0) else {
            return Failure::of_chip(&gone("", vec![], "lines are lost"), &[]);
        };
        let named = |(i, _): &(usize, &u32)| mask >> i & 1 == 1;
        let offsets = hold.offsets.iter().enumerate().filter(named).map(|(_, &o)| o).collect();
        Failure::of_chip(
            &gone(self.label(hold), offsets, "the setting is remembered"),
            &hold.offsets,
        )
    }

    fn note_sets(&mut self, key: HoldKey, changed: u64) {
        let Some(hold) = self.holds.get(key.0).filter(|_| self.watched && changed != 0) else {
            return;
        };
        let timestamp_ns = clock::now_ns();
        let lines = (0..64_u8).filter(|line| changed >> line & 1 == 1);
        self.changes.extend(lines.map(|line| Change {
            hold: key,
            line,
            active: hold.levels >> line & 1 == 1,
            timestamp_ns,
            set: true,
        }));
    }

    /// Takes note of edges, which a worker may have read. Those of a line that has become an output
    /// since are of the past.
    pub fn note_edges(&mut self, key: HoldKey, edges: &[ChipEdge]) {
        if let Some(hold) = self.holds.get_mut(key.0) {
            let inputs = hold.inputs();
            for edge in edges {
                let bit = 1 << edge.line;
                hold.remember(bit & inputs, if edge.active { bit } else { 0 });
            }
        }
        if self.watched {
            self.changes.extend(edges.iter().map(|edge| Change {
                hold: key,
                line: edge.line,
                active: edge.active,
                timestamp_ns: edge.timestamp_ns,
                set: false,
            }));
        }
    }
}
