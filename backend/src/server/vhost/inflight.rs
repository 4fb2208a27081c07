// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory that outlives the daemon: which chains of each queue are out, by the layout of QEMU's
//! `docs/interop/vhost-user.rst` ("Inflight I/O tracking", split virtqueues), and behind that what the guest
//! has made of its lines.
//!
//! The virtual machine monitor keeps it, and may write anything to it.

use std::fs::File;
use std::os::unix::fs::MetadataExt;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use vgpio_protocol::limits::MAX_LINES;
use vgpio_virtio::QUEUES;
use vhost::vhost_user::message::VhostUserInflight;

use super::error::Refused;
use super::memory::{Region, Shared, Table};
use super::ring::MAX_SIZE;
use super::track::{self, Words};

/// Before the lines' words, once they are there: the layout of these.
const LINES: u64 = u64::from_le_bytes(*b"vgpio\0\0\x01");

/// Bytes from the mark on.
const LINES_SIZE: u64 = 8 * (1 + MAX_LINES as u64);

/// The memory.
#[derive(Debug)]
pub struct Inflight {
    shared: Shared,
    words: Words,
    /// The file, and where it begins there.
    place: (u64, u64, u64),
    /// Entries of each queue.
    size: u16,
    /// The lines' words that are there; 0 behind the last.
    lines: [u64; MAX_LINES],
    has_lines: bool,
    /// Those that another daemon has left, until they are taken.
    found: Option<Vec<u64>>,
}

/// Bytes of all, for queues of so many entries.
fn size_of(entries: u16) -> u64 {
    lines_at(entries) + LINES_SIZE
}

fn lines_at(entries: u16) -> u64 {
    QUEUES as u64 * track::size_of(entries)
}

fn checked(asked: &VhostUserInflight) -> Result<u16, Refused> {
    let is_right = usize::from(asked.num_queues) == QUEUES && asked.queue_size <= MAX_SIZE;
    let right = Some(asked.queue_size).filter(|size| is_right && *size > 0);
    right.ok_or(Refused::Inflight)
}

impl Inflight {
    /// Makes such memory, for the virtual machine monitor to keep.
    ///
    /// # Errors
    /// It asks for other queues than there are, or the host denies memory.
    pub fn create(asked: &VhostUserInflight) -> Result<(VhostUserInflight, File), Refused> {
        let entries = checked(asked)?;
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let file = memfd_create("vgpio-inflight", flags).map_err(std::io::Error::from)?;
        let file = File::from(file);
        file.set_len(size_of(entries))?;
        let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals)).map_err(std::io::Error::from)?;
        let queues = asked.num_queues;
        Ok((VhostUserInflight::new(size_of(entries), 0, queues, entries), file))
    }

    /// Takes memory that a virtual machine monitor has kept.
    ///
    /// # Errors
    /// It is no such memory, or too small.
    pub fn adopt(given: &VhostUserInflight, file: &File) -> Result<Self, Refused> {
        let size = checked(given)?;
        if given.mmap_size < size_of(size) {
            return Err(Refused::Inflight);
        }
        let region = Region { guest: 0, size: size_of(size), user: 0, offset: given.mmap_offset };
        let mut table = Table::default();
        table.add(region, file).map_err(|refused| match refused {
            Refused::Region => Refused::Inflight,
            other => other,
        })?;
        let shared = table.shared()?;
        let metadata = file.metadata()?;
        let words = Words::new(shared.memory.clone());
        let mut inflight = Self {
            shared,
            words,
            place: (metadata.dev(), metadata.ino(), given.mmap_offset),
            size,
            lines: [0; MAX_LINES],
            has_lines: false,
            found: None,
        };
        inflight.read_lines();
        Ok(inflight)
    }

    /// Whether both are the same memory.
    pub fn is(&self, other: &Self) -> bool {
        self.place == other.place
    }

    /// Whether another daemon has left word of lines there, which nobody has taken.
    pub fn is_left(&self) -> bool {
        self.found.is_some()
    }

    /// Whether some of it has turned out not to be there.
    pub fn is_cut(&self) -> bool {
        self.shared.is_cut()
    }

    /// What keeps track of a queue's chains.
    pub fn track(&self, queue: usize) -> track::Track {
        let at = queue as u64 * track::size_of(self.size);
        track::Track::new(self.words.clone(), at, self.size)
    }

    /// What a guest had made of its lines, if another daemon has left word of it. Until it is taken,
    /// nothing is kept in its place.
    pub fn take_lines(&mut self) -> Option<Vec<u64>> {
        self.found.take()
    }

    fn read_lines(&mut self) {
        let at = lines_at(self.size);
        self.has_lines = self.words.get::<u64>(at) == LINES;
        if self.has_lines {
            for (to, offset) in self.lines.iter_mut().zip((at + 8..).step_by(8)) {
                *to = self.words.get(offset);
            }
            self.found = Some(self.lines.to_vec());
        }
    }

    /// Keeps what the guest has made of its lines. Each word is written at once, so that none is torn when
    /// the daemon is killed.
    pub fn save(&mut self, lines: impl Iterator<Item = u64>) {
        if self.found.is_some() {
            return;
        }
        let at = lines_at(self.size);
        let rest = lines.chain(std::iter::repeat(0));
        for ((kept, offset), word) in self.lines.iter_mut().zip((at + 8..).step_by(8)).zip(rest) {
            if !self.has_lines || *kept != word {
                self.words.put(offset, word);
                *kept = word;
            }
        }
        if !self.has_lines {
            self.words.put(at, LINES);
            self.has_lines = true;
        }
    }
}
