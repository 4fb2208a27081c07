// SPDX-License-Identifier: MIT OR Apache-2.0
//! The line client: a connection to a backend, and the lines that it lends.
//!
//! Made for a main loop that polls: nothing here waits, but for [`wait`](Client::wait) and its
//! kin, which say so. The loop watches [`as_fd`](Client::as_fd) for reading, and for writing while
//! [`wants_write`](Client::wants_write) says so, level-triggered; when the descriptor is ready or
//! [`next_deadline`](Client::next_deadline) has come it calls [`process`](Client::process).
//! An attached client has no deadline: nothing wakes up when nothing happens.
//!
//! ```no_run
//! use std::time::{Duration, Instant};
//! use vgpio::client::{Client, Event, Lines, Options};
//!
//! let mut client = Client::new(Options::new(Lines::Export("leds".into())))?;
//! client.configure_directions(0b1, 0b1, 0b0); // line 0 becomes an output, inactive
//! client.connect()?;
//! client.set(0b1, 0b1); // remembered until the lines are attached, then sent
//! client.wait(Instant::now() + Duration::from_secs(5), &mut |event| {
//!     if let Event::Edge(edge) = event {
//!         println!("line {} is {}", edge.line, edge.active);
//!     }
//! });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is kept
//!
//! - **Outputs.** Sets keep their order and every transition, as long as the backend reads. When it
//!   does not, up to [`Options::queue_bytes`] wait; what comes then is folded, the last level of
//!   each line winning, and counted.
//! - **Inputs** are mirrored: [`levels`](Client::levels) asks nobody.
//! - **The guest runs on without a backend.** Directions, levels and settings are remembered, and
//!   sent in one message when the lines are attached (again), before anything else; in one per
//!   different setting, if lines were given bias, drive, active-low, edges or debounce. Lines that
//!   the backend then refuses are left out, so that they do not keep the others down.
#![forbid(unsafe_code)]

mod error;
mod event;
mod lines;
mod link;
mod options;
mod outbox;
mod post;
mod receive;
mod unsure;
mod wait;
mod wanted;

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use vgpio_protocol::limits::MAX_PAYLOAD;

pub(crate) use error::chain;
pub use error::{Error, Report, Violation};
pub use event::{Counters, Event};
pub use lines::Line;
use lines::Table;
pub use options::{Lines, NoGuestLine, Options, OptionsError, default_socket};
use outbox::Outbox;
use post::Fold;
pub use post::Posted;
use unsure::Unsure;
pub use wait::WaitError;
use wanted::Wanted;

/// Whether a client has its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No connection. [`Client::next_deadline`] says when the next attempt is due, if one is.
    Disconnected,
    /// Connected; the backend has not yet given the lines.
    Connecting,
    /// The lines are attached.
    Attached,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug)]
enum Phase {
    Down { retry: Option<Instant> },
    Greeting { until: Instant, asked: Asked },
    Attaching { until: Instant, asked: Asked },
    Attached,
}

/// Sequence numbers of HELLO and ATTACH, and what the backend allows.
#[derive(Clone, Copy, Debug)]
struct Asked {
    hello: u64,
    attach: u64,
    max_lines: usize,
}

/// Barriers, as sequence numbers: asked for, sent on this connection, reached.
#[derive(Clone, Copy, Debug, Default)]
struct Syncs {
    asked: u64,
    sent: u64,
    reached: u64,
}

/// What was sent to bring a new connection up to date.
#[derive(Clone, Copy, Debug, Default)]
struct Restore {
    first: u64,
    last: u64,
    /// Lines that the backend refused so far.
    refused: u64,
}

/// A client of one attachment. Not shared between threads; may be moved to another.
#[derive(Debug)]
pub struct Client {
    options: Options,
    phase: Phase,
    socket: Option<OwnedFd>,
    outbox: Outbox,
    corked: bool,
    inbox: Vec<u8>,
    received: usize,
    /// A descriptor that came while the backend had not yet answered HELLO.
    passed: Option<OwnedFd>,
    fold: Fold,
    wanted: Wanted,
    unsure: Unsure,
    /// Sequence number of the last message that changed directions.
    directed_at: u64,
    restore: Restore,
    syncs: Syncs,
    table: Table,
    /// Levels as the backend last told them.
    reported: u64,
    lost: u64,
    attached_before: bool,
    events: VecDeque<Event>,
    counters: Counters,
    last_error: Option<Error>,
}

/// Takes one message of any size, and what follows it of the next.
const INBOX: usize = 2 * (vgpio_protocol::HEADER_SIZE + MAX_PAYLOAD);

impl Client {
    /// A client that is not yet connected.
    ///
    /// # Errors
    /// [`OptionsError`], when the line map is wrong or names a line that the guest's controller
    /// does not have, or when a text or the queue is out of its limits.
    pub fn new(options: Options) -> Result<Self, OptionsError> {
        let table = Table::known_before(options.check()?);
        Ok(Self {
            phase: Phase::Down { retry: None },
            socket: None,
            outbox: Outbox::new(options.queue_bytes),
            corked: false,
            inbox: vec![0; INBOX],
            received: 0,
            passed: None,
            fold: Fold::default(),
            wanted: Wanted::default(),
            unsure: Unsure::default(),
            directed_at: 0,
            restore: Restore::default(),
            syncs: Syncs::default(),
            table,
            reported: 0,
            lost: 0,
            attached_before: false,
            events: VecDeque::new(),
            counters: Counters::default(),
            last_error: None,
            options,
        })
    }

    /// What the client was told at the start.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Whether the client has its lines.
    #[must_use]
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Down { .. } => State::Disconnected,
            Phase::Greeting { .. } | Phase::Attaching { .. } => State::Connecting,
            Phase::Attached => State::Attached,
        }
    }

    /// The descriptor to watch, if there is a connection. Another one after a reconnect.
    #[must_use]
    pub fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(AsFd::as_fd)
    }

    /// Whether to watch the descriptor for writing, too: something waits that it did not take.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        self.has_unsent() && !self.outbox.waits_for_ring()
    }

    /// Whether something waits to be sent. It goes when the backend reads, which the descriptor tells.
    #[must_use]
    pub fn has_unsent(&self) -> bool {
        self.socket.is_some() && (!self.outbox.is_empty() || !self.fold.is_empty())
    }

    /// When to call [`process`](Self::process) even if the descriptor is not ready: to connect
    /// again, or to give up on a backend that does not answer. `None` while attached.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Down { retry } => retry,
            Phase::Greeting { until, .. } | Phase::Attaching { until, .. } => Some(until),
            Phase::Attached => None,
        }
    }

    /// Levels of all lines: of outputs as last set, of inputs as last told by the backend. They
    /// stay when the connection ends or a line is lost.
    #[must_use]
    pub fn levels(&self) -> u64 {
        let set = self.wanted.written_outputs();
        self.reported & !set | self.wanted.bits() & set
    }

    /// The lines that are outputs, as last configured, unless the backend refused.
    #[must_use]
    pub fn outputs(&self) -> u64 {
        self.wanted.outputs()
    }

    /// The lines that are gone for now.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// The lines as the backend described them on attaching, or since
    /// [`query_lines`](Self::query_lines); none before the first attachment.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.table.lines
    }

    /// Line `line` for all that is known here: as the backend described it, with what was configured
    /// and lost since.
    #[must_use]
    pub fn line(&self, line: usize) -> Option<Line> {
        let mut known = self.table.lines.get(line)?.clone();
        let is_in = |set: u64| set >> line & 1 == 1;
        known.update(self.wanted.settings(line), is_in(self.outputs()), is_in(self.lost));
        Some(known)
    }

    /// The guest controller's line behind each line of the attachment, in order. Known from the
    /// start with a line map, from the first attachment on with an export.
    #[must_use]
    pub fn vgpios(&self) -> &[u16] {
        &self.table.vgpios
    }

    /// The index of the line that the guest's controller calls `vgpio`.
    #[must_use]
    pub fn line_of_vgpio(&self, vgpio: u16) -> Option<usize> {
        self.table.line_of_vgpio(vgpio)
    }

    /// What has been counted so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Why the lines are not attached, if they are not and an attempt was made.
    #[must_use]
    pub fn last_error(&self) -> Option<&Error> {
        self.last_error.as_ref()
    }

    /// The oldest event not yet taken. For loops that want to use the client while they handle
    /// events: [`advance`](Self::advance), then this until it gives none.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Does what is due, without waiting, and hands over what happened. To be called when the
    /// descriptor is ready or the deadline has come; calling it at other times does no harm.
    pub fn process(&mut self, on_event: &mut impl FnMut(Event)) {
        self.advance();
        while let Some(event) = self.next_event() {
            on_event(event);
        }
    }
}
