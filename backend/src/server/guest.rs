// SPDX-License-Identifier: MIT OR Apache-2.0
//! A frontend's socket: bytes in and out of its session.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use mio::net::UnixStream;
use mio::{Interest, Registry};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use vgpio_ring::Reader;

use super::vhost::Vmm;
use crate::hub::SessionKey;
use crate::session::{Context, LogLimit, Peer, Session};
use crate::token::Source;

/// A connected frontend.
pub struct Guest {
    /// Its conversation.
    pub session: Session,
    /// Since when it is connected.
    pub since: Instant,
    /// Its queues and device, if it is a guest with a virtio device.
    pub vmm: Option<Box<Vmm>>,
    stream: UnixStream,
    key: SessionKey,
    /// What has come and not been carried out: part of a message, or messages to a paused session.
    waiting: Vec<u8>,
    /// Whether no more will come than what is there to be read. Readiness is told once for data
    /// and the end behind it, so the end must be looked for.
    pub hung_up: bool,
    /// Whether it had no turn since it was paused.
    is_waiting: bool,
    /// Whether doorbells may have come for a ring.
    pub has_rung: bool,
    /// Whether its ring is looked at, as it will not ring.
    pub is_awake: bool,
    /// Whether the loop tells when it can be written to.
    watched_for_room: bool,
}

/// What a guest may keep allocated between turns, in bytes.
const KEPT: usize = 4 * 1024;

/// Whether a guest has more to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// All has been read.
    Idle,
    /// There may be more; others have their turn first.
    More,
    /// It has gone.
    Gone,
}

impl Guest {
    /// A frontend that has just connected.
    ///
    /// # Errors
    /// When the socket cannot be watched.
    pub fn new(
        mut stream: UnixStream,
        key: SessionKey,
        id: u32,
        registry: &Registry,
    ) -> io::Result<Self> {
        registry.register(&mut stream, Source::Session(key).token(), Interest::READABLE)?;
        Self::connected(stream, None, key, id)
    }

    /// A guest with a virtio device. What comes from its virtual machine monitor is read elsewhere.
    ///
    /// # Errors
    /// When the kernel does not say who it is.
    pub fn of_vmm(stream: UnixStream, vmm: Vmm, key: SessionKey, id: u32) -> io::Result<Self> {
        Self::connected(stream, Some(Box::new(vmm)), key, id)
    }

    fn connected(
        stream: UnixStream,
        vmm: Option<Box<Vmm>>,
        key: SessionKey,
        id: u32,
    ) -> io::Result<Self> {
        let peer = getsockopt(&stream.as_fd(), PeerCredentials)?;
        let peer = Peer { pid: peer.pid(), uid: peer.uid(), gid: peer.gid() };
        Ok(Self {
            session: Session::new(key, id, peer),
            since: Instant::now(),
            vmm,
            stream,
            key,
            waiting: Vec::new(),
            hung_up: false,
            is_waiting: false,
            has_rung: false,
            is_awake: false,
            watched_for_room: false,
        })
    }

    /// Carries out what has come: first what waited while the session was paused, then what one
    /// read into `buffer` brings. One buffer serves all guests, so that a guest costs memory only
    /// for what it leaves unfinished.
    pub fn turn(&mut self, buffer: &mut [u8], cx: &mut Context<'_>) -> Turn {
        if let Some(vmm) = &mut self.vmm {
            let turn = vmm.turn(&mut self.session, cx);
            self.is_waiting = vmm.has_messages();
            return turn;
        }
        let on_socket = self.session.ring().is_none();
        // A worker may make room at any moment; it tells those who were paused at the beginning.
        let was_paused = self.session.is_paused(cx.hub);
        let used = self.session.consume(&self.waiting, cx);
        self.waiting.drain(..used);
        if on_socket && self.is_on_ring(cx) {
            return Turn::More;
        }
        self.is_waiting = was_paused || self.session.is_paused(cx.hub);
        if self.is_waiting {
            return Turn::Idle;
        }
        if used > 0 && !self.waiting.is_empty() {
            // It has had its share of this turn.
            return Turn::More;
        }
        let held = self.waiting.len();
        let Some((unfinished, room)) = buffer.split_at_mut_checked(held) else {
            return Turn::Gone;
        };
        unfinished.copy_from_slice(&self.waiting);
        let (came, may_be_more) = match self.receive(room, cx) {
            Ok(0) => return Turn::Gone,
            Ok(n) => (held + n, n == room.len() || self.hung_up || self.has_rung),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return if self.hung_up { Turn::Gone } else { Turn::Idle };
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Turn::More,
            Err(_) => return Turn::Gone,
        };
        let came = buffer.get(..came).unwrap_or_default();
        let used = self.session.consume(came, cx);
        self.waiting.clear();
        self.waiting.extend_from_slice(came.get(used..).unwrap_or_default());
        self.waiting.shrink_to(KEPT);
        if on_socket && self.is_on_ring(cx) {
            return Turn::More;
        }
        self.is_waiting = self.session.is_paused(cx.hub);
        let unfinished = used > 0 && !self.waiting.is_empty();
        if may_be_more || unfinished { Turn::More } else { Turn::Idle }
    }

    /// Whether the next messages come through the ring: then what came behind RING is doorbells.
    fn is_on_ring(&mut self, cx: &mut Context<'_>) -> bool {
        let switched = self.session.ring().is_some();
        if switched {
            self.session.take_doorbells(&self.waiting, cx);
            self.waiting.clear();
            // The read that brought them may have left more in the socket.
            self.has_rung = true;
        }
        switched
    }

    /// Reads once, from the socket or the ring; the end of the stream is 0 bytes.
    fn receive(&mut self, room: &mut [u8], cx: &mut Context<'_>) -> io::Result<usize> {
        if self.session.ring().is_none() {
            self.has_rung = false;
            return self.stream.read(room);
        }
        if self.has_rung && !self.hung_up {
            self.has_rung = false;
            match self.stream.read(room) {
                Ok(0) => self.hung_up = true,
                Ok(n) => {
                    self.session.take_doorbells(room.get(..n).unwrap_or_default(), cx);
                    // There may be more.
                    self.has_rung = true;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        if self.hung_up {
            self.session.end_ring();
        }
        match self.session.read_ring(room, cx) {
            read if read > 0 || self.hung_up => Ok(read),
            _ if self.has_rung => Err(io::ErrorKind::Interrupted.into()),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Whether it comes: it has no lines yet, or its virtual machine monitor is not listened to yet.
    pub fn passes(&self) -> bool {
        self.session.attachment().is_none()
            || self.vmm.as_ref().is_some_and(|vmm| vmm.is_starting())
    }

    /// Whether nothing but a look at its ring or queues would tell that it has sent something.
    pub fn is_silent(&self) -> bool {
        (self.session.ring().is_some() || self.vmm.is_some()) && !self.is_waiting && !self.is_awake
    }

    /// Whether its ring or queues have something that it may not have told.
    pub fn has_written(&self) -> bool {
        match &self.vmm {
            _ if self.is_waiting => false,
            Some(vmm) => vmm.has_rung(),
            None => self.session.ring().is_some_and(|ring| !ring.is_empty()),
        }
    }

    /// Has it tell from now on what it writes. False if it has written meanwhile. Who waits has its turn when it
    /// waits no more, whatever it writes.
    pub fn sleep(&mut self) -> bool {
        match &mut self.vmm {
            _ if self.is_waiting => true,
            Some(vmm) => vmm.sleep(),
            None => self.session.ring().is_none_or(Reader::sleep),
        }
    }

    /// Whether it is to have a turn when its session is no longer paused.
    pub fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    /// Sends what the session has to say.
    ///
    /// # Errors
    /// When the frontend has gone.
    pub fn flush(&mut self, registry: &Registry, log: &mut LogLimit) -> io::Result<()> {
        if let Some(vmm) = &mut self.vmm {
            self.is_waiting |= vmm.flush(&mut self.session, log)?;
            return Ok(());
        }
        let passed = &mut self.session.passed;
        self.session.outbox.write(Passing { stream: &self.stream, passed })?;
        let wants_room = !self.session.outbox.is_empty();
        if wants_room != self.watched_for_room {
            let writable = wants_room.then_some(Interest::WRITABLE);
            let interest = writable.map_or(Interest::READABLE, |w| w | Interest::READABLE);
            registry.reregister(&mut self.stream, Source::Session(self.key).token(), interest)?;
            self.watched_for_room = wants_room;
        }
        Ok(())
    }
}

/// A socket that is written to, and what is passed with the first bytes.
struct Passing<'a> {
    stream: &'a UnixStream,
    passed: &'a mut Option<OwnedFd>,
}

impl Write for Passing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(passed) = &self.passed else {
            return self.stream.write(bytes);
        };
        match vgpio_ring::send(self.stream.as_fd(), bytes, passed.as_fd()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(error),
            sent => {
                // Where the host does not pass it, the frontend does without.
                *self.passed = None;
                sent.or_else(|_| self.stream.write(bytes))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
