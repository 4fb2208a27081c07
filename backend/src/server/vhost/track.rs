// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which chains of a queue are out, in memory that outlives the daemon: `QueueRegionSplit` of QEMU's
//! `docs/interop/vhost-user.rst`.

use std::sync::atomic::Ordering;

use vm_memory::{AtomicAccess, Bytes, GuestAddress};

use super::chain::Memory;
use super::error::Refused;

/// The version of the layout; 0 is that of memory that has not been used.
const VERSION: u16 = 1;
/// Offsets in a queue's region.
const VERSION_AT: u64 = 8;
const COUNT_AT: u64 = 10;
const LAST_AT: u64 = 12;
const USED_AT: u64 = 14;
const ENTRIES_AT: u64 = 16;
/// Bytes of an entry (`DescStateSplit`), and offsets in it.
const ENTRY_SIZE: u64 = 16;
const NEXT_AT: u64 = 6;
const COUNTER_AT: u64 = 8;
/// Regions begin at cache lines of their own.
const ALIGNMENT: u64 = 64;

/// Bytes of the region of a queue with so many entries.
pub fn size_of(entries: u16) -> u64 {
    (ENTRIES_AT + ENTRY_SIZE * u64::from(entries)).next_multiple_of(ALIGNMENT)
}

/// The memory, word by word. Each is there before the next, for whoever finds it when the daemon was killed.
#[derive(Clone, Debug)]
pub struct Words(Memory);

impl Words {
    /// All offsets that are used must be in this memory, and aligned.
    pub fn new(memory: Memory) -> Self {
        Self(memory)
    }

    pub fn get<T: AtomicAccess + Default>(&self, at: u64) -> T {
        self.0.load(GuestAddress(at), Ordering::Acquire).unwrap_or_default()
    }

    pub fn put<T: AtomicAccess>(&self, at: u64, value: T) {
        let written = self.0.store(value, GuestAddress(at), Ordering::Release);
        debug_assert!(written.is_ok(), "{at:#x} is outside");
    }
}

/// A queue's region.
#[derive(Debug)]
pub struct Track {
    words: Words,
    at: u64,
    /// Entries of the queue.
    size: u16,
    /// Chains that were taken.
    counter: u64,
    is_read: bool,
}

impl Track {
    pub fn new(words: Words, at: u64, size: u16) -> Self {
        Self { words, at, size, counter: 0, is_read: false }
    }

    fn entry(&self, head: u16) -> u64 {
        self.at + ENTRIES_AT + ENTRY_SIZE * u64::from(head)
    }

    /// A chain has been taken.
    pub fn take(&mut self, head: u16) {
        let entry = self.entry(head);
        self.words.put(entry + COUNTER_AT, self.counter);
        self.words.put(entry, 1_u8);
        self.counter = self.counter.wrapping_add(1);
    }

    /// A chain is about to be returned.
    pub fn before_return(&self, head: u16) {
        let last: u16 = self.words.get(self.at + LAST_AT);
        self.words.put(self.entry(head) + NEXT_AT, last);
        self.words.put(self.at + LAST_AT, head);
    }

    /// It has been, as the one before this entry of the used ring.
    pub fn after_return(&self, head: u16, used: u16) {
        self.words.put(self.entry(head), 0_u8);
        self.words.put(self.at + USED_AT, used);
    }

    /// The driver has begun anew: no chain is out.
    pub fn clear(&mut self) {
        for head in 0..self.size {
            self.words.put(self.entry(head), 0_u8);
        }
        self.words.put(self.at + USED_AT, 0_u16);
    }

    /// Looks what another daemon has left: the chains that are out, in the order in which they were taken;
    /// `None` if there was none, or the look was taken before. The queue has `size` entries, and `used` and `available` are its indices.
    ///
    /// # Errors
    /// It cannot be of this queue.
    pub fn recover(
        &mut self,
        size: u16,
        used: u16,
        available: u16,
    ) -> Result<Option<Vec<u16>>, Refused> {
        if size > self.size {
            return Err(Refused::Inflight);
        }
        if std::mem::replace(&mut self.is_read, true) {
            return Ok(None);
        }
        match self.words.get::<u16>(self.at + VERSION_AT) {
            0 => {
                self.clear();
                self.words.put(self.at + USED_AT, used);
                self.words.put(self.at + COUNT_AT, self.size);
                self.words.put(self.at + VERSION_AT, VERSION);
                return Ok(None);
            }
            VERSION if self.words.get::<u16>(self.at + COUNT_AT) == self.size => {}
            _ => return Err(Refused::Inflight),
        }
        self.end_return(used)?;
        let is_out = |head: &u16| self.words.get::<u8>(self.entry(*head)) == 1;
        let mut out: Vec<u16> = (0..size).filter(is_out).collect();
        let counter = |head: &u16| self.words.get::<u64>(self.entry(*head) + COUNTER_AT);
        // Each is read once: the monitor may change them meanwhile, and a sort panics where there is no order.
        out.sort_by_cached_key(counter);
        self.counter = out.last().map_or(0, |last| counter(last).wrapping_add(1));
        // No more can have been taken than were made available and are not returned.
        if out.len() > usize::from(available.wrapping_sub(used)) {
            return Err(Refused::Inflight);
        }
        Ok(Some(out))
    }

    /// Notes chains that were returned just when the daemon was killed.
    fn end_return(&self, used: u16) -> Result<(), Refused> {
        let noted: u16 = self.words.get(self.at + USED_AT);
        let count = used.wrapping_sub(noted);
        let mut head: u16 = self.words.get(self.at + LAST_AT);
        if count > self.size {
            return Err(Refused::Inflight);
        }
        for _ in 0..count {
            if head >= self.size {
                return Err(Refused::Inflight);
            }
            self.words.put(self.entry(head), 0_u8);
            head = self.words.get(self.entry(head) + NEXT_AT);
        }
        self.words.put(self.at + USED_AT, used);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

    use std::panic::{self, AssertUnwindSafe};
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;

    const SIZE: u16 = 8;

    /// Memory that a daemon has left which took these heads.
    fn left(heads: &[u16]) -> Words {
        let words = Words::new(Memory::from_ranges(&[(GuestAddress(0), 0x1000)]).unwrap());
        let mut track = track(&words);
        assert_eq!(track.recover(SIZE, 5, 5).unwrap(), None);
        for head in heads {
            track.take(*head);
        }
        words
    }

    fn track(words: &Words) -> Track {
        Track::new(words.clone(), 64, SIZE)
    }

    fn entry(head: u16) -> u64 {
        64 + ENTRIES_AT + ENTRY_SIZE * u64::from(head)
    }

    #[test]
    fn chains_that_are_out_are_found_in_the_order_in_which_they_were_taken() {
        let words = left(&[3, 7, 0]);
        let mut next = track(&words);
        assert_eq!(next.recover(SIZE, 5, 8).unwrap(), Some(vec![3, 7, 0]));
        assert_eq!(next.recover(SIZE, 5, 8).unwrap(), None, "they are known");
        next.before_return(7);
        next.after_return(7, 6);
        next.take(7);
        assert_eq!(track(&words).recover(SIZE, 6, 9).unwrap(), Some(vec![3, 0, 7]));
        next.clear();
        assert_eq!(track(&words).recover(SIZE, 0, 9).unwrap(), Some(vec![]));
    }

    #[test]
    fn a_return_is_ended_wherever_it_was_left() {
        let words = left(&[3, 7]);
        track(&words).before_return(3);
        assert_eq!(track(&words).recover(SIZE, 5, 7).unwrap(), Some(vec![3, 7]), "not returned");
        assert_eq!(track(&words).recover(SIZE, 6, 7).unwrap(), Some(vec![7]), "returned");
        assert_eq!(track(&words).recover(SIZE, 6, 7).unwrap(), Some(vec![7]), "and noted");
    }

    #[test]
    fn counters_that_change_while_they_are_read_do_no_harm() {
        const MANY: u16 = 1024;
        let words = Words::new(Memory::from_ranges(&[(GuestAddress(0), 0x8000)]).unwrap());
        let track = || Track::new(words.clone(), 0, MANY);
        let mut first = track();
        first.recover(MANY, 0, 0).unwrap();
        (0..MANY).for_each(|head| first.take(head));
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut number = 1_u64;
                while !is_over.load(Ordering::Relaxed) {
                    number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                    let head = u16::try_from(number >> 54).unwrap();
                    let counter = ENTRIES_AT + ENTRY_SIZE * u64::from(head) + COUNTER_AT;
                    words.put(counter, number.rotate_left(32));
                }
            });
            let recover = || track().recover(MANY, 0, MANY).map(|out| out.unwrap().len());
            let found = panic::catch_unwind(AssertUnwindSafe(|| {
                (0..100).all(|_| recover().is_ok_and(|count| count == usize::from(MANY)))
            }));
            is_over.store(true, Ordering::Relaxed);
            assert!(found.unwrap(), "all are out");
        });
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused = |change: &dyn Fn(&Words), used| {
            let words = left(&[3, 7]);
            change(&words);
            matches!(track(&words).recover(SIZE, used, 7), Err(Refused::Inflight))
        };
        assert!(!refused(&|_| {}, 5));
        assert!(refused(&|words| words.put(64 + VERSION_AT, 2_u16), 5));
        assert!(refused(&|words| words.put(64 + COUNT_AT, SIZE - 1), 5));
        assert!(refused(&|words| words.put(entry(1), 1_u8), 5), "more than were made available");
        assert!(refused(&|words| words.put(64 + LAST_AT, SIZE), 6), "outside the queue");
        assert!(refused(&|_| {}, 6 + SIZE), "more than fit were returned");
        let words = left(&[]);
        assert!(track(&words).recover(SIZE + 1, 5, 5).is_err(), "a larger queue");
    }
}
