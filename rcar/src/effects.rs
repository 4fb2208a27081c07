// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a call changed outside the registers.

/// What a call on a [`Block`](crate::Block) changed: for the caller to act on.
#[must_use = "the caller delivers the interrupt and tells who watches the pads"]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Pads whose level changed.
    pub changed: u32,
    /// The interrupt output's new level, if it changed.
    pub irq: Option<bool>,
    /// Pads on which drivers began to work against each other.
    pub contention_began: u32,
    /// Pads on which drivers ceased to work against each other.
    pub contention_ended: u32,
}

/// What of a block shows outside its registers.
#[derive(Clone, Copy)]
pub(crate) struct Outputs {
    pub levels: u32,
    pub contended: u32,
    pub irq: bool,
}

impl Effects {
    #[inline]
    pub(crate) fn between(before: &Outputs, after: &Outputs) -> Self {
        Self {
            changed: before.levels ^ after.levels,
            irq: (before.irq != after.irq).then_some(after.irq),
            contention_began: after.contended & !before.contended,
            contention_ended: before.contended & !after.contended,
        }
    }

    /// True if nothing outside the registers changed.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// These effects followed by `later`. Masks then say what happened at least once; a pad that
    /// went up and down again is in `changed`. `irq` is the last level.
    pub fn then(self, later: Self) -> Self {
        Self {
            changed: self.changed | later.changed,
            irq: later.irq.or(self.irq),
            contention_began: self.contention_began | later.contention_began,
            contention_ended: self.contention_ended | later.contention_ended,
        }
    }
}
