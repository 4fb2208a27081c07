// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waits for events: asleep, or awake for a moment while they follow one another quickly.

use std::hint;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Registry};

/// How often to look at rings before the next look at descriptors, which takes a system call.
const LOOKS: usize = 32;

/// Who is kept from running for so long while awake shares its processor with others who need it.
const PUSHED_ASIDE: Duration = Duration::from_micros(500);

/// So many events that are met awake make up for the time in which the next is waited for in vain.
const WORTH_IT: u32 = 16;

/// How long the processor is left to others who seem to need it.
const STAND_BACK: Duration = Duration::from_millis(50);

/// How a next event is waited for.
#[derive(Clone, Copy)]
pub struct Patience {
    /// How long.
    pub time: Duration,
    /// Whether it comes of a thread that was woken just now, perhaps on this processor, which it needs for that.
    pub gives_way: bool,
}

/// Those who send without waking anybody up, unless they are told to ring.
pub trait Bells {
    /// How many they are.
    fn count(&self) -> usize;

    /// How to stay awake for a next event. Waking a thread costs whoever sends to it microseconds, a virtual
    /// CPU as a rule.
    fn patience(&self) -> Patience;

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
    /// The last two events were so near to one another that it pays to stay awake for the next.
    quick: bool,
    /// How much happened while it was awake for it, since it last slept.
    caught: u32,
    /// Until then the processor is left to others.
    others_until: Option<Instant>,
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
            caught: 0,
            others_until: None,
        })
    }

    /// Where to say what to wait for.
    pub fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// Waits until something happens, at most as long as the timeout. It may wait longer than that, by the
    /// [patience](Bells::patience) of those who send, unless the timeout is zero.
    ///
    /// # Errors
    /// As [`Poll::poll`]; a signal is no error.
    pub fn wait(
        &mut self,
        events: &mut Events,
        mut timeout: Option<Duration>,
        bells: &mut impl Bells,
    ) -> io::Result<()> {
        let patience = bells.patience();
        if timeout != Some(Duration::ZERO) {
            if self.quick && self.stay_awake(events, bells, patience)? {
                return Ok(());
            }
            if !bells.arm() {
                // Others may have something, too.
                timeout = Some(Duration::ZERO);
            }
        }
        poll(&mut self.poll, events, timeout)?;
        if !self.may_stay_awake {
            return Ok(());
        }
        let now = Instant::now();
        self.others_until = self.others_until.filter(|until| now < *until);
        let near = now.duration_since(self.woken) < patience.time;
        self.quick = near && self.others_until.is_none();
        self.caught = 0;
        self.woken = now;
        Ok(())
    }

    /// Returns whether something happened.
    fn stay_awake(
        &mut self,
        events: &mut Events,
        bells: &impl Bells,
        patience: Patience,
    ) -> io::Result<bool> {
        let mut before = Instant::now();
        loop {
            poll(&mut self.poll, events, Some(Duration::ZERO))?;
            if patience.gives_way {
                thread::yield_now();
            }
            let written = (0..=LOOKS / bells.count().max(1)).any(|_| {
                hint::spin_loop();
                bells.have_rung()
            });
            let now = Instant::now();
            if now.duration_since(before) > PUSHED_ASIDE {
                self.stand_back(now);
            }
            before = now;
            if written || !events.is_empty() {
                self.caught = self.caught.saturating_add(1);
                self.woken = now;
                return Ok(true);
            }
            if now.duration_since(self.woken) >= patience.time {
                if self.caught < WORTH_IT {
                    // As if whoever is waited for were kept from running by this.
                    self.stand_back(now);
                }
                return Ok(false);
            }
        }
    }

    fn stand_back(&mut self, now: Instant) {
        self.quick = false;
        self.others_until = Some(now + STAND_BACK);
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

    use mio::{Token, Waker};

    use super::*;

    /// Somebody who sends when it was looked at so often, and notes when it is to ring.
    struct Sender {
        patience: Duration,
        looks: std::cell::Cell<u32>,
        armed: u32,
    }

    impl Bells for Sender {
        fn count(&self) -> usize {
            1
        }

        fn patience(&self) -> Patience {
            Patience { time: self.patience, gives_way: true }
        }

        fn have_rung(&self) -> bool {
            self.looks.set(self.looks.get().wrapping_sub(1));
            self.looks.get() == 0
        }

        fn arm(&mut self) -> bool {
            self.armed += 1;
            true
        }
    }

    /// What happened after an event, and another one that was not later than `patience`.
    fn after_two_events(patience: Duration, looks: u32) -> (Wait, Sender) {
        let mut wait = Wait::new().unwrap();
        wait.may_stay_awake = true;
        let waker = Waker::new(wait.registry(), Token(0)).unwrap();
        let mut sender = Sender { patience, looks: looks.into(), armed: 0 };
        for armed in 1..=2 {
            waker.wake().unwrap();
            wait.quick = false;
            let mut events = Events::with_capacity(1);
            wait.wait(&mut events, None, &mut sender).unwrap();
            assert_eq!((events.is_empty(), sender.armed), (false, armed));
        }
        (wait, sender)
    }

    #[test]
    fn what_follows_quickly_is_met_awake() {
        let (mut wait, mut sender) = after_two_events(Duration::from_secs(3600), 1000);
        let mut events = Events::with_capacity(1);
        wait.wait(&mut events, None, &mut sender).unwrap();
        assert_eq!((sender.looks.get(), sender.armed), (0, 2), "it need not ring");
    }

    #[test]
    fn who_waits_for_nothing_quick_sleeps_at_once() {
        let (mut wait, mut sender) = after_two_events(Duration::ZERO, 1);
        let timeout = Some(Duration::from_nanos(1));
        wait.wait(&mut Events::with_capacity(1), timeout, &mut sender).unwrap();
        assert_eq!((sender.looks.get(), sender.armed), (1, 3), "it was not looked at");
    }

    #[test]
    fn who_was_awake_in_vain_leaves_the_processor_to_others() {
        let (mut wait, mut sender) = after_two_events(Duration::from_millis(1), 0);
        wait.quick = true;
        let timeout = Some(Duration::from_nanos(1));
        wait.wait(&mut Events::with_capacity(1), timeout, &mut sender).unwrap();
        assert_eq!((wait.quick, sender.armed), (false, 3));
        assert!(wait.others_until.is_some());
    }
}
