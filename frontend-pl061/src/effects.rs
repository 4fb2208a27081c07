// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the owner of a model has to act on after an access or a change of an input.
#![forbid(unsafe_code)]

/// The outcome of one access, one change of inputs, one reset or one restore: at most one effect of
/// each kind, so that a store that moves several lines stays one change.
///
/// `direction` and `outputs` never name the same line; they may be applied in any order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[must_use = "the guest expects its lines and its interrupt to follow"]
pub struct Effects {
    /// Driven lines whose level changed.
    pub outputs: Option<Levels>,
    /// Lines that began or ceased to be driven.
    pub direction: Option<Directions>,
    /// The new level of the combined interrupt `GPIOINTR`, if it changed.
    pub irq: Option<bool>,
    /// What the guest did wrong, if it did.
    pub guest_error: Option<GuestError>,
}

impl Effects {
    /// Nothing to do.
    pub const NONE: Self = Self { outputs: None, direction: None, irq: None, guest_error: None };
}

/// Levels of a set of lines; bit *n* stands for line *n*.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Levels {
    /// The lines meant.
    pub mask: u8,
    /// Their levels, 1 for high; bits outside `mask` are 0.
    pub bits: u8,
}

/// A change of direction of a set of lines; bit *n* stands for line *n*.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Directions {
    /// The lines whose direction changed.
    pub mask: u8,
    /// Those of them that are driven now; the rest of `mask` has become inputs.
    pub outputs: u8,
    /// The levels of the lines in `outputs`, 1 for high; bits outside `outputs` are 0.
    pub bits: u8,
}

/// An access that the manual does not allow. It has no other effect: a load gives 0, a store is
/// ignored. The text is meant for a log at guest-error level.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "PL061: guest {} of {size} byte(s) at offset {offset:#05x}: {misuse} (mistake number {count})",
    if *.store { "store" } else { "load" }
)]
pub struct GuestError {
    /// What is wrong with the access.
    pub misuse: Misuse,
    /// Offset of the access from the start of the register page, in bytes.
    pub offset: u64,
    /// Size of the access in bytes.
    pub size: usize,
    /// True for a store, false for a load.
    pub store: bool,
    /// Mistakes of this guest up to and with this one, over resets and restores.
    pub count: u64,
}

/// The kinds of [`GuestError`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Misuse {
    /// The access is not 1, 2 or 4 bytes wide.
    #[error("registers take accesses of 1, 2 or 4 bytes")]
    Size,
    /// The offset is not a multiple of 4. The APB decodes whole words (`PADDR[11:2]`) and a
    /// register fills only the lowest byte of its word.
    #[error("registers are at multiples of 4")]
    Alignment,
    /// No register is there.
    #[error("no register is there")]
    Reserved,
    /// A store to a status or identification register.
    #[error("the register is read-only")]
    ReadOnly,
    /// A load from `GPIOIC`.
    #[error("the register is write-only")]
    WriteOnly,
    /// An integration test register, which is not modelled.
    #[error("integration test registers are not modelled")]
    Test,
}
