// SPDX-License-Identifier: MIT OR Apache-2.0
//! One descriptor that becomes readable for several reasons.

use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

/// Readable while it is raised, and from a point in time on.
#[derive(Debug)]
pub struct Signal {
    epoll: Rc<Epoll>,
    event: EventFd,
    raised: bool,
    /// Made when it is first needed: few signals need one.
    timer: Option<TimerFd>,
    alarm: Option<u64>,
}

impl Signal {
    /// A signal that is not raised.
    pub fn new() -> nix::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let event = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        epoll.add(&event, readable())?;
        Ok(Self { epoll: Rc::new(epoll), event, raised: false, timer: None, alarm: None })
    }

    /// The descriptor, for whoever waits.
    pub fn fd(&self) -> Rc<Epoll> {
        Rc::clone(&self.epoll)
    }

    /// Readable when `other` is, too. Dropping `other` ends it.
    pub fn include(&self, other: BorrowedFd<'_>) -> nix::Result<()> {
        self.epoll.add(other, readable())
    }

    /// Makes it readable; costs nothing if it is.
    pub fn raise(&mut self) {
        // The write fails only when the counter is full, and it is readable then.
        if !self.raised && self.event.write(1).is_ok() {
            self.raised = true;
        }
    }

    /// Takes back [`raise`](Self::raise).
    pub fn lower(&mut self) {
        if self.raised {
            // It fails only when there is nothing to take back.
            let _ = self.event.read();
            self.raised = false;
        }
    }

    /// Makes it readable from `time` on, in nanoseconds of `CLOCK_MONOTONIC`, or not by time.
    pub fn set_alarm(&mut self, time: Option<u64>) -> nix::Result<()> {
        if self.alarm == time {
            return Ok(());
        }
        self.alarm = None;
        match (time, &self.timer) {
            (None, None) => {}
            (None, Some(timer)) => timer.unset()?,
            (Some(time), Some(timer)) => arm(timer, time)?,
            (Some(time), None) => {
                let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
                let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
                self.epoll.add(&timer, readable())?;
                arm(&timer, time)?;
                self.timer = Some(timer);
            }
        }
        self.alarm = time;
        Ok(())
    }
}

impl AsFd for Signal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}

fn readable() -> EpollEvent {
    EpollEvent::new(EpollFlags::EPOLLIN, 0)
}

/// A timer that went off is silent again afterwards.
fn arm(timer: &TimerFd, time: u64) -> Result<(), Errno> {
    // A time of 0 would disarm it.
    let time = TimeSpec::from_duration(std::time::Duration::from_nanos(time.max(1)));
    timer.set(Expiration::OneShot(time), TimerSetTimeFlags::TFD_TIMER_ABSTIME)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::*;
    use crate::clock::now_ns;

    fn readable_within(signal: &Signal, ms: u16) -> bool {
        let mut fds = [PollFd::new(signal.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::from(ms)).unwrap() == 1
    }

    #[test]
    fn it_is_readable_while_it_is_raised() {
        let mut signal = Signal::new().unwrap();
        assert!(!readable_within(&signal, 0));
        signal.raise();
        signal.raise();
        assert!(readable_within(&signal, 0));
        signal.lower();
        assert!(!readable_within(&signal, 0));
    }

    #[test]
    fn it_is_readable_from_the_alarm_on() {
        let mut signal = Signal::new().unwrap();
        signal.set_alarm(Some(now_ns() + 3_600_000_000_000)).unwrap();
        assert!(!readable_within(&signal, 0));
        signal.set_alarm(Some(now_ns() + 1_000)).unwrap();
        assert!(readable_within(&signal, 10_000));
        signal.set_alarm(None).unwrap();
        assert!(!readable_within(&signal, 0));
    }

    #[test]
    fn it_is_readable_when_what_it_includes_is() {
        let (mut other, signal) = (Signal::new().unwrap(), Signal::new().unwrap());
        signal.include(other.as_fd()).unwrap();
        assert!(!readable_within(&signal, 0));
        other.raise();
        assert!(readable_within(&signal, 0));
    }
}
