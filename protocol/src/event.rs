// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages of the backend.

use crate::bytes::{Reader, put_u64};
use crate::edges::Edges;
use crate::error::DecodeError;
use crate::frame::{self, Frame};
use crate::lines::Lines;
use crate::reports::{ErrorReport, HelloReply, Lost, Values};

const HELLO: u16 = 0x8001;
const ATTACHED: u16 = 0x8002;
const LINES: u16 = 0x8003;
const VALUES: u16 = 0x8006;
const SYNCED: u16 = 0x8007;
const EDGES: u16 = 0xc001;
const LOST: u16 = 0xc002;
const RESTORED: u16 = 0xc003;
const ROOM: u16 = 0xc004;
const PING: u16 = 0xc005;
const ERROR: u16 = 0xffff;

/// A message that a backend sends, of its own accord or as a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Version, features and limits in force.
    Hello(HelloReply<'a>),
    /// The lines taken.
    Attached(Lines<'a>),
    /// The lines' present settings.
    Lines(Lines<'a>),
    /// A snapshot of levels.
    Values(Values),
    /// Barrier reached.
    Synced,
    /// Inputs changed.
    Edges(Edges<'a>),
    /// Lines are gone for now.
    Lost(Lost<'a>),
    /// The lines in this mask are back.
    Restored(u64),
    /// The ring has room again, for which the frontend waited.
    Room,
    /// The frontend is to say that it lives ([`features::PING`](crate::features::PING)).
    Ping,
    /// A message could not be carried out.
    Error(ErrorReport<'a>),
}

impl<'a> Event<'a> {
    /// Decodes the payload of `frame`; `None` is an optional message of unknown type, to be skipped.
    ///
    /// # Errors
    /// [`DecodeError`] when the payload is no message; the session is to be closed.
    pub fn decode(frame: &Frame<'a>) -> Result<Option<Self>, DecodeError> {
        let mut r = Reader::new(frame.payload);
        let event = match frame.kind {
            HELLO => Self::Hello(HelloReply::decode(&mut r)?),
            ATTACHED => Self::Attached(Lines::decode(&mut r)?),
            LINES => Self::Lines(Lines::decode(&mut r)?),
            VALUES => Self::Values(Values::decode(&mut r)?),
            SYNCED => Self::Synced,
            EDGES => Self::Edges(Edges::decode(&mut r)?),
            LOST => Self::Lost(Lost::decode(&mut r)?),
            RESTORED => Self::Restored(r.u64()?),
            ROOM => Self::Room,
            PING => Self::Ping,
            ERROR => Self::Error(ErrorReport::decode(&mut r)?),
            _ if frame.optional => return Ok(None),
            kind => return Err(DecodeError::UnknownType(kind)),
        };
        r.end()?;
        Ok(Some(event))
    }

    /// Appends the message to `out`. Names, texts and lists beyond their limit are cut.
    pub fn encode(&self, seq: u64, out: &mut Vec<u8>) {
        let kind = match self {
            Self::Hello(_) => HELLO,
            Self::Attached(_) => ATTACHED,
            Self::Lines(_) => LINES,
            Self::Values(_) => VALUES,
            Self::Synced => SYNCED,
            Self::Edges(_) => EDGES,
            Self::Lost(_) => LOST,
            Self::Restored(_) => RESTORED,
            Self::Room => ROOM,
            Self::Ping => PING,
            Self::Error(_) => ERROR,
        };
        frame::encode(kind, seq, out, |out| match self {
            Self::Hello(reply) => reply.encode(out),
            Self::Attached(lines) | Self::Lines(lines) => lines.encode(out),
            Self::Values(values) => values.encode(out),
            Self::Synced | Self::Room | Self::Ping => {}
            Self::Edges(edges) => edges.encode(out),
            Self::Lost(lost) => lost.encode(out),
            Self::Restored(mask) => put_u64(out, *mask),
            Self::Error(report) => report.encode(out),
        });
    }
}
