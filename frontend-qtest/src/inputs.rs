// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changes of inputs on their way to the guest.
//!
//! A controller remembers one edge of a line. A second one that comes before the guest has served the
//! first would be lost, so it waits for that; all changes keep their order.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Lines that a controller may have here.
pub const MAX_LINES: usize = 64;
/// Most changes that wait. One more folds them: the last level of each line is kept.
pub const MAX_WAITING: usize = 1024;
/// Least time between two changes of a line. The guest's handler has acknowledged the interrupt before it
/// reads the level, which cannot be seen from here.
const GAP: Duration = Duration::from_micros(500);
/// When a guest has not served an edge for so long while others wait, these are folded and told.
const PATIENCE: Duration = Duration::from_secs(1);

/// What to do about the changes that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Set this line.
    Set(u8, bool),
    /// Ask which interrupts the guest has yet to serve.
    AskPending,
    /// Wait until then.
    At(Instant),
    /// Nothing until something else happens.
    Nothing,
}

/// The inputs of a controller.
#[derive(Debug)]
pub struct Inputs {
    waiting: VecDeque<(u8, bool)>,
    lines: [Line; MAX_LINES],
    /// Whether the controller can be asked what is pending.
    paced: bool,
    asked: bool,
    ask_at: Option<Instant>,
    /// Since when the first of those that wait is kept back by an edge that is not served.
    kept_back: Option<Instant>,
    merged: u64,
}

/// What is known of an input.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    /// The host's level, as far as known here.
    level: Option<bool>,
    /// When the controller was last told an edge that the guest may not have served.
    told: Option<Instant>,
    /// The controller has been told, and has not answered.
    in_flight: bool,
}

impl Inputs {
    /// No level is known yet. `paced`: the controller can be asked what is pending.
    #[must_use]
    pub fn new(paced: bool) -> Self {
        Self {
            waiting: VecDeque::with_capacity(MAX_WAITING),
            lines: [Line::default(); MAX_LINES],
            paced,
            asked: false,
            ask_at: None,
            kept_back: None,
            merged: 0,
        }
    }

    /// A line of the host has this level.
    pub fn level(&mut self, line: u8, high: bool) {
        if self.lines.get(usize::from(line)).is_some_and(|known| known.level != Some(high)) {
            self.push(line, high);
        }
    }

    /// The controller has this level of an input, in answer to a question that came behind all changes that
    /// it was told. Another than the host's is set right: a reset of the guest makes all inputs low.
    pub fn found(&mut self, line: u8, high: bool) {
        let Some(known) = self.lines.get(usize::from(line)) else {
            return;
        };
        let is_due = known.in_flight || self.waiting.iter().any(|(waiting, _)| *waiting == line);
        if let Some(level) = known.level.filter(|level| *level != high && !is_due) {
            self.push(line, level);
        }
    }

    /// The line is an output now: what was known of it as an input holds no more.
    pub fn forget(&mut self, line: u8) {
        self.waiting.retain(|(waiting, _)| *waiting != line);
        if let Some(known) = self.lines.get_mut(usize::from(line)) {
            *known = Line { in_flight: known.in_flight, ..Line::default() };
        }
    }

    /// The controller has taken a change of this line.
    pub fn done(&mut self, line: u8) {
        if let Some(known) = self.lines.get_mut(usize::from(line)) {
            known.in_flight = false;
        }
    }

    /// The interrupts that the guest has yet to serve, bit *i* for line *i*: the answer to
    /// [`Next::AskPending`].
    pub fn pending(&mut self, pending: u64, now: Instant) {
        self.asked = false;
        self.ask_at = Some(now + GAP);
        for (line, known) in self.lines.iter_mut().enumerate() {
            if pending >> line & 1 == 0 {
                known.told = None;
            }
        }
    }

    /// What to do now. What it says is taken for done.
    pub fn next(&mut self, now: Instant) -> Next {
        let Some(&(line, high)) = self.waiting.front() else {
            return Next::Nothing;
        };
        let known = self.lines.get(usize::from(line)).copied().unwrap_or_default();
        if known.in_flight || self.asked {
            return Next::Nothing;
        }
        match known.told {
            Some(told) if now < told + GAP => Next::At(told + GAP),
            Some(_) if self.paced => self.wait(now),
            _ => self.set(line, high, now),
        }
    }

    /// Changes that were folded into later ones.
    #[must_use]
    pub fn merged(&self) -> u64 {
        self.merged
    }

    /// The guest may not have served the edge before.
    fn wait(&mut self, now: Instant) -> Next {
        if now >= *self.kept_back.get_or_insert(now) + PATIENCE {
            self.fold();
            self.lines.iter_mut().for_each(|line| line.told = None);
            self.kept_back = None;
            return self.next(now);
        }
        match self.ask_at {
            Some(at) if now < at => Next::At(at),
            _ => {
                self.asked = true;
                Next::AskPending
            }
        }
    }

    fn set(&mut self, line: u8, high: bool, now: Instant) -> Next {
        self.waiting.pop_front();
        self.kept_back = None;
        if let Some(known) = self.lines.get_mut(usize::from(line)) {
            known.told = Some(now);
            known.in_flight = true;
        }
        Next::Set(line, high)
    }

    fn push(&mut self, line: u8, high: bool) {
        if let Some(known) = self.lines.get_mut(usize::from(line)) {
            known.level = Some(high);
            self.waiting.push_back((line, high));
        }
        if self.waiting.len() > MAX_WAITING {
            self.fold();
        }
    }

    /// Keeps the last level of each line that waits.
    fn fold(&mut self) {
        let before = self.waiting.len();
        let mut seen = 0_u64;
        for at in (0..before).rev() {
            let Some(&(line, _)) = self.waiting.get(at) else { continue };
            if seen >> line & 1 == 1 {
                self.waiting.remove(at);
            }
            seen |= 1 << (line & 63);
        }
        self.merged += u64::try_from(before - self.waiting.len()).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Does what is due and returns it, until nothing is or time has to pass.
    fn run(inputs: &mut Inputs, now: Instant) -> (Vec<(u8, bool)>, Next) {
        let mut set = Vec::new();
        loop {
            match inputs.next(now) {
                Next::Set(line, high) => {
                    set.push((line, high));
                    inputs.done(line);
                }
                next => return (set, next),
            }
        }
    }

    #[test]
    fn a_level_that_is_known_is_not_told_again() {
        let now = Instant::now();
        let mut inputs = Inputs::new(true);
        inputs.level(0, false);
        inputs.level(1, true);
        inputs.level(1, true);
        assert_eq!(run(&mut inputs, now), (vec![(0, false), (1, true)], Next::Nothing));
        inputs.level(0, false);
        assert_eq!(run(&mut inputs, now + MS), (vec![], Next::Nothing));
    }

    #[test]
    fn an_edge_waits_for_the_one_before_and_keeps_others_behind_it() {
        let now = Instant::now();
        let mut inputs = Inputs::new(true);
        for (line, high) in [(5, true), (5, false), (6, true)] {
            inputs.level(line, high);
        }
        assert_eq!(run(&mut inputs, now), (vec![(5, true)], Next::At(now + GAP)));
        let mut now = now + GAP;
        assert_eq!(run(&mut inputs, now), (vec![], Next::AskPending));
        assert_eq!(inputs.next(now), Next::Nothing, "once");
        inputs.pending(1 << 5, now);
        assert_eq!(run(&mut inputs, now), (vec![], Next::At(now + GAP)));
        now += GAP;
        assert_eq!(run(&mut inputs, now).1, Next::AskPending);
        inputs.pending(0, now);
        assert_eq!(run(&mut inputs, now), (vec![(5, false), (6, true)], Next::Nothing));
    }

    #[test]
    fn a_change_waits_for_the_answer_to_the_one_before() {
        let now = Instant::now();
        let mut inputs = Inputs::new(false);
        inputs.level(0, true);
        inputs.level(0, false);
        assert_eq!(inputs.next(now), Next::Set(0, true));
        assert_eq!(inputs.next(now + MS), Next::Nothing);
        inputs.done(0);
        assert_eq!(inputs.next(now + MS), Next::Set(0, false));
    }

    #[test]
    fn a_guest_that_serves_nothing_is_told_the_last_levels_after_a_second() {
        let start = Instant::now();
        let mut inputs = Inputs::new(true);
        for i in 0..5 {
            inputs.level(0, i % 2 == 0);
            inputs.level(1, i % 2 == 1);
        }
        let mut now = start;
        let mut set = Vec::new();
        while now < start + PATIENCE + 10 * MS {
            let (more, next) = run(&mut inputs, now);
            set.extend(more);
            if next == Next::AskPending {
                inputs.pending(u64::MAX, now);
            }
            now += MS;
        }
        assert_eq!(set, [(0, true), (1, false), (0, true), (1, false)]);
        assert_eq!(inputs.merged(), 6);
    }

    #[test]
    fn what_waits_is_bounded_and_ends_with_the_last_level() {
        let now = Instant::now();
        let mut inputs = Inputs::new(true);
        for i in 0..10_000 {
            inputs.level(3, i % 2 == 0);
            assert!(inputs.waiting.len() <= MAX_WAITING);
        }
        let mut last = None;
        for i in 0..20_000 {
            let now = now + MS * i;
            let (set, next) = run(&mut inputs, now);
            last = set.last().copied().or(last);
            if next == Next::AskPending {
                inputs.pending(0, now);
            }
        }
        assert_eq!(last, Some((3, false)));
        assert!(inputs.merged() > 8000);
    }

    #[test]
    fn a_level_that_the_controller_has_lost_is_told_again() {
        let now = Instant::now();
        let mut inputs = Inputs::new(true);
        inputs.level(2, true);
        inputs.found(2, false);
        assert_eq!(run(&mut inputs, now).0, [(2, true)], "it was still to come");
        inputs.found(2, true);
        inputs.found(9, true);
        assert_eq!(run(&mut inputs, now + MS), (vec![], Next::Nothing));
        inputs.found(2, false);
        inputs.pending(0, now);
        assert_eq!(run(&mut inputs, now + MS).0, [(2, true)]);
        inputs.pending(0, now + MS);
        inputs.level(2, false);
        assert_eq!(inputs.next(now + MS), Next::Set(2, false));
        inputs.found(2, true);
        inputs.done(2);
        assert_eq!(inputs.next(now + 2 * MS), Next::Nothing, "it was on its way");
        inputs.forget(2);
        inputs.found(2, true);
        assert_eq!(run(&mut inputs, now + 2 * MS), (vec![], Next::Nothing));
    }
}
