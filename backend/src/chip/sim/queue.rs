// SPDX-License-Identifier: MIT OR Apache-2.0
//! Things to be read, of which the oldest are dropped when they are not.

use std::collections::VecDeque;

use crate::chip::signal::Signal;

/// Most that a queue keeps, as many as the kernel does (`gpiolib-cdev.c`,
/// `GPIO_V2_LINES_MAX * 16`). It takes memory only as it fills.
const LENGTH: usize = 1024;

/// A bounded queue with a signal that is raised while there is something in it.
#[derive(Debug)]
pub struct Queue<T> {
    items: VecDeque<T>,
    lost: u32,
    pub signal: Signal,
}

impl<T> Queue<T> {
    /// An empty queue.
    pub fn new() -> nix::Result<Self> {
        Ok(Self { items: VecDeque::new(), lost: 0, signal: Signal::new()? })
    }

    /// Adds what comes last.
    pub fn push(&mut self, item: T) {
        if self.items.len() >= LENGTH {
            self.items.pop_front();
            self.lost = self.lost.saturating_add(1);
        }
        self.items.push_back(item);
        self.signal.raise();
    }

    /// Moves what came first to `items`, as much as it has room for without growing. Returns how
    /// many were dropped since the last call.
    pub fn read(&mut self, items: &mut Vec<T>) -> u32 {
        let room = (items.capacity() - items.len()).min(self.items.len());
        items.extend(self.items.drain(..room));
        if self.items.is_empty() {
            self.signal.lower();
        }
        std::mem::take(&mut self.lost)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

    use super::*;

    #[test]
    fn the_oldest_are_dropped_and_counted() {
        let mut queue = Queue::new().unwrap();
        (0..LENGTH + 3).for_each(|i| queue.push(i));
        let mut items = Vec::with_capacity(LENGTH);
        assert_eq!(queue.read(&mut items), 3);
        assert_eq!(items, (3..LENGTH + 3).collect::<Vec<_>>());
        assert_eq!(queue.read(&mut items), 0);
    }

    #[test]
    fn no_more_is_read_than_there_is_room_for() {
        let mut queue = Queue::new().unwrap();
        (0..3).for_each(|i| queue.push(i));
        let mut items = Vec::with_capacity(2);
        let room = items.capacity();
        queue.read(&mut items);
        assert_eq!(items, (0..room.min(3)).collect::<Vec<_>>());
        assert_eq!(items.capacity(), room);
    }
}
