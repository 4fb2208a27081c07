// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why there is no attachment, or none any more.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use nix::errno::Errno;
use thiserror::Error;
use vgpio_protocol::{DecodeError, ErrorCode, ErrorReport};
use vgpio_ring::OpenError;

use super::options::NoGuestLine;

/// Why a client is not attached. Compares by value, so that the same failure is told once.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// There is nobody at the socket, or no way to it.
    #[error(
        "cannot connect to the backend at {}; is vgpiod running, and is this its socket \
         (VGPIO_SOCKET)?",
        .path.display()
    )]
    Connect {
        /// The socket.
        path: PathBuf,
        /// What the host said.
        #[source]
        source: Errno,
    },
    /// The backend ended the connection.
    #[error("the backend closed the connection")]
    Closed,
    /// The connection broke.
    #[error("the connection to the backend broke")]
    Io(#[source] Errno),
    /// The backend did not answer in time.
    #[error(
        "the backend did not answer in time; is it busy or stopped, and is it vgpiod that listens \
         at this socket?"
    )]
    Timeout,
    /// The backend sent what the protocol forbids.
    #[error("the backend broke the protocol; it is no vgpiod, or one to be mended")]
    Protocol(#[source] Violation),
    /// The backend refused the session or the lines.
    #[error("the backend refused the lines")]
    Refused(#[source] Report),
    /// The backend ended the session.
    #[error("the backend ended the session")]
    Ended(#[source] Report),
    /// The attachment names a line that the guest's controller does not have.
    #[error(transparent)]
    NoGuestLine(NoGuestLine),
    /// [`Client::disconnect`](super::Client::disconnect) was called.
    #[error("disconnected on request")]
    Requested,
}

impl Error {
    /// Whether another try may do better without anybody changing this side: yes, but for an
    /// attachment that names lines the guest does not have, for a disconnect on request, and for
    /// what the backend refuses with `too-long`, `unknown-type`, `bad-length`, `bad-value`,
    /// `bad-state`, `version`, `bad-sequence`, `no-export`, `map-syntax`, `not-allowed`, `no-line`,
    /// `not-supported`, `not-output` or `bad-line`. Of these, what depends on the daemon's
    /// configuration is tried again by a client that [was attached](super::Client::connect) before.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Connect { .. }
            | Self::Closed
            | Self::Io(_)
            | Self::Timeout
            | Self::Protocol(_) => true,
            Self::Refused(report) | Self::Ended(report) => code_may_pass(report.code),
            Self::NoGuestLine(_) | Self::Requested => false,
        }
    }

    /// Whether another configuration of the daemon may mend what does not pass by itself: it does
    /// not lend these lines now, or lends others.
    pub(super) fn may_be_mended(&self) -> bool {
        match self {
            Self::Refused(report) => matches!(
                report.code,
                ErrorCode::NoExport
                    | ErrorCode::MapSyntax
                    | ErrorCode::NotAllowed
                    | ErrorCode::NoLine
                    | ErrorCode::NotSupported
            ),
            Self::NoGuestLine(_) => true,
            _ => false,
        }
    }

    /// The message and those of its causes, joined by colons.
    #[must_use]
    pub fn chain(&self) -> String {
        chain(self)
    }
}

/// The message of an error and those of its causes, joined by colons.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn code_may_pass(code: ErrorCode) -> bool {
    match code {
        ErrorCode::TooManySessions
        | ErrorCode::ShuttingDown
        | ErrorCode::TooLate
        | ErrorCode::NoChip
        | ErrorCode::Busy
        | ErrorCode::Permission
        | ErrorCode::LineLost
        | ErrorCode::Host
        | ErrorCode::Unanswered
        | ErrorCode::TooOften
        | ErrorCode::Other(_) => true,
        ErrorCode::TooLong
        | ErrorCode::UnknownType
        | ErrorCode::BadLength
        | ErrorCode::BadValue
        | ErrorCode::BadState
        | ErrorCode::Version
        | ErrorCode::BadSequence
        | ErrorCode::NoExport
        | ErrorCode::MapSyntax
        | ErrorCode::NotAllowed
        | ErrorCode::NoLine
        | ErrorCode::NotSupported
        | ErrorCode::NotOutput
        | ErrorCode::BadLine => false,
    }
}

/// An ERROR of the backend.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text} ({})", .code.name())]
pub struct Report {
    /// What is wrong.
    pub code: ErrorCode,
    /// The host's error number, 0 if there was none.
    pub errno: u16,
    /// The lines concerned, 0 if none in particular.
    pub mask: u64,
    /// Sequence number of the message that caused it, 0 if none did.
    pub seq: u64,
    /// For people: what failed, on which chip and line, what to do.
    pub text: String,
}

impl Report {
    pub(super) fn new(seq: u64, report: &ErrorReport<'_>) -> Self {
        Self {
            code: report.code,
            errno: report.errno,
            mask: report.mask,
            seq,
            text: report.text.to_owned(),
        }
    }
}

/// What a backend must not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    /// Bytes that are no message.
    #[error("received bytes that are no message")]
    Decode(#[from] DecodeError),
    /// A message that does not belong there.
    #[error("unexpected {0}")]
    Unexpected(&'static str),
    /// A reply to what was not asked.
    #[error("{0} with sequence number {1}, which it does not answer")]
    WrongReply(&'static str, u64),
    /// A version that was not offered.
    #[error("HELLO reply with version {0}, which was not offered")]
    Version(u16),
    /// A descriptor that is not that of a ring.
    #[error("HELLO reply with a ring that cannot be used")]
    Ring(#[from] OpenError),
    /// Features that were not offered.
    #[error("HELLO reply with features {0:#x}, which were not offered")]
    Features(u64),
    /// A line beyond the attachment.
    #[error("{0} of a line beyond the attachment")]
    NoSuchLine(&'static str),
    /// One line of the guest twice.
    #[error("ATTACHED with vgpio {0} twice")]
    VgpioTwice(u16),
    /// More lines than the backend said it allows, or other lines than it attached.
    #[error("{0} with {1} lines")]
    LineCount(&'static str, usize),
}
