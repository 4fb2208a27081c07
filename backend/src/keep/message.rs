// SPDX-License-Identifier: MIT OR Apache-2.0
//! What daemon and keeper tell one another: messages of 16 bytes, some with a descriptor.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, send};

use super::Part;

/// Bytes of a message: what it is, and a number, each of 8 bytes in the machine's order.
const SIZE: usize = 16;

/// A message; the descriptor of [`Keep`](Self::Keep) goes along with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// How long the keeper is to wait for a daemon, in milliseconds. Daemon to keeper, first.
    Grace(u64),
    /// A descriptor is to be kept, or has been. To both sides.
    Keep(Part, u64),
    /// Both descriptors of this number are to be closed. Daemon to keeper.
    Forget(u64),
    /// That was all that has been kept. Keeper to daemon.
    End,
    /// There is no room for the descriptors of this number. Keeper to daemon.
    Refused(u64),
}

impl Message {
    fn encode(self) -> [u8; SIZE] {
        let (kind, number) = match self {
            Self::Grace(ms) => (1_u64, ms),
            Self::Keep(Part::Record, number) => (2, number),
            Self::Keep(Part::Request, number) => (3, number),
            Self::Forget(number) => (4, number),
            Self::End => (5, 0),
            Self::Refused(number) => (6, number),
        };
        let mut bytes = [0; SIZE];
        let (first, second) = bytes.split_at_mut(SIZE / 2);
        first.copy_from_slice(&kind.to_ne_bytes());
        second.copy_from_slice(&number.to_ne_bytes());
        bytes
    }

    fn decode(bytes: [u8; SIZE]) -> Option<Self> {
        let (kind, number) = bytes.split_first_chunk::<8>()?;
        let number = u64::from_ne_bytes(*number.first_chunk()?);
        match u64::from_ne_bytes(*kind) {
            1 => Some(Self::Grace(number)),
            2 => Some(Self::Keep(Part::Record, number)),
            3 => Some(Self::Keep(Part::Request, number)),
            4 => Some(Self::Forget(number)),
            5 => Some(Self::End),
            6 => Some(Self::Refused(number)),
            _ => None,
        }
    }

    /// Sends it, and waits for room as long as `patience`.
    ///
    /// # Errors
    /// When the other side is gone, or has not made room.
    pub fn send(
        self,
        socket: BorrowedFd<'_>,
        passed: Option<BorrowedFd<'_>>,
        patience: impl Into<PollTimeout>,
    ) -> io::Result<()> {
        let patience = patience.into();
        let bytes = self.encode();
        loop {
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            let sent = match passed {
                Some(passed) => vgpio_ring::send(socket, &bytes, passed),
                None => send(socket.as_raw_fd(), &bytes, flags).map_err(Into::into),
            };
            match sent {
                Ok(SIZE) => return Ok(()),
                Ok(_) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait(socket, PollFlags::POLLOUT, patience)?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits for the next one as long as `patience`; `None` at the end of the stream.
    ///
    /// # Errors
    /// When nothing comes, or something else than a message.
    pub fn receive(
        socket: BorrowedFd<'_>,
        patience: impl Into<PollTimeout>,
    ) -> io::Result<Option<(Self, Option<OwnedFd>)>> {
        wait(socket, PollFlags::POLLIN, patience.into())?;
        let mut bytes = [0; SIZE];
        let (count, passed) = vgpio_ring::receive(socket, &mut bytes)?;
        match (count, Self::decode(bytes)) {
            (0, _) => Ok(None),
            (SIZE, Some(message)) => Ok(Some((message, passed))),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// Waits until the socket is ready.
fn wait(socket: BorrowedFd<'_>, what: PollFlags, patience: PollTimeout) -> io::Result<()> {
    let mut fds = [PollFd::new(socket.as_fd(), what)];
    match poll(&mut fds, patience) {
        Ok(0) => Err(io::ErrorKind::TimedOut.into()),
        Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// A time for `poll(2)`, which takes whole milliseconds.
pub fn timeout(time: Duration) -> PollTimeout {
    PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_as_they_were_sent() {
        let all = [
            Message::Grace(30_000),
            Message::Keep(Part::Record, 7),
            Message::Keep(Part::Request, u64::MAX),
            Message::Forget(0),
            Message::End,
            Message::Refused(9),
        ];
        for message in all {
            assert_eq!(Message::decode(message.encode()), Some(message));
        }
        assert_eq!(Message::decode([9; SIZE]), None);
    }
}
