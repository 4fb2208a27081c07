// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waits for events: asleep, or awake for a moment while they follow one another quickly.

use std::hint;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Registry};

/// How long to stay awake for a next event. Waking a thread costs whoever sends to it microseconds, a virtual CPU
/// as a rule; a guest that toggles lines as fast as it can does so every ten or twenty.
const AWAKE: Duration = Duration::from_micros(50);

/// How often to look at rings before the next look at descriptors, which takes a system call.
const LOOKS: usize = 32;

/// Those who send without waking anybody up, unless they are told to ring.
pub trait Bells {
    /// How many they are.
    fn count(&self) -> usize;

    /// Whether one has sent something.
    fn have_rung(&self) -> bool;

    /// Has all ring from now on. False if one has sent something meanwhile.
    fn arm(&mut self) -> bool;
}

/// A poll that knows when it was last woken.
pub struct Wait {
    poll: Poll,
    /// With one processor, being awake would keep those from running who are waited for.
    may_stay_awake: bool,
    woken: Instant,
    /// The last two events were not further apart than [`AWAKE`].
    quick: bool,
}

impl Wait {
    /// # Errors
    /// The host denies a poll.
    pub fn new() -> io::Result<Self> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            poll: Poll::new()?,
            may_stay_awake: processors > 1,
            woken: Instant::now(),
            quick: false,
        })
    }

    /// Where to say what to wait for.
    pub fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// Waits until something happens, at most as long as the timeout. It may wait [`AWAKE`] longer than that, unless
    /// the timeout is zero.
    ///
    /// # Errors
    /// As [`Poll::poll`]; a signal is no error.
    pub fn wait(
        &mut self,
        events: &mut Events,
        mut timeout: Option<Duration>,
        bells: &mut impl Bells,
    ) -> io::Result<()> {
        if timeout != Some(Duration::ZERO) {
            if self.quick && self.stay_awake(events, bells)? {
                return Ok(());
            }
            if !bells.arm() {
                // Others may have something, too.
                timeout = Some(Duration::ZERO);
            }
        }
        poll(&mut self.poll, events, timeout)?;
        let now = Instant::now();
        self.quick = self.may_stay_awake && now.duration_since(self.woken) < AWAKE;
        self.woken = now;
        Ok(())
    }

    /// Returns whether something happened.
    fn stay_awake(&mut self, events: &mut Events, bells: &impl Bells) -> io::Result<bool> {
        loop {
            poll(&mut self.poll, events, Some(Duration::ZERO))?;
            let written = (0..=LOOKS / bells.count().max(1)).any(|_| {
                hint::spin_loop();
                bells.have_rung()
            });
            let now = Instant::now();
            if written || !events.is_empty() {
                self.woken = now;
                return Ok(true);
            }
            if now.duration_since(self.woken) >= AWAKE {
                return Ok(false);
            }
        }
    }
}

fn poll(poll: &mut Poll, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
    match poll.poll(events, timeout) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            events.clear();
            Ok(())
        }
        other => other,
    }
}
