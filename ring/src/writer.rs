// SPDX-License-Identifier: MIT OR Apache-2.0
//! The frontend's end.
#![forbid(unsafe_code)]

use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::fence;

use crate::memory::{Memory, OpenError, Word};

/// Writes what the backend reads.
#[derive(Debug)]
pub struct Writer {
    memory: Memory,
    /// Bytes written so far, modulo 2^32.
    written: u32,
}

impl Writer {
    /// The ring whose memory the backend has sent; its descriptor is not needed any more.
    ///
    /// # Errors
    /// [`OpenError`]: it is no ring.
    pub fn open(memory: BorrowedFd<'_>) -> Result<Self, OpenError> {
        Ok(Self { memory: Memory::open(memory)?, written: 0 })
    }

    /// Writes as much of `bytes` as there is room for; returns how many bytes that were.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        let count = self.room().min(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        let (bytes, _) = bytes.split_at(count as usize);
        self.memory.store(self.written, bytes);
        self.written = self.written.wrapping_add(count);
        self.memory.word(Word::Written).store(self.written, Release);
        count as usize
    }

    /// Whether the backend sleeps. It is to be woken by a doorbell: this is true once.
    #[must_use]
    pub fn rings(&self) -> bool {
        // Pairs with the fence of `Reader::sleep`.
        fence(SeqCst);
        let asleep = self.memory.word(Word::Asleep);
        asleep.load(Relaxed) != 0 && asleep.swap(0, AcqRel) != 0
    }

    /// Asks to be told of room, as what was to be written did not fit. False if there is some
    /// already: then nobody may tell.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.memory.word(Word::Waiting).store(1, Relaxed);
        // Pairs with the fence of `Reader::has_room_for_one_who_waits`.
        fence(SeqCst);
        self.room() == 0
    }

    /// Bytes that can be written now. A backend that has read more than there was gets no more.
    fn room(&self) -> u32 {
        let unread = self.written.wrapping_sub(self.memory.word(Word::Read).load(Acquire));
        self.memory.size().saturating_sub(unread)
    }
}
