// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long those who come and go may take, so that many of them do not take all the time of others.

use std::time::{Duration, Instant};

/// Of so much time, those who come and go have one part.
const PARTS: u32 = 20;

/// How much they have at once after a quiet time: as much as a hundred of them take.
const SAVED: Duration = Duration::from_millis(10);

/// What one of them is held to have taken at most: on a slow or busy host, those who come do not wait for long.
pub(super) const MOST: Duration = Duration::from_micros(100);

/// The time that they have: it is spent by what they do, and earned as time passes.
pub(super) struct Allowance {
    /// When all that was spent is earned again.
    earned: Instant,
}

impl Allowance {
    /// All of it is there.
    pub fn new(now: Instant) -> Self {
        Self { earned: now }
    }

    /// How long to wait until one may pass.
    pub fn wait(&self, now: Instant) -> Duration {
        self.earned.saturating_duration_since(now).saturating_sub(SAVED * PARTS)
    }

    /// One has passed, in so much time.
    pub fn spend(&mut self, time: Duration, now: Instant) {
        self.earned = self.earned.max(now) + time.min(MOST) * PARTS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long a crowd takes whose every passage takes so long.
    fn crowd(count: u32, each: Duration) -> Duration {
        let begun = Instant::now();
        let mut allowance = Allowance::new(begun);
        (0..count).fold(begun, |now, _| {
            let end = now + allowance.wait(now) + each;
            allowance.spend(each, end);
            end
        }) - begun
    }

    #[test]
    fn few_pass_at_once() {
        assert_eq!(crowd(100, MOST), 100 * MOST);
    }

    #[test]
    fn a_crowd_has_its_part_of_the_time() {
        for each in [20, 50, 100].map(Duration::from_micros) {
            let (all, took) = (each * 1000, crowd(1000, each));
            assert!(
                took <= all * PARTS && took + SAVED * PARTS * 2 >= all * PARTS,
                "{took:?} for {all:?}"
            );
        }
    }

    #[test]
    fn on_a_slow_host_a_crowd_waits_for_what_each_takes_at_most() {
        let each = Duration::from_millis(1);
        assert!(crowd(1000, each) <= MOST * PARTS * 1000);
    }

    #[test]
    fn what_is_saved_has_an_end() {
        let begun = Instant::now();
        let mut allowance = Allowance::new(begun);
        let now = begun + Duration::from_secs(3600);
        let count = SAVED.as_micros() / MOST.as_micros() + 1;
        (0..count).for_each(|_| allowance.spend(MOST, now));
        assert_eq!(allowance.wait(now), MOST * PARTS);
    }
}
