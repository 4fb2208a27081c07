// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much of what frontends do may be logged.

use crate::clock;

/// Messages that may come at once: all of a host's guests may start together.
const AT_ONCE: u64 = 100;

/// Nanoseconds after which one more may come: a frontend that does its worst adds some ten megabytes a day.
const ONE_MORE_NS: u64 = 1_000_000_000;

/// Counts the messages that frontends cause: they must not be able to fill the log, nor to hold up
/// the daemon by it.
#[derive(Debug)]
pub struct LogLimit {
    left: u64,
    /// When the last of them was added to those that are left.
    filled_ns: u64,
    left_out: u64,
}

impl Default for LogLimit {
    fn default() -> Self {
        Self { left: AT_ONCE, filled_ns: clock::now_ns(), left_out: 0 }
    }
}

impl LogLimit {
    /// Whether one more may be logged now, which is counted. How many may not is told before the next that may.
    pub fn allows_one(&mut self) -> bool {
        let allowed = self.allows_one_at(clock::now_ns());
        if allowed && self.left_out > 0 {
            let count = std::mem::take(&mut self.left_out);
            log::warn!("{count} messages of what frontends did were left out: too many at once");
        }
        allowed
    }

    fn allows_one_at(&mut self, now_ns: u64) -> bool {
        let more = now_ns.saturating_sub(self.filled_ns) / ONE_MORE_NS;
        self.filled_ns += more * ONE_MORE_NS;
        self.left = AT_ONCE.min(self.left.saturating_add(more));
        let allowed = self.left > 0;
        self.left -= u64::from(allowed);
        self.left_out += u64::from(!allowed);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_allowed_at_once_and_one_a_second() {
        let mut limit = LogLimit { left: AT_ONCE, filled_ns: 0, left_out: 0 };
        let mut allowed =
            |from: u64| (0..1000).filter(|i| limit.allows_one_at(from * ONE_MORE_NS + i)).count();
        assert_eq!(allowed(0), 100);
        assert_eq!(allowed(1), 1);
        assert_eq!(allowed(4), 3);
        assert_eq!(allowed(1000), 100, "no more than at first, however long it was quiet");
        assert_eq!(limit.left_out, 4000 - 204);
    }
}
