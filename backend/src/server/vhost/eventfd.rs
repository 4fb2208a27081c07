// SPDX-License-Identifier: MIT OR Apache-2.0
//! What two sides wake one another by.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, RawFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::error::Refused;

/// An `eventfd(2)`, which never keeps the daemon waiting.
#[derive(Debug)]
pub struct Eventfd(File);

impl Eventfd {
    /// Proves that this is one.
    ///
    /// # Errors
    /// It is not; the file comes back, for closing it may take for ever.
    pub fn new(file: File) -> Result<Self, (File, Refused)> {
        match prove(&file) {
            Ok(()) => Ok(Self(file)),
            Err(refused) => Err((file, refused)),
        }
    }

    /// Wakes the other side.
    pub fn signal(&self) {
        // It fails only where so many signals wait already that the other side is awake or beyond help.
        if let Err(error) = (&self.0).write(&1_u64.to_ne_bytes()) {
            log::debug!("a driver was not woken: {error}");
        }
    }
}

impl AsRawFd for Eventfd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

fn prove(file: &File) -> Result<(), Refused> {
    let kind = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    if kind.as_os_str() != "anon_inode:[eventfd]" {
        return Err(Refused::NoEventfd);
    }
    let flags = OFlag::from_bits_retain(fcntl(file, FcntlArg::F_GETFL).map_err(io::Error::from)?);
    let flags = FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK);
    fcntl(file, flags).map_err(io::Error::from)?;
    Ok(())
}
