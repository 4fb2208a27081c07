// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a frontend lives, where its export wants to know: it is asked again and again.

use std::time::{Duration, Instant};

use vgpio_protocol::{ErrorCode, Event};

use super::operation::Operation;
use super::{Context, Session};
use crate::hub::Failure;

/// How long a frontend may take to its first answer: a virtual machine monitor attaches before its main
/// loop runs.
const FIRST: Duration = Duration::from_secs(10);

/// A frontend that is asked whether it lives.
pub(super) struct Watch {
    period: Duration,
    /// Messages that had come when it was asked last; `None` before that.
    heard: Option<u64>,
    has_answered: bool,
    since: Instant,
}

impl Watch {
    pub fn new(period: Duration) -> Self {
        Self { period, heard: None, has_answered: false, since: Instant::now() }
    }

    pub fn answered(&mut self) {
        self.has_answered = true;
    }
}

impl Session {
    /// Whether it is asked, or was until its end, whether it lives.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.watch.is_some()
    }

    /// Asks for the first time, once it has its lines; returns when to [`look`](Self::look).
    pub fn begin_watch(&mut self) -> Option<Duration> {
        let watch = self.watch.as_mut().filter(|watch| watch.heard.is_none())?;
        if self.operation.as_ref().is_some_and(Operation::is_of_attaching) {
            return None;
        }
        watch.heard = Some(self.counters.messages);
        self.outbox.push(&Event::Ping, 0);
        Some(watch.period)
    }

    /// Ends it if nothing has come since it was asked, and asks again otherwise. What comes while the session
    /// waits for a chip is not read, and so that frontend counts as alive. Returns when to look again.
    pub fn look(&mut self, cx: &mut Context<'_>) -> Option<Duration> {
        let is_held_up = self.is_paused(cx.hub) && !self.outbox.is_full();
        let messages = self.counters.messages;
        let watch = self.watch.as_mut()?;
        let period = watch.period;
        if watch.heard.replace(messages) != Some(messages) {
            self.outbox.push(&Event::Ping, 0);
        } else if !is_held_up && (watch.has_answered || watch.since.elapsed() >= FIRST) {
            let text = format!(
                "no answer for {period:?}, the watchdog of the export; it counts as dead, and its lines go \
                 to their safe states"
            );
            self.fail(0, &Failure::new(ErrorCode::Unanswered, 0, text), cx);
            return None;
        }
        Some(period)
    }
}
