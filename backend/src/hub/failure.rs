// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a frontend is told when something could not be done.

use vgpio_protocol::{ErrorCode, ErrorReport};

use crate::chain;
use crate::chip::{Cause, ChipError, Offset};

/// Why something a frontend wanted could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The lines concerned: of the hold where the hub says it, of the session where a session does.
    pub mask: u64,
    /// What kind of failure it is.
    pub code: ErrorCode,
    /// The host's error number, 0 if there was none.
    pub errno: u16,
    /// What failed, where, and what to do.
    pub text: String,
}

impl Failure {
    /// A failure that is not the host's.
    pub fn new(code: ErrorCode, mask: u64, text: impl Into<String>) -> Self {
        Self { mask, code, errno: 0, text: text.into() }
    }

    /// A chip's failure, for a hold of these lines.
    #[must_use]
    pub fn of_chip(error: &ChipError, lines: &[Offset]) -> Self {
        let named = |(_, offset): &(usize, &Offset)| error.offsets.contains(offset);
        let mask = lines.iter().enumerate().filter(named).fold(0, |all, (i, _)| all | 1 << i);
        Self { mask, code: code(&error.cause), errno: error.cause.errno(), text: chain(error) }
    }

    /// As the message that carries it.
    #[must_use]
    pub fn report(&self) -> ErrorReport<'_> {
        ErrorReport { mask: self.mask, code: self.code, errno: self.errno, text: &self.text }
    }
}

fn code(cause: &Cause) -> ErrorCode {
    match cause {
        Cause::NoChip { .. } | Cause::Ambiguous { .. } | Cause::NotAChip => ErrorCode::NoChip,
        Cause::NoLine { .. } | Cause::NoName { .. } => ErrorCode::NoLine,
        Cause::Busy { .. } => ErrorCode::Busy,
        Cause::Permission { .. } => ErrorCode::Permission,
        Cause::NotSupported { .. } | Cause::NoEdges => ErrorCode::NotSupported,
        Cause::Gone => ErrorCode::LineLost,
        Cause::Host(_) => ErrorCode::Host,
    }
}
