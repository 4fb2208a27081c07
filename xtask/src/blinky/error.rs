// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong while LEDs blink.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use vgpio_backend::control::ClientError;

/// The result of everything in this module.
pub type Result<T> = std::result::Result<T, Error>;

/// Why it does not blink.
#[derive(Debug, Error)]
pub enum Error {
    /// The daemon, QEMU or the guest cannot be had.
    #[error("there is nothing to start")]
    Build(#[source] crate::error::Error),
    /// There is no place for the sockets.
    #[error("cannot make a folder for the sockets; set TMPDIR to one that can be written")]
    Folder(#[source] io::Error),
    /// The daemon or QEMU does not start.
    #[error("cannot start {}", path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The daemon starts, and does not serve.
    #[error("vgpiod was not ready within {} s; its log:\n{log}", within.as_secs())]
    NotReady {
        /// How long it had.
        within: Duration,
        /// The end of its log.
        log: String,
    },
    /// The daemon does not end.
    #[error("vgpiod did not end within {} s of SIGTERM; its log:\n{log}", within.as_secs())]
    NotEnded {
        /// How long it had.
        within: Duration,
        /// The end of its log.
        log: String,
    },
    /// The daemon failed.
    #[error("vgpiod ended with {status}; its log:\n{log}")]
    Daemon {
        /// Its exit status, in words.
        status: String,
        /// The end of its log.
        log: String,
    },
    /// QEMU does not get its lines.
    #[error("QEMU has no lines: {0}")]
    Attach(String),
    /// The daemon's control socket.
    #[error("the LEDs cannot be seen")]
    Control(#[from] ClientError),
    /// Changes of the pads went by unseen.
    #[error("{0} changes of the pads were not seen; this host is too busy to blink")]
    Unseen(u64),
    /// QEMU's console cannot be had.
    #[error("cannot make a pipe for the guest's console")]
    Console(#[source] io::Error),
    /// QEMU ended.
    #[error("QEMU ended with {status}; the guest's console:\n{console}")]
    Ended {
        /// Its exit status, in words.
        status: String,
        /// The end of what it and the guest said.
        console: String,
    },
    /// The guest does not come to the point where commands can be typed.
    #[error("the guest did not boot within {} s; its console:\n{console}", within.as_secs())]
    NotBooted {
        /// How long it had.
        within: Duration,
        /// The end of what it said.
        console: String,
    },
    /// An LED did not change.
    #[error("{expected} did not come within {} s; the guest's console:\n{console}", within.as_secs())]
    Missing {
        /// What should have come: "LED2 on".
        expected: String,
        /// How long it was waited for.
        within: Duration,
        /// The end of what the guest said.
        console: String,
    },
    /// Another LED changed.
    #[error("{expected} should have come next; {found} came")]
    OutOfOrder {
        /// What should have come.
        expected: String,
        /// What came.
        found: String,
    },
    /// The terminal, or another output, cannot be written.
    #[error("cannot write to the terminal")]
    Output(#[source] io::Error),
    /// The recording cannot be written.
    #[error("cannot write {}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The user stopped it before all rounds were done.
    #[error("interrupted after {done} of {rounds} rounds")]
    Interrupted {
        /// Rounds done.
        done: u64,
        /// Rounds wanted.
        rounds: u64,
    },
    /// Signals cannot be caught.
    #[error("cannot catch signals")]
    Signals(#[from] ctrlc::Error),
}

impl Error {
    /// The exit status: 1 when it does not blink, 3 when there is nothing to start, 130 when interrupted.
    pub fn status(&self) -> u8 {
        match self {
            Self::Build(_) => 3,
            Self::Interrupted { .. } => 130,
            _ => 1,
        }
    }

    /// What to do about it, where that is not plain from the message.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::Build(error) => error.remedy(),
            _ => None,
        }
    }
}
