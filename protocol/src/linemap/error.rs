// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be wrong with a line map.

use thiserror::Error;

use crate::allowance::RateError;
use crate::limits::MAX_LINES;
use crate::settings::{PeriodError, UnknownWord};

/// Where a line map is wrong, and why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("column {column}: {reason}")]
pub struct MapError {
    /// Where, in characters, from 1.
    pub column: usize,
    /// Why.
    pub reason: MapReason,
}

/// Why a line map is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MapReason {
    /// Nothing stands where the chip should.
    #[error("no chip; start with its label, name, number or path")]
    NoChip,
    /// A later field has no `=`.
    #[error("'{0}' is not KEY=VALUE (a comma inside a value is written twice)")]
    NotKeyValue(String),
    /// The key is none of a line map.
    #[error("unknown key '{key}'; there are {}", .keys.join(", "))]
    UnknownKey {
        /// What was given.
        key: String,
        /// What may be given.
        keys: &'static [&'static str],
    },
    /// The key was there before.
    #[error("'{0}' is given twice")]
    KeyTwice(&'static str),
    /// Nothing follows the `=`.
    #[error("'{0}' has no value")]
    NoValue(&'static str),
    /// Neither list is there.
    #[error("no lines; say gpios=, vgpios= or both")]
    NoLines,
    /// Nothing stands between two colons, or before the first or behind the last.
    #[error("an element of the list is empty")]
    EmptyElement,
    /// An element of `vgpios=` is not a number.
    #[error(
        "'{0}' is not a line of the guest's controller; say a number, 0 to 65535, or a range, 0-7"
    )]
    NotVgpio(String),
    /// An element of `gpios=` is a number above 2^32 - 1.
    #[error("'{0}' is no offset of a line; it is above 4294967295")]
    OffsetTooLarge(String),
    /// A range ends before it starts.
    #[error("the range {0} runs backwards")]
    Backwards(String),
    /// A list has more than 64 elements.
    #[error("more than {MAX_LINES} lines; attach the others in another session")]
    TooMany,
    /// A line is in its list twice.
    #[error("line {0} is listed twice")]
    LineTwice(String),
    /// The lists do not match.
    #[error("{vgpios} vgpios for {gpios} gpios; the lists must be equally long")]
    UnequalLengths {
        /// Elements of `vgpios=`.
        vgpios: usize,
        /// Elements of `gpios=`.
        gpios: usize,
    },
    /// The value is none of the key's words.
    #[error(transparent)]
    Word(#[from] UnknownWord),
    /// The value is no period.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// The value is no rate.
    #[error(transparent)]
    Rate(#[from] RateError),
    /// Lines would be read without a pause.
    #[error("'poll' is 0; give a period such as 10ms")]
    PollZero,
}
