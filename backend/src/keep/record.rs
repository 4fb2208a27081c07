// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the next daemon must know of lines that are kept, in memory that is kept beside them.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::chip::{ChipInfo, Offset};

/// Where the number of the slot in force stands, and where the two slots begin.
const IN_FORCE_AT: u64 = 0;
const SLOTS_AT: u64 = 4096;
/// Bytes of a slot: 64 lines take less than a third of it.
const SLOT: usize = 64 * 1024;

/// Lines in one request, and who has them. Directions, levels and settings in force are not in it: the
/// kernel tells them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Name of the chip: `gpiochip0`.
    pub chip: String,
    /// Its label.
    pub label: String,
    /// What the user calls it: its name may be another one when it has gone and come back.
    pub called: String,
    /// How many lines it has.
    pub chip_lines: u32,
    /// The lines, in the order of the request.
    pub lines: Vec<LineNote>,
    /// Consumer of the lines, as the host shows it.
    pub consumer: String,
    /// The export that they were attached by; none of a line map.
    pub export: Option<String>,
    /// Who has them; none if they were left in a safe state.
    pub guest: Option<Guest>,
}

/// A line of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineNote {
    /// Its offset on the chip.
    pub offset: Offset,
    /// What the map or export says of it, as keys of a line map.
    pub settings: String,
}

/// A frontend, as the next daemon knows it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guest {
    /// Its user.
    pub uid: u32,
    /// Its process.
    pub pid: i32,
    /// What it calls itself.
    pub name: String,
}

impl Guest {
    /// Whether it may still come, as far as can be known: its process is there.
    #[must_use]
    pub fn may_come(&self) -> bool {
        self.pid > 0 && kill(Pid::from_raw(self.pid), None) != Err(Errno::ESRCH)
    }
}

impl Note {
    /// Whether this is the chip.
    #[must_use]
    pub fn is_of(&self, chip: &ChipInfo) -> bool {
        (&chip.name, &chip.label, chip.lines) == (&self.chip, &self.label, self.chip_lines)
    }
}

/// Memory with a note. Whenever the daemon is killed, it has the note before or the one after.
#[derive(Debug)]
pub struct Record(File);

impl Record {
    /// Memory with a first note.
    ///
    /// # Errors
    /// When the host has no room for it.
    pub fn new(note: &Note) -> io::Result<Self> {
        let memory = memfd_create(c"vgpio-lines", MFdFlags::MFD_CLOEXEC)?;
        let record = Self(File::from(memory));
        record.write(note)?;
        Ok(record)
    }

    /// Memory that another daemon has left.
    #[must_use]
    pub fn left(memory: OwnedFd) -> Self {
        Self(File::from(memory))
    }

    /// Puts another note in the place of the present one.
    ///
    /// # Errors
    /// When the host has no room for it; then the present one stays.
    pub fn write(&self, note: &Note) -> io::Result<()> {
        let next = 1 - self.in_force()?;
        let mut text = serde_json::to_vec(note)?;
        text.resize(text.len().max(SLOT), b' ');
        if text.len() > SLOT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.write_all_at(&text, slot_at(next))?;
        self.0.write_all_at(&[next], IN_FORCE_AT)
    }

    /// The note in force.
    ///
    /// # Errors
    /// When there is none, or not one that this daemon understands.
    pub fn read(&self) -> io::Result<Note> {
        let mut text = vec![0; SLOT];
        self.0.read_exact_at(&mut text, slot_at(self.in_force()?))?;
        Ok(serde_json::from_slice(&text)?)
    }

    fn in_force(&self) -> io::Result<u8> {
        let mut number = [0];
        self.0.read_at(&mut number, IN_FORCE_AT)?;
        let [number] = number;
        Ok(number & 1)
    }
}

impl AsFd for Record {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn slot_at(number: u8) -> u64 {
    SLOTS_AT + u64::from(number) * SLOT as u64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

    use super::*;

    fn note(lines: u32, name: &str) -> Note {
        Note {
            chip: "gpiochip0".into(),
            label: "chip".into(),
            called: "chip".into(),
            chip_lines: lines,
            lines: (0..lines)
                .map(|offset| LineNote { offset, settings: "init=as-is,safe=release".repeat(8) })
                .collect(),
            consumer: "vgpio:guest".into(),
            export: None,
            guest: Some(Guest { uid: 1, pid: 2, name: name.into() }),
        }
    }

    #[test]
    fn the_last_note_is_found_by_another_process() {
        let record = Record::new(&note(64, "first")).unwrap();
        for name in ["second", "third"] {
            record.write(&note(64, name)).unwrap();
            let left = Record::left(record.as_fd().try_clone_to_owned().unwrap());
            assert_eq!(left.read().unwrap(), note(64, name));
        }
    }

    #[test]
    fn a_note_that_is_half_written_is_not_in_force() {
        let record = Record::new(&note(64, "first")).unwrap();
        record.write(&note(64, "second")).unwrap();
        let next = 1 - record.in_force().unwrap();
        record.0.write_all_at(b"{\"chip\":", slot_at(next)).unwrap();
        assert_eq!(record.read().unwrap(), note(64, "second"));
    }

    #[test]
    fn memory_without_a_note_is_none() {
        let memory = memfd_create(c"other", MFdFlags::MFD_CLOEXEC).unwrap();
        assert!(Record::left(memory).read().is_err());
    }
}
