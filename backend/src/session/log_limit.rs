// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much of what frontends do may be logged.

use crate::clock;

/// Messages per second.
const PER_SECOND: u32 = 20;

/// Counts the messages that frontends cause: they must not be able to fill the log, nor to hold up
/// the daemon by it.
#[derive(Debug, Default)]
pub struct LogLimit {
    second: u64,
    logged: u32,
}

impl LogLimit {
    /// Whether one more may be logged now, which is counted.
    pub fn allows_one(&mut self) -> bool {
        self.allows_one_at(clock::now_ns())
    }

    fn allows_one_at(&mut self, now_ns: u64) -> bool {
        let second = now_ns / 1_000_000_000;
        if std::mem::replace(&mut self.second, second) != second {
            self.logged = 0;
        }
        self.logged = self.logged.saturating_add(1);
        self.logged <= PER_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_second_are_allowed() {
        let mut limit = LogLimit::default();
        for second in 5..7 {
            let allowed = (0..1000).filter(|i| limit.allows_one_at(second * 1_000_000_000 + i));
            assert_eq!(allowed.count(), 20);
        }
    }
}
