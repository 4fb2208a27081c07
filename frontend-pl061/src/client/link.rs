// SPDX-License-Identifier: MIT OR Apache-2.0
//! The connection: made, greeted, lost, made again.
#![forbid(unsafe_code)]

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, socket,
};
use vgpio_protocol::{Hello, Request, VERSION, features};

use super::{Asked, Client, Error, Event, Phase};

/// Time that a backend has to answer HELLO and ATTACH.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// Least time until another attempt where only another configuration of the daemon can help: people
/// do not make one in less, and each attempt is an entry in its log.
const MENDING_TIME: Duration = Duration::from_secs(5);

/// What this client can do (`docs/protocol.md`, "Versions and features").
pub(super) const FEATURES: u64 = features::RING | features::PING;

/// Events that may wait to be taken before no more are read from the socket.
const MAX_EVENTS: usize = 4096;

impl Client {
    /// Connects now, unless there is a connection already. Success means that the backend is there;
    /// [`Event::Connected`] tells when the lines are.
    ///
    /// # Errors
    /// [`Error::Connect`]. The client then tries again after [`Options::reconnect`], as it does
    /// whenever the connection is lost or refused for a reason that [may
    /// pass](Error::may_pass). A client that has once been attached also tries again where the
    /// daemon, with another configuration, refuses the lines now, no sooner than after 5 s.
    ///
    /// [`Options::reconnect`]: super::Options::reconnect
    pub fn connect(&mut self) -> Result<(), Error> {
        if self.socket.is_some() {
            return Ok(());
        }
        self.open().inspect_err(|error| self.down(error.clone()))
    }

    /// Gives the lines back, for good: only [`connect`](Self::connect) takes them again. What was
    /// set is remembered. Nothing that still waits is sent; [`flush`](Self::flush) before.
    pub fn disconnect(&mut self) {
        self.down(Error::Requested);
    }

    /// Ends a connection that has not answered for as long as somebody would wait; the client tries
    /// again as after any other failure.
    pub fn give_up(&mut self) {
        self.fail(Error::Timeout);
    }

    /// Does what is due, without waiting; [`next_event`](Self::next_event) gives what happened.
    pub fn advance(&mut self) {
        let due = self.next_deadline().is_some_and(|deadline| deadline <= Instant::now());
        match self.phase {
            Phase::Down { .. } if due => {
                if let Err(error) = self.open() {
                    self.fail(error);
                }
            }
            Phase::Greeting { .. } | Phase::Attaching { .. } if due => self.fail(Error::Timeout),
            _ => {}
        }
        if self.events.len() < MAX_EVENTS {
            self.receive();
        }
        self.write();
    }

    fn open(&mut self) -> Result<(), Error> {
        let socket = self
            .dial()
            .map_err(|source| Error::Connect { path: self.options.socket.clone(), source })?;
        self.outbox.clear();
        self.received = 0;
        self.passed = None;
        let hello = self.outbox.push(Request::Hello(Hello {
            version_min: VERSION,
            version_max: VERSION,
            features: FEATURES,
            name: &self.options.name,
        }));
        let attach = self.outbox.push(Request::Attach(self.options.attach()));
        self.outbox.write(socket.as_fd());
        self.socket = Some(socket);
        self.phase = Phase::Greeting {
            until: Instant::now() + ANSWER_TIME,
            asked: Asked { hello, attach, max_lines: 0 },
        };
        Ok(())
    }

    /// On a Unix socket, connecting without waiting succeeds or fails at once.
    fn dial(&self) -> Result<OwnedFd, Errno> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        connect(fd.as_raw_fd(), &UnixAddr::new(&self.options.socket)?)?;
        Ok(fd)
    }

    /// Reads once. The descriptor stays ready if there is more.
    fn receive(&mut self) {
        let Some(socket) = &self.socket else {
            return;
        };
        let space = self.inbox.get_mut(self.received..).unwrap_or_default();
        let received = match self.phase {
            // A ring may come along.
            Phase::Greeting { .. } => vgpio_ring::receive(socket.as_fd(), space)
                .map(|(n, passed)| {
                    self.passed = passed.or(self.passed.take());
                    n
                })
                .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0))),
            _ => recv(socket.as_raw_fd(), space, MsgFlags::MSG_DONTWAIT),
        };
        match received {
            Ok(0) => self.fail(Error::Closed),
            Ok(n) => {
                self.received += n;
                if let Err(error) = self.take_messages() {
                    self.fail(error);
                }
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {
                if let Some(errno) = self.outbox.broken() {
                    self.fail(Error::Io(errno));
                }
            }
            Err(errno) => self.fail(Error::Io(errno)),
        }
    }

    /// Ends the connection and tells so, once for each different reason.
    fn fail(&mut self, error: Error) {
        // Attaching forgets the last error.
        let news = self.last_error.as_ref() != Some(&error);
        self.down(error.clone());
        if news {
            let retry = self.next_deadline().is_some();
            self.events.push_back(Event::Disconnected { error, retry });
        }
    }

    fn down(&mut self, error: Error) {
        self.socket = None;
        self.outbox.clear();
        self.fold = super::Fold::default();
        let period = self.options.reconnect.and_then(|period| self.retry_after(&error, period));
        self.phase = Phase::Down { retry: period.map(|period| Instant::now() + period) };
        self.last_error = Some(error);
    }

    /// Time until another attempt, `period` being that after a failure that may pass by itself.
    fn retry_after(&self, error: &Error, period: Duration) -> Option<Duration> {
        // What was right once can be so again: the daemon may have been started with a wrong file.
        if error.may_pass() {
            return Some(period);
        }
        (self.attached_before && error.may_be_mended()).then(|| period.max(MENDING_TIME))
    }

    /// Whether a message would reach the backend, for all that is known here.
    pub(super) fn attached_now(&self) -> bool {
        matches!(self.phase, Phase::Attached) && self.outbox.broken().is_none()
    }
}
