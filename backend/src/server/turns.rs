// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who goes on in a next turn of the loop.

use std::collections::VecDeque;

/// Those who have more to do, first come first served: each is in it at most once, and has at most
/// one turn in a turn of the loop.
pub struct Turns<K> {
    queue: VecDeque<K>,
    /// How many of the first may go on in this turn of the loop; the others have had theirs.
    due: usize,
}

impl<K: Copy + PartialEq> Turns<K> {
    pub fn new() -> Self {
        Self { queue: VecDeque::new(), due: 0 }
    }

    /// A turn of the loop begins: all that wait may go on in it. Returns whether any do.
    pub fn begin(&mut self) -> bool {
        self.due = self.queue.len();
        self.due > 0
    }

    /// Lets `key` go on in the next turn of the loop, or when it is to go on anyway.
    pub fn push(&mut self, key: K) {
        if !self.contains(key) {
            self.queue.push_back(key);
        }
    }

    pub fn contains(&self, key: K) -> bool {
        self.queue.contains(&key)
    }

    /// The next that may go on in this turn of the loop.
    pub fn next_due(&mut self) -> Option<K> {
        self.due = self.due.checked_sub(1)?;
        self.queue.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::Turns;

    #[test]
    fn whoever_is_named_often_has_one_turn_and_then_waits_for_the_next() {
        let mut turns = Turns::new();
        assert!(!turns.begin());
        for key in [1, 2, 1, 1, 2] {
            turns.push(key);
        }
        assert_eq!(turns.next_due(), None, "it has had its turn in this one");
        assert!(turns.begin());
        assert_eq!(turns.next_due(), Some(1));
        turns.push(1);
        turns.push(2);
        assert_eq!(turns.next_due(), Some(2));
        assert_eq!(turns.next_due(), None);
        assert!(turns.begin());
        assert_eq!(turns.next_due(), Some(1));
        assert_eq!(turns.next_due(), None);
        assert!(!turns.begin());
    }
}
