// SPDX-License-Identifier: MIT OR Apache-2.0
//! The backend's end.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::fence;

use thiserror::Error;

use crate::memory::{Memory, Word};

/// The frontend claims to have written more than there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "the ring's count of written bytes is {ahead} ahead of what was read; it has room for {size}"
)]
pub struct Torn {
    ahead: u32,
    size: u32,
}

/// Reads what a frontend writes.
#[derive(Debug)]
pub struct Reader {
    memory: Memory,
    /// Bytes read so far, modulo 2^32; what stands in the memory is for the frontend.
    read: u32,
    /// Where the stream ends, once it does.
    end: Option<u32>,
}

impl Reader {
    /// A new ring, and the descriptor of its memory, to be sent to the frontend. The memory, 36 KiB,
    /// is taken at once and freed with the last of both.
    ///
    /// # Errors
    /// The system gives no memory or no descriptor.
    pub fn new() -> io::Result<(Self, OwnedFd)> {
        let (memory, fd) = Memory::new()?;
        Ok((Self { memory, read: 0, end: None }, fd))
    }

    /// Moves what has been written to `into`, as much as there is room for; returns how many bytes
    /// that were.
    ///
    /// # Errors
    /// [`Torn`]. Nothing of the ring can be trusted any more.
    pub fn read(&mut self, into: &mut [u8]) -> Result<usize, Torn> {
        let end = self.end.unwrap_or_else(|| self.memory.word(Word::Written).load(Acquire));
        let (ahead, size) = (end.wrapping_sub(self.read), self.memory.size());
        if ahead > size {
            return Err(Torn { ahead, size });
        }
        let count = ahead.min(u32::try_from(into.len()).unwrap_or(u32::MAX));
        let (into, _) = into.split_at_mut(count as usize);
        self.memory.load(self.read, into);
        self.read = self.read.wrapping_add(count);
        self.memory.word(Word::Read).store(self.read, Release);
        Ok(count as usize)
    }

    /// Whether all that has been written has been read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end.unwrap_or_else(|| self.memory.word(Word::Written).load(Acquire)) == self.read
    }

    /// Asks for a doorbell with the next bytes. False if there are some already: then there may be none.
    #[must_use]
    pub fn sleep(&self) -> bool {
        self.memory.word(Word::Asleep).store(1, Relaxed);
        // Pairs with the fence of `Writer::rings`: of both sides, at least one sees what the other wrote.
        fence(SeqCst);
        let sleeps = self.is_empty();
        if !sleeps {
            self.memory.word(Word::Asleep).store(0, Relaxed);
        }
        sleeps
    }

    /// Whether the frontend waits for room and there is some now. It is to be told: this is true once.
    #[must_use]
    pub fn has_room_for_one_who_waits(&self) -> bool {
        // Pairs with the fence of `Writer::waits`.
        fence(SeqCst);
        let waiting = self.memory.word(Word::Waiting);
        waiting.load(Relaxed) != 0 && waiting.swap(0, AcqRel) != 0
    }

    /// The frontend has gone: what others, who have the memory too, write from now on is not read.
    pub fn end(&mut self) {
        let written = || self.memory.word(Word::Written).load(Acquire);
        self.end = Some(self.end.unwrap_or_else(written));
    }
}
