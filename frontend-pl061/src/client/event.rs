// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a client tells its owner.
#![forbid(unsafe_code)]

use vgpio_protocol::{Edge, Values};

use super::error::{Error, Report};

/// What happened. Lines are bits of a set: bit *i* is line *i* of the attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The lines are attached; what was set and configured before has been sent again.
    Connected,
    /// The lines are not attached any more, or another attempt failed in a new way.
    Disconnected {
        /// Why.
        error: Error,
        /// Whether the client will try again by itself.
        retry: bool,
    },
    /// A line changed.
    Edge(Edge),
    /// A snapshot has come.
    Levels {
        /// Lines whose level was not what the client had. Also outputs, if the host says so.
        changed: u64,
        /// The snapshot.
        values: Values,
    },
    /// Lines are gone for now; the session lives on.
    Lost {
        /// The lines.
        mask: u64,
        /// Why, for people.
        text: String,
    },
    /// Lines are back, with their settings and levels.
    Restored {
        /// The lines.
        mask: u64,
    },
    /// What the client knows of its lines is new: the reply to
    /// [`query_lines`](super::Client::query_lines).
    Lines,
    /// A barrier is reached: that of `token` and all before it.
    Synced {
        /// What [`sync`](super::Client::sync) gave.
        token: u64,
    },
    /// The backend could not do what it was told; `seq` says what.
    Error(Report),
}

/// What has been counted since the client was made. Numbers wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// SET and CONFIGURE messages given to the connection.
    pub sent: u64,
    /// Sets and configurations folded into a later message, because the backend did not keep up:
    /// as many transitions may not have been seen on the lines.
    pub coalesced: u64,
    /// Edges received.
    pub edges: u64,
    /// Edges that the backend knows were lost.
    pub lost_edges: u64,
    /// Snapshots sent because edges were lost.
    pub resyncs: u64,
    /// Attachments after the first.
    pub reconnects: u64,
    /// ERROR messages received.
    pub errors: u64,
}
