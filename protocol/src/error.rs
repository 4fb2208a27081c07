// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be wrong with a message, and the error codes of the wire.

use thiserror::Error;

use crate::limits::MAX_PAYLOAD;

/// Why bytes are no message. All of these end the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The header announces more than [`MAX_PAYLOAD`] bytes.
    #[error("payload of {0} bytes; at most {MAX_PAYLOAD} are allowed")]
    TooLong(usize),
    /// The type is not known, and the message is not optional.
    #[error("unknown message type {0:#06x} that is not marked optional")]
    UnknownType(u16),
    /// The payload is too short or too long for its type.
    #[error("the payload's size does not fit the message type")]
    BadLength,
    /// A field is out of its range; names it.
    #[error("bad {0}")]
    BadValue(&'static str),
}

impl DecodeError {
    /// The error code that tells the sender.
    #[must_use]
    pub fn code(self) -> ErrorCode {
        match self {
            Self::TooLong(_) => ErrorCode::TooLong,
            Self::UnknownType(_) => ErrorCode::UnknownType,
            Self::BadLength => ErrorCode::BadLength,
            Self::BadValue(_) => ErrorCode::BadValue,
        }
    }
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal;)*) => {
        /// Error codes of the wire (`docs/protocol.md`, "Errors").
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
            /// A code of a later edition of the protocol.
            Other(u16),
        }

        impl ErrorCode {
            /// All codes of this version.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The number on the wire.
            #[must_use]
            pub fn to_wire(self) -> u16 {
                match self { $(Self::$variant => $code,)* Self::Other(code) => code }
            }

            /// The code of that number; every number is one.
            #[must_use]
            pub fn from_wire(code: u16) -> Self {
                match code { $($code => Self::$variant,)* other => Self::Other(other) }
            }

            /// The name in the specification: `busy`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* Self::Other(_) => "other" }
            }
        }
    };
}

error_codes! {
    /// Length above the backend's `max_payload`.
    TooLong = 1, "too-long";
    /// Type not known and not optional.
    UnknownType = 2, "unknown-type";
    /// Payload size does not fit the type.
    BadLength = 3, "bad-length";
    /// A field out of its range.
    BadValue = 4, "bad-value";
    /// Message not allowed in this state.
    BadState = 5, "bad-state";
    /// No version in common.
    Version = 6, "version";
    /// `seq` is 0 or did not increase.
    BadSequence = 7, "bad-sequence";
    /// The backend serves as many sessions as it may.
    TooManySessions = 8, "too-many-sessions";
    /// The backend ends.
    ShuttingDown = 9, "shutting-down";
    /// No HELLO in time.
    TooLate = 10, "too-late";
    /// No answer to PING in time.
    Unanswered = 11, "unanswered";
    /// No export of that name.
    NoExport = 16, "no-export";
    /// The line map is wrong; the text has column and reason.
    MapSyntax = 17, "map-syntax";
    /// The backend's policy forbids it.
    NotAllowed = 18, "not-allowed";
    /// No such gpiochip.
    NoChip = 19, "no-chip";
    /// The chip has no such line.
    NoLine = 20, "no-line";
    /// Somebody else holds the line.
    Busy = 21, "busy";
    /// The host denies the backend access.
    Permission = 22, "permission";
    /// The chip cannot do this.
    NotSupported = 23, "not-supported";
    /// The chip is gone for now; the setting is remembered.
    LineLost = 24, "line-lost";
    /// SET of a line that is an input.
    NotOutput = 25, "not-output";
    /// The mask names a line beyond the attachment.
    BadLine = 26, "bad-line";
    /// The host failed in another way.
    Host = 27, "host";
    /// The line would change sooner or more often than its limits allow.
    TooOften = 28, "too-often";
}

impl ErrorCode {
    /// Whether the backend closes the session after it.
    #[must_use]
    pub fn is_fatal(self) -> bool {
        self.to_wire() < Self::NoExport.to_wire()
    }
}
