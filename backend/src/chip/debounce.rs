// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debouncing of an input: a level counts once it has lasted.

/// An input's level, debounced as the kernel does it (`drivers/gpio/gpiolib-cdev.c`,
/// `debounce_work_func`): each change starts the period anew, and what the level is at the end
/// of the period counts. Times are nanoseconds of one clock.
#[derive(Clone, Copy, Debug)]
pub struct Debounce {
    period: u64,
    stable: bool,
    raw: bool,
    deadline: Option<u64>,
}

impl Debounce {
    /// An input that is at `level`.
    pub fn new(period: u64, level: bool) -> Self {
        Self { period, stable: level, raw: level, deadline: None }
    }

    /// The level that counts, as of the last call of [`due`](Self::due).
    pub fn level(&self) -> bool {
        self.stable
    }

    /// When [`due`](Self::due) is to be called next.
    pub fn deadline(&self) -> Option<u64> {
        self.deadline
    }

    /// The input has changed to `level`. Call [`due`](Self::due) first.
    pub fn change(&mut self, level: bool, now: u64) {
        self.raw = level;
        self.deadline = Some(now.saturating_add(self.period));
    }

    /// When a period is over by `now` and the level that counts has changed: the new level, and
    /// since when it counts.
    pub fn due(&mut self, now: u64) -> Option<(bool, u64)> {
        let deadline = self.deadline.filter(|&deadline| deadline <= now)?;
        self.deadline = None;
        let changed = self.stable != self.raw;
        self.stable = self.raw;
        changed.then_some((self.stable, deadline))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_counts_once_it_has_lasted_the_period() {
        let mut line = Debounce::new(100, false);
        line.change(true, 1_000);
        assert_eq!((line.due(1_099), line.level()), (None, false));
        assert_eq!((line.due(1_100), line.level()), (Some((true, 1_100)), true));
        assert_eq!(line.deadline(), None);
    }

    #[test]
    fn a_bounce_starts_the_period_anew() {
        let mut line = Debounce::new(100, false);
        line.change(true, 0);
        line.change(false, 50);
        line.change(true, 90);
        assert_eq!(line.due(100), None);
        assert_eq!(line.due(190), Some((true, 190)));
    }

    #[test]
    fn a_glitch_does_not_count() {
        let mut line = Debounce::new(100, true);
        line.change(false, 0);
        line.change(true, 10);
        assert_eq!((line.due(200), line.level()), (None, true));
    }
}
