// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the event loop waits for.

use mio::Token;

use crate::hub::{HoldKey, SessionKey};

/// A source of events. Keys stand above the two low bits of a mio token, the kind in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A frontend.
    Session(SessionKey),
    /// Lines with edges.
    Hold(HoldKey),
    /// A user of the control socket.
    Control(usize),
    /// A frontend wants in.
    Listener,
    /// A user of the control socket wants in.
    ControlListener,
    /// SIGINT or SIGTERM.
    Signal,
    /// `/dev` has changed.
    Devices,
    /// The keeper of lines has said something, or has gone.
    Keeper,
    /// A worker has completed something, or the thread of a virtual machine monitor asks something.
    Worker,
    /// A virtual machine monitor wants in, at one of the virtio devices' sockets.
    VhostListener(usize),
}

impl Source {
    /// As mio knows it.
    #[must_use]
    pub fn token(self) -> Token {
        Token(match self {
            Self::Session(SessionKey(key)) => key << 2,
            Self::Hold(HoldKey(key)) => key << 2 | 1,
            Self::Control(key) => key << 2 | 2,
            Self::Listener => 3,
            Self::ControlListener => 1 << 2 | 3,
            Self::Signal => 2 << 2 | 3,
            Self::Devices => 3 << 2 | 3,
            Self::Worker => 4 << 2 | 3,
            Self::Keeper => 5 << 2 | 3,
            Self::VhostListener(i) => (6 + i) << 2 | 3,
        })
    }

    /// Which source mio means.
    #[must_use]
    pub fn of(token: Token) -> Self {
        let key = token.0 >> 2;
        match (token.0 & 3, key) {
            (0, _) => Self::Session(SessionKey(key)),
            (1, _) => Self::Hold(HoldKey(key)),
            (2, _) => Self::Control(key),
            (_, 0) => Self::Listener,
            (_, 1) => Self::ControlListener,
            (_, 2) => Self::Signal,
            (_, 3) => Self::Devices,
            (_, 4) => Self::Worker,
            (_, 5) => Self::Keeper,
            (_, key) => Self::VhostListener(key - 6),
        }
    }
}
