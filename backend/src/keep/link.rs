// SPDX-License-Identifier: MIT OR Apache-2.0
//! The daemon's end of the connection to its keeper.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::poll::PollTimeout;

use super::keeper::{MOST, is_own};
use super::message::Message;
use super::{PATIENCE, Part};
use crate::server::{Socket, connect};

/// A keeper, or where one is to be.
#[derive(Debug)]
pub struct Link {
    path: PathBuf,
    grace: Duration,
    socket: Option<UnixStream>,
    /// How many connections there have been.
    number: u64,
    /// The keeper, if this daemon has started it.
    child: Option<Child>,
}

/// A descriptor that a keeper has held.
pub type Left = (Part, u64, OwnedFd);

impl Link {
    /// A keeper that listens at `path`, and what it holds; or none yet, where there is none. Keepers wait
    /// for another daemon as long as `grace`.
    ///
    /// # Errors
    /// When what is there is no keeper of this user, or it breaks off.
    pub fn open(path: PathBuf, grace: Duration) -> io::Result<(Self, Vec<Left>)> {
        let mut link = Self { path, grace, socket: None, number: 0, child: None };
        let left = match connect(&link.path) {
            Ok(socket) => link.greet(socket)?,
            Err(_) => Vec::new(),
        };
        Ok((link, left))
    }

    /// Whether there is a keeper.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.socket.is_some()
    }

    /// The connection, which tells by its end that the keeper has gone, and its number.
    #[must_use]
    pub fn socket(&self) -> Option<(u64, BorrowedFd<'_>)> {
        self.socket.as_ref().map(|socket| (self.number, socket.as_fd()))
    }

    /// The number of a request that the keeper has no room for; `None` if it has said nothing.
    ///
    /// # Errors
    /// When it has gone, or says something else.
    pub fn hear(&self) -> io::Result<Option<u64>> {
        let socket = self.socket.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        match Message::receive(socket.as_fd(), PollTimeout::ZERO) {
            Ok(Some((Message::Refused(number), _))) => Ok(Some(number)),
            Ok(_) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Starts a keeper, unless there is one. It inherits the socket that it listens on, and nothing else.
    ///
    /// # Errors
    /// When the host does not let it.
    pub fn start(&mut self) -> io::Result<()> {
        if self.is_up() {
            return Ok(());
        }
        let listener = Socket::bind_private(&self.path).and_then(Socket::give_away);
        let listener = listener.map_err(io::Error::other)?;
        // The program that runs, whatever has been installed in its place since.
        let keeper = Command::new("/proc/self/exe")
            .arg0("vgpiod")
            .arg("keeper")
            .env_clear()
            .stdin(listener)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        self.child = Some(keeper);
        self.greet(connect(&self.path)?).map(drop)
    }

    /// Takes over what the keeper at the other end holds.
    fn greet(&mut self, socket: UnixStream) -> io::Result<Vec<Left>> {
        if !is_own(&socket) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let grace = u64::try_from(self.grace.as_millis()).unwrap_or(u64::MAX);
        Message::Grace(grace).send(socket.as_fd(), None, PATIENCE)?;
        let mut left = Vec::new();
        // Whoever says more than a keeper can hold is none.
        for _ in 0..=2 * MOST {
            match Message::receive(socket.as_fd(), PATIENCE)? {
                Some((Message::Keep(part, number), Some(fd))) => left.push((part, number, fd)),
                Some((Message::End, _)) => {
                    self.socket = Some(socket);
                    self.number += 1;
                    return Ok(left);
                }
                Some(_) => {}
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        Err(io::ErrorKind::InvalidData.into())
    }

    /// Has a descriptor kept.
    ///
    /// # Errors
    /// When the keeper is gone, or does not listen.
    pub fn keep(&mut self, part: Part, number: u64, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.send(Message::Keep(part, number), Some(fd))
    }

    /// Has both descriptors of that number closed.
    ///
    /// # Errors
    /// As [`keep`](Self::keep).
    pub fn forget(&mut self, number: u64) -> io::Result<()> {
        self.send(Message::Forget(number), None)
    }

    /// Whoever does not listen is not asked again. Other errors are this daemon's, or pass.
    fn send(&mut self, message: Message, passed: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let socket = self.socket.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let sent = message.send(socket.as_fd(), passed, PATIENCE);
        sent.inspect_err(|error| {
            if is_end(error) {
                self.lose();
            }
        })
    }

    /// Takes leave of a keeper that has gone, or is stuck.
    pub fn lose(&mut self) {
        self.socket = None;
        if let Some(mut keeper) = self.child.take() {
            // A daemon that is confined cannot end it, and must not wait for one that is stuck.
            let _ = match keeper.kill() {
                Ok(()) => keeper.wait().map(Some),
                Err(_) => keeper.try_wait(),
            };
        }
    }

    /// Has the keeper end, for there is nothing left to hold.
    pub fn end(&mut self) {
        if self.is_up() {
            remove(&self.path);
        }
        self.lose();
    }
}

/// Whether nothing more can be sent after this: the keeper has gone, does not listen, or has part of a message.
fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected, TimedOut, WriteZero};
    [BrokenPipe, ConnectionReset, NotConnected, TimedOut, WriteZero].contains(&error.kind())
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        log::warn!("cannot remove {}: {error}", path.display());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

    use nix::errno::Errno;

    use super::*;

    #[test]
    fn a_keeper_is_lost_by_its_end_and_not_by_other_errors() {
        let (own, other) = UnixStream::pair().unwrap();
        let mut link = Link {
            path: PathBuf::new(),
            grace: Duration::ZERO,
            socket: Some(own),
            number: 1,
            child: None,
        };
        for errno in [Errno::ETOOMANYREFS, Errno::EMFILE, Errno::ENOBUFS] {
            assert!(!is_end(&errno.into()), "{errno}");
        }
        link.forget(1).unwrap();
        assert!(link.is_up());
        drop(other);
        assert_eq!(link.forget(2).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert!(!link.is_up());
    }
}
