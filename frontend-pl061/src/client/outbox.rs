// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages on their way out: encoded once, written when the socket takes them.
#![forbid(unsafe_code)]

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, send};
use vgpio_protocol::Request;

/// The output queue of a connection.
#[derive(Debug)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    bound: usize,
    /// The socket took less than there was.
    blocked: bool,
    /// The socket takes nothing any more; what reads from it will see why.
    broken: Option<Errno>,
    /// The last sequence number used, over all connections.
    seq: u64,
}

/// Room kept above the bound for HELLO and ATTACH, so that the buffer never grows.
const SLACK: usize = 8 * 1024;

impl Outbox {
    pub fn new(bound: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bound + SLACK),
            bound,
            blocked: false,
            broken: None,
            seq: 0,
        }
    }

    /// For a new connection.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.blocked = false;
        self.broken = None;
    }

    /// Appends a message; gives its sequence number.
    pub fn push(&mut self, request: Request<'_>) -> u64 {
        let seq = self.next_seq();
        if self.broken.is_none() {
            request.encode(seq, &mut self.bytes);
        }
        seq
    }

    pub fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    pub fn last_seq(&self) -> u64 {
        self.seq
    }

    /// Bytes that may still be appended.
    pub fn room(&self) -> usize {
        self.bound.saturating_sub(self.bytes.len())
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn is_blocked(&self) -> bool {
        self.blocked
    }

    pub fn broken(&self) -> Option<Errno> {
        self.broken
    }

    /// Writes what the socket takes, in one call, without waiting.
    pub fn write(&mut self, socket: BorrowedFd<'_>) {
        if self.bytes.is_empty() {
            return;
        }
        let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
        match send(socket.as_raw_fd(), &self.bytes, flags) {
            Ok(n) => {
                self.bytes.drain(..n.min(self.bytes.len()));
                self.blocked = !self.bytes.is_empty();
            }
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOBUFS) => self.blocked = true,
            Err(errno) => {
                self.clear();
                self.broken = Some(errno);
            }
        }
    }
}
