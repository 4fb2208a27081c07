// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory that both ends have mapped, and what is where in it.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU8, AtomicU32};

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{
    FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, fcntl_get_seals, fstat,
    memfd_create,
};
use rustix::io::Errno;
use thiserror::Error;

/// Bytes that a ring of this backend holds: about a thousand sets.
pub const SIZE: usize = 32 * 1024;

/// Least and greatest ring that a frontend takes, in bytes.
const SIZES: std::ops::RangeInclusive<usize> = 4096..=1024 * 1024;

/// What the system calls the memory.
const NAME: &str = "vgpio-ring";

/// Where the bytes begin; before them are the words, each on a cache line of its own.
const HEADER: usize = 4096;

/// A word of the header.
#[derive(Clone, Copy)]
pub(crate) enum Word {
    /// Bytes written so far, modulo 2^32. The frontend's.
    Written = 0,
    /// Bytes read so far, modulo 2^32. The backend's.
    Read = 64,
    /// Not 0: the backend wants a doorbell. It sets it, who rings or is awake clears it.
    Asleep = 128,
    /// Not 0: the frontend waits for room. It sets it, the backend clears it.
    Waiting = 192,
}

/// Why a descriptor is no ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// It could be cut short under whoever uses it.
    #[error("the memory of the ring is not sealed against shrinking (F_SEAL_SHRINK)")]
    NotSealed,
    /// It has no place for the words, or its bytes are too few, too many, or no power of two.
    #[error(
        "the memory of the ring has {0} bytes; 4096 and a power of two from 4096 to 1048576 are needed"
    )]
    Size(u64),
    /// The system does not map it.
    #[error("the memory of the ring cannot be mapped")]
    Host(#[from] Errno),
}

/// Mapped memory of a ring.
#[derive(Debug)]
pub(crate) struct Memory {
    map: MmapRaw,
    size: usize,
}

impl Memory {
    /// Makes it; the descriptor is for the other end.
    pub fn new() -> io::Result<(Self, OwnedFd)> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let made = match memfd_create(NAME, flags | MemfdFlags::NOEXEC_SEAL) {
            // Linux before 6.3 does not know it, some hosts demand it.
            Err(Errno::INVAL) => memfd_create(NAME, flags),
            made => made,
        };
        let fd = made?;
        let length = HEADER + SIZE;
        // Taken now, for a page that the system cannot give later would be a SIGBUS. The frontend can give
        // pages back all the same (FALLOC_FL_PUNCH_HOLE): no seal forbids that and lets it write.
        fallocate(&fd, FallocateFlags::empty(), 0, length as u64)?;
        fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let map = MmapOptions::new().len(length).map_raw(&fd)?;
        Ok((Self { map, size: SIZE }, fd))
    }

    /// Maps what the other end has made.
    pub fn open(fd: BorrowedFd<'_>) -> Result<Self, OpenError> {
        let seals = fcntl_get_seals(fd)?;
        if !seals.contains(SealFlags::SHRINK) {
            return Err(OpenError::NotSealed);
        }
        let length = u64::try_from(fstat(fd)?.st_size).unwrap_or(0);
        let size = usize::try_from(length).ok().and_then(|length| length.checked_sub(HEADER));
        let size = size.filter(|size| size.is_power_of_two() && SIZES.contains(size));
        let size = size.ok_or(OpenError::Size(length))?;
        let map = MmapOptions::new().len(HEADER + size).map_raw(&fd);
        let map = map.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::NOMEM))?;
        Ok(Self { map, size })
    }

    /// At most 1 MiB.
    pub fn size(&self) -> u32 {
        u32::try_from(self.size).unwrap_or(u32::MAX)
    }

    #[expect(
        clippy::cast_ptr_alignment,
        reason = "a mapping begins at a page, a word at a multiple of 64"
    )]
    pub fn word(&self, word: Word) -> &AtomicU32 {
        let at = self.map.as_ptr().wrapping_add(word as usize).cast::<AtomicU32>();
        // SAFETY: the place is within the header, which is mapped for reading and writing as long as
        // `self` is, cannot shrink (it is sealed), and is aligned. Other
        // processes access it too, here it is only accessed atomically.
        unsafe { &*at }
    }

    /// Puts bytes at a place of the stream, where there must be room.
    pub fn store(&self, place: u32, bytes: &[u8]) {
        let (start, end) = self.around(place, bytes.len());
        let (first, second) = bytes.split_at(start.len());
        for (to, from) in start.iter().zip(first).chain(end.iter().zip(second)) {
            to.store(*from, Relaxed);
        }
    }

    /// Takes bytes from a place of the stream, where there must be so many.
    pub fn load(&self, place: u32, into: &mut [u8]) {
        let (start, end) = self.around(place, into.len());
        let (first, second) = into.split_at_mut(start.len());
        for (from, to) in start.iter().zip(first).chain(end.iter().zip(second)) {
            *to = from.load(Relaxed);
        }
    }

    /// What `count` bytes from a place of the stream on take: up to the end of the ring, and from its
    /// beginning.
    fn around(&self, place: u32, count: usize) -> (&[AtomicU8], &[AtomicU8]) {
        let (before, from) = self.bytes().split_at(place as usize % self.size);
        let first = count.min(from.len());
        (from.split_at(first).0, before.split_at(count - first).0)
    }

    fn bytes(&self) -> &[AtomicU8] {
        let at = self.map.as_ptr().wrapping_add(HEADER).cast::<AtomicU8>();
        // SAFETY: as in `word`; `size` bytes are mapped behind the header.
        unsafe { std::slice::from_raw_parts(at, self.size) }
    }
}
