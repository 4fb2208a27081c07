// SPDX-License-Identifier: MIT OR Apache-2.0
//! A request of the guest that the session has been asked to carry out.

use crate::layout::{Direction, IrqType};

/// A request in the session's hands. Only one is at a time, for requests of one line are to be carried
/// out in order.
#[derive(Debug)]
pub(crate) struct Operation {
    /// Sequence numbers of the first and the last message that it has become. With the reply to the
    /// last it is done.
    pub messages: (u64, u64),
    /// The session's line.
    pub line: usize,
    pub work: Work,
    pub failed: bool,
}

/// What it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    SetValue(bool),
    SetDirection(Direction),
    GetValue,
    Enable(IrqType),
    /// Lines become what they were on another device.
    Restore,
    /// It was any of these, before the driver reset the device: nobody waits for its response.
    Abandoned,
}

impl Operation {
    /// Abandons it; returns its line, which it may change yet, unless it has been abandoned already, and the
    /// direction that it may give it.
    pub fn abandon(&mut self) -> Option<(usize, Option<Direction>)> {
        match std::mem::replace(&mut self.work, Work::Abandoned) {
            Work::GetValue | Work::Restore | Work::Abandoned => None,
            Work::SetDirection(to) => Some((self.line, Some(to).filter(|_| !self.failed))),
            Work::SetValue(_) | Work::Enable(_) => Some((self.line, None)),
        }
    }

    /// Whether it has become the message of this sequence number, among others.
    pub fn has(&self, seq: u64) -> bool {
        (self.messages.0..=self.messages.1).contains(&seq)
    }

    /// Whether this is the last of the messages that it has become.
    pub fn ends_with(&self, seq: u64) -> bool {
        self.messages.1 == seq
    }
}
