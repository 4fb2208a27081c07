// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting, for tests and for programs that do nothing else. A main loop does not use this.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use thiserror::Error;

use super::{Client, Error, Event};

/// Why waiting ended in vain.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WaitError {
    /// The deadline came first.
    #[error("the backend did not do it in time; is it busy or stopped?")]
    Timeout,
    /// There is no backend, and the client will not try again.
    #[error("there is no backend any more")]
    Disconnected(#[source] Error),
}

impl Client {
    /// Connects, unless there is a connection, and waits until the lines are attached, the first
    /// snapshot has come, and what was set before has been carried out.
    ///
    /// # Errors
    /// Why not; [`Error::Timeout`] when the deadline has come, which ends the attempt. The client
    /// tries again by itself as after [`connect`](Self::connect).
    pub fn connect_wait(
        &mut self,
        deadline: Instant,
        on_event: &mut impl FnMut(Event),
    ) -> Result<(), Error> {
        self.connect()?;
        let token = self.sync();
        if self.wait_until(deadline, on_event, |c| c.is_settled(token)).is_err() {
            self.give_up();
        }
        self.last_error.clone().map_or(Ok(()), Err)
    }

    /// Whether a connection has come to its first barrier, or to its end.
    pub(crate) fn is_settled(&self, token: u64) -> bool {
        self.is_synced(token) || self.socket.is_none()
    }

    /// Waits until something has happened and hands it over. False when the deadline came first, or
    /// when nothing can happen: without a connection that the client would make again.
    pub fn wait(&mut self, deadline: Instant, on_event: &mut impl FnMut(Event)) -> bool {
        let happened = Cell::new(false);
        let mut noting = |event| {
            happened.set(true);
            on_event(event);
        };
        let _: Result<(), WaitError> = self.wait_until(deadline, &mut noting, |_| happened.get());
        happened.get()
    }

    /// Waits until the connection has taken all that was set and configured.
    ///
    /// # Errors
    /// [`WaitError`]: the deadline has come, or the connection is lost for good.
    pub fn flush(
        &mut self,
        deadline: Instant,
        on_event: &mut impl FnMut(Event),
    ) -> Result<(), WaitError> {
        self.wait_until(deadline, on_event, |client| client.attached_now() && !client.has_unsent())
    }

    /// Waits until all that was set and configured has been carried out: the host has the levels,
    /// or the errors have been handed over.
    ///
    /// # Errors
    /// [`WaitError`]: the deadline has come, or the connection is lost for good.
    pub fn sync_wait(
        &mut self,
        deadline: Instant,
        on_event: &mut impl FnMut(Event),
    ) -> Result<(), WaitError> {
        let token = self.sync();
        self.wait_until(deadline, on_event, |client| client.is_synced(token))
    }

    /// Waits until `done`, handing over what happens meanwhile.
    ///
    /// # Errors
    /// [`WaitError`]: the deadline has come, or the connection is lost for good.
    pub fn wait_until(
        &mut self,
        deadline: Instant,
        on_event: &mut impl FnMut(Event),
        done: impl Fn(&Self) -> bool,
    ) -> Result<(), WaitError> {
        loop {
            self.process(on_event);
            if done(self) {
                return Ok(());
            }
            if !self.sleep(deadline) {
                return Err(self.waited_in_vain());
            }
        }
    }

    /// Why [`sleep`](Self::sleep) gave false.
    pub(crate) fn waited_in_vain(&self) -> WaitError {
        let lost = self.socket.is_none() && self.next_deadline().is_none();
        match &self.last_error {
            Some(error) if lost => WaitError::Disconnected(error.clone()),
            _ => WaitError::Timeout,
        }
    }

    /// Sleeps until there is something to do; false at the deadline, or when there never will be.
    pub(crate) fn sleep(&self, deadline: Instant) -> bool {
        let now = Instant::now();
        if now >= deadline || self.socket.is_none() && self.next_deadline().is_none() {
            return false;
        }
        let until = self.next_deadline().map_or(deadline, |d| d.min(deadline));
        poll_fd(self.as_fd(), self.wants_write(), until - now);
        true
    }
}

fn poll_fd(fd: Option<BorrowedFd<'_>>, write: bool, time: Duration) {
    let mut events = PollFlags::POLLIN;
    events.set(PollFlags::POLLOUT, write);
    let mut fds: Vec<PollFd<'_>> = fd.iter().map(|fd| PollFd::new(fd.as_fd(), events)).collect();
    // Rounded up, so that a deadline has come when the sleep ends.
    let ms = time.as_nanos().div_ceil(1_000_000);
    let timeout = PollTimeout::try_from(ms).unwrap_or(PollTimeout::MAX);
    // Whatever the outcome, the caller looks at the socket and the clock next.
    let _: Result<_, Errno> = poll(&mut fds, timeout);
}
