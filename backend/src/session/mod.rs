// SPDX-License-Identifier: MIT OR Apache-2.0
//! One frontend's session: bytes of its messages in, operations on the hub, messages out.
//!
//! Everything that comes from a frontend is checked here, once, on its way in. A session
//! does no I/O; the server reads and writes for it.

mod attach;
mod inlet;
mod log_limit;
mod operation;
mod outbox;
mod requests;
mod tell;
mod watchdog;

use std::os::fd::OwnedFd;
use std::time::Duration;

use log::Level;
use vgpio_protocol::{DecodeError, ErrorCode, Event, Frame, Request};

use crate::config::Config;
use crate::hub::{Failure, Hold, Hub, Link, Origin, SessionKey};
use inlet::Inlet;
pub use log_limit::LogLimit;
use operation::Operation;
pub use outbox::Outbox;
use watchdog::Watch;

/// What one frontend may ask in a turn before others have theirs: so many sets, a few of the
/// dearer messages, or one ATTACH, which looks at chips.
const SHARE: u32 = 256;
const CHEAP: u32 = 1;
const DEAR: u32 = 32;

/// What a session works with.
pub struct Context<'a> {
    /// The host's lines.
    pub hub: &'a mut Hub,
    /// Exports and policy.
    pub config: &'a Config,
    /// How much may be logged.
    pub log: &'a mut LogLimit,
}

/// The process at the other end of the socket, as the kernel tells (`unix(7)`, `SO_PEERCRED`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its process.
    pub pid: i32,
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// What has happened in a session, for `vgpioctl status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages received.
    pub messages: u64,
    /// Sets carried out.
    pub sets: u64,
    /// Changes of settings carried out.
    pub configures: u64,
    /// Edges sent.
    pub edges: u64,
    /// Edges lost before or here.
    pub lost_edges: u64,
    /// Errors sent.
    pub errors: u64,
}

/// One frontend.
pub struct Session {
    key: SessionKey,
    id: u32,
    peer: Peer,
    name: String,
    phase: Phase,
    last_seq: u64,
    operation: Option<Operation>,
    inlet: Inlet,
    /// Whether it answers PING.
    answers: bool,
    watch: Option<Watch>,
    /// Lines whose edges were lost since the last snapshot, and how many.
    stale: u64,
    stale_edges: u32,
    /// What is to be sent.
    pub outbox: Outbox,
    /// Edges that have come before the levels of the attachment, which are sent first.
    early: Outbox,
    /// What goes along with the next that is sent: the memory of a ring.
    pub passed: Option<OwnedFd>,
    /// What has happened.
    pub counters: Counters,
}

/// How far a session has come (`docs/protocol.md`, "States").
enum Phase {
    New,
    Ready,
    Attached(Attachment),
    Closed,
}

/// Lines that a session has.
pub struct Attachment {
    /// The export, or the line map, for logs.
    pub what: String,
    /// The export; none of a line map.
    pub export: Option<String>,
    /// The lines, in order.
    pub lines: Vec<AttachedLine>,
    /// How long its frontend may take to say that it lives, and the export that says so; `None`: it is not
    /// asked.
    pub watchdog: Option<(Duration, String)>,
    links: Vec<Link>,
}

/// A line of an attachment.
pub struct AttachedLine {
    /// The guest controller's line.
    pub vgpio: u16,
    /// Label of the host chip.
    pub chip: String,
    /// Offset on it.
    pub offset: u32,
    /// Its name, the host's or the export's.
    pub name: String,
}

impl Attachment {
    /// The hold of a line, and the line's bit in it.
    #[must_use]
    pub fn hold_of<'h>(&self, line: usize, hub: &'h Hub) -> Option<(&'h Hold, u64)> {
        let bit = 1 << line;
        let link = self.links.iter().find(|link| link.route.lines() & bit != 0)?;
        Some((hub.hold(link.hold)?, link.route.to_hold(bit)))
    }

    /// All lines of the attachment.
    fn all(&self) -> u64 {
        self.links.iter().fold(0, |all, link| all | link.route.lines())
    }

    /// The lines whose chip is gone.
    fn gone(&self, hub: &Hub) -> u64 {
        let is_gone = |link: &&Link| hub.hold(link.hold).is_none_or(Hold::is_lost);
        self.links.iter().filter(is_gone).fold(0, |all, link| all | link.route.lines())
    }

    /// The levels as far as they are known.
    fn levels(&self, hub: &Hub) -> u64 {
        let levels =
            |link: &Link| hub.hold(link.hold).map_or(0, |hold| link.route.to_session(hold.levels));
        self.links.iter().fold(0, |all, link| all | levels(link))
    }

    /// The lines of `mask` that are outputs.
    fn outputs(&self, hub: &Hub, mask: u64) -> u64 {
        let outputs =
            |link: &Link| hub.hold(link.hold).map_or(0, |hold| link.route.to_session(hold.outputs));
        self.links.iter().fold(0, |all, link| all | outputs(link)) & mask
    }
}

impl Session {
    /// A session that has just connected. `id` is its number for people.
    #[must_use]
    pub fn new(key: SessionKey, id: u32, peer: Peer) -> Self {
        Self {
            key,
            id,
            peer,
            name: String::new(),
            phase: Phase::New,
            last_seq: 0,
            operation: None,
            inlet: Inlet::default(),
            answers: false,
            watch: None,
            stale: 0,
            stale_edges: 0,
            outbox: Outbox::default(),
            early: Outbox::default(),
            passed: None,
            counters: Counters::default(),
        }
    }

    /// Its number for people.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The process at the other end.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// What it calls itself; empty before HELLO.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its lines, once it has some.
    #[must_use]
    pub fn attachment(&self) -> Option<&Attachment> {
        match &self.phase {
            Phase::Attached(attachment) => Some(attachment),
            _ => None,
        }
    }

    /// Whether it has yet to say HELLO.
    #[must_use]
    pub fn is_new(&self) -> bool {
        matches!(self.phase, Phase::New)
    }

    /// Whether it is over: what is in the outbox is the last.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Whether it takes no message now: it is over, waits for a worker, or its frontend does not read.
    #[must_use]
    pub fn is_paused(&self, hub: &Hub) -> bool {
        let crowded =
            |attachment: &Attachment| attachment.links.iter().any(|link| !hub.has_room(link.hold));
        self.is_closed()
            || self.operation.is_some()
            || self.outbox.is_full()
            || self.attachment().is_some_and(crowded)
    }

    /// Carries out messages that are whole in `bytes`, until it is paused, has had its share of
    /// a turn, or the next messages come through the ring; returns how many bytes they took.
    pub fn consume(&mut self, bytes: &[u8], cx: &mut Context<'_>) -> usize {
        let mut used = 0;
        let mut share = SHARE;
        let uses_ring = self.ring().is_some();
        while share > 0 && !self.is_paused(cx.hub) && self.ring().is_some() == uses_ring {
            let rest = bytes.get(used..).unwrap_or_default();
            match Frame::split(rest) {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    used += frame.size();
                    let errors = self.counters.errors;
                    let cost = self.receive(&frame, cx);
                    let cost = if self.counters.errors == errors { cost } else { cost.max(DEAR) };
                    share = share.saturating_sub(cost);
                }
                Err(error) => self.refuse_bytes(error, rest, cx),
            }
        }
        used
    }

    /// Carries out one message; returns its cost in shares of a turn.
    fn receive(&mut self, frame: &Frame<'_>, cx: &mut Context<'_>) -> u32 {
        self.counters.messages += 1;
        if frame.seq <= self.last_seq {
            let text =
                format!("seq {} after {}; it must increase from 1", frame.seq, self.last_seq);
            self.fail(frame.seq, &Failure::new(ErrorCode::BadSequence, 0, text), cx);
            return CHEAP;
        }
        self.last_seq = frame.seq;
        match Request::decode(frame) {
            Ok(Some(request)) => {
                self.request(frame.seq, &request, cx);
                match request {
                    Request::Set(_) | Request::Sync | Request::Pong => CHEAP,
                    Request::Attach(_) => SHARE,
                    _ => DEAR,
                }
            }
            Ok(None) => CHEAP,
            Err(error) => {
                self.fail(frame.seq, &refusal(error), cx);
                CHEAP
            }
        }
    }

    /// Answers bytes that are not even a header's. The sequence number stands in them all the same.
    fn refuse_bytes(&mut self, error: DecodeError, bytes: &[u8], cx: &mut Context<'_>) {
        let seq = bytes
            .get(8..)
            .and_then(|seq| seq.first_chunk())
            .map_or(0, |seq| u64::from_le_bytes(*seq));
        self.fail(seq, &refusal(error), cx);
    }

    fn origin(&self, seq: u64) -> Origin {
        Origin { session: self.key, seq }
    }

    /// Sends an error; a fatal one ends the session.
    fn fail(&mut self, seq: u64, failure: &Failure, cx: &mut Context<'_>) {
        self.counters.errors += 1;
        let level = match failure.code {
            _ if !cx.log.allows_one() => Level::Trace,
            ErrorCode::Unanswered => Level::Warn,
            _ => Level::Info,
        };
        let (code, text) = (failure.code.name(), printable(&failure.text));
        log::log!(level, "session {} ({}): {code}: {text}", self.id, self.name);
        self.outbox.push(&Event::Error(failure.report()), seq);
        if failure.code.is_fatal() {
            self.close(cx.hub, cx.log);
        }
    }

    /// Ends the session: its lines go to their safe states.
    pub fn close(&mut self, hub: &mut Hub, log: &mut LogLimit) {
        if let Some(operation) = self.operation.take() {
            operation.abandon(self.key, hub);
        }
        if let Phase::Attached(attachment) = std::mem::replace(&mut self.phase, Phase::Closed) {
            hub.leave(self.key, &attachment.links);
            if log.allows_one() {
                log::info!("session {} ({}): gave back {}", self.id, self.name, attachment.what);
            }
        }
    }

    /// Tells the frontend that the daemon ends.
    pub fn shut_down(&mut self, cx: &mut Context<'_>) {
        if !self.is_closed() {
            let failure =
                Failure::new(ErrorCode::ShuttingDown, 0, "vgpiod ends; connect again later");
            self.fail(0, &failure, cx);
        }
    }

    /// Ends a session that has not said HELLO in time.
    pub fn too_late(&mut self, cx: &mut Context<'_>) {
        let text = "no HELLO within 10 s; say it on connecting";
        self.fail(0, &Failure::new(ErrorCode::TooLate, 0, text), cx);
    }
}

/// Text of a frontend as it may stand in logs and terminals, where control characters do harm, and
/// too much of it would fill the log.
fn printable(text: &str) -> String {
    const LENGTH: usize = 300;
    let shown = text.chars().take(LENGTH).map(|c| if c.is_control() { '?' } else { c });
    let more = if text.chars().nth(LENGTH).is_some() { "..." } else { "" };
    shown.chain(more.chars()).collect()
}

fn refusal(error: DecodeError) -> Failure {
    Failure::new(error.code(), 0, error.to_string())
}
