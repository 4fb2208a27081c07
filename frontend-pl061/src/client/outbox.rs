// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages on their way out: encoded once, written when the socket or the ring takes them.
#![forbid(unsafe_code)]

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, send};
use vgpio_protocol::Request;
use vgpio_ring::Writer;

/// The output queue of a connection.
#[derive(Debug)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    bound: usize,
    /// Less was taken than there was.
    blocked: bool,
    /// The socket takes nothing any more; what reads from it will see why.
    broken: Option<Errno>,
    /// The last sequence number used, over all connections.
    seq: u64,
    ring: Option<Writer>,
    /// Bytes that still go to the socket, before the first to the ring.
    before_ring: usize,
    /// A doorbell is due that the socket did not take.
    bell: bool,
}

/// Room kept above the bound for HELLO, ATTACH and RING, so that the buffer never grows.
const SLACK: usize = 8 * 1024;

/// What wakes up a backend that sleeps at the other end of the ring.
const DOORBELL: [u8; 1] = [0];

impl Outbox {
    pub fn new(bound: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bound + SLACK),
            bound,
            blocked: false,
            broken: None,
            seq: 0,
            ring: None,
            before_ring: 0,
            bell: false,
        }
    }

    /// For a new connection.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.blocked = false;
        self.broken = None;
        self.ring = None;
        self.bell = false;
    }

    /// Sends what is pushed from now on through the ring, and tells the backend so.
    pub fn use_ring(&mut self, ring: Writer) {
        self.push(Request::Ring);
        self.before_ring = self.bytes.len();
        self.ring = Some(ring);
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
        self.bytes.is_empty() && !self.bell
    }

    pub fn is_blocked(&self) -> bool {
        self.blocked
    }

    pub fn broken(&self) -> Option<Errno> {
        self.broken
    }

    /// Whether what is there waits for room in the ring, of which the backend tells.
    pub fn waits_for_ring(&self) -> bool {
        self.ring.is_some() && self.before_ring == 0 && !self.bell
    }

    /// Writes what the socket or the ring takes, without waiting.
    pub fn write(&mut self, socket: BorrowedFd<'_>) {
        if self.is_empty() {
            return;
        }
        let on_socket = if self.ring.is_some() { self.before_ring } else { self.bytes.len() };
        if on_socket > 0 {
            self.write_to_socket(socket, on_socket);
        }
        if self.before_ring == 0 {
            self.write_to_ring(socket);
        }
    }

    fn write_to_socket(&mut self, socket: BorrowedFd<'_>, count: usize) {
        match post(socket, self.bytes.get(..count).unwrap_or_default()) {
            Ok(n) => {
                self.before_ring = self.before_ring.saturating_sub(n);
                self.taken(n);
            }
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOBUFS) => self.blocked = true,
            Err(errno) => self.broke(errno),
        }
    }

    fn write_to_ring(&mut self, socket: BorrowedFd<'_>) {
        let Some(ring) = &mut self.ring else { return };
        let mut taken = ring.write(&self.bytes);
        // Between a vain attempt and asking to be told, the backend may have made room.
        while taken < self.bytes.len() && !ring.waits() {
            taken += ring.write(self.bytes.get(taken..).unwrap_or_default());
        }
        self.bell |= taken > 0 && ring.rings();
        self.taken(taken);
        if self.bell {
            match post(socket, &DOORBELL) {
                // A socket that takes no byte has plenty, each of which wakes the backend up.
                Ok(_) | Err(Errno::EAGAIN) => self.bell = false,
                Err(Errno::EINTR | Errno::ENOBUFS) => {}
                Err(errno) => self.broke(errno),
            }
        }
    }

    fn taken(&mut self, count: usize) {
        self.bytes.drain(..count.min(self.bytes.len()));
        self.blocked = !self.bytes.is_empty();
    }

    fn broke(&mut self, errno: Errno) {
        self.clear();
        self.broken = Some(errno);
    }
}

fn post(socket: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize, Errno> {
    send(socket.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT)
}
