// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is known of the lines of an attachment.
#![forbid(unsafe_code)]

use vgpio_protocol::{Bias, Configure, Drive, EdgeDetection, LineEntry, LineFlags, Lines};

/// A line of the attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The guest controller's line.
    pub vgpio: u16,
    /// Offset on the host chip.
    pub offset: u32,
    /// Output, active-low, shared, polled, lost.
    pub flags: LineFlags,
    /// Debounce period in microseconds, 0 for none.
    pub debounce_us: u32,
    /// Period at which the backend reads a polled line, in microseconds, else 0.
    pub poll_us: u32,
    /// Bias.
    pub bias: Bias,
    /// Drive.
    pub drive: Drive,
    /// The changes reported.
    pub edges: EdgeDetection,
    /// Name of the line; may be empty.
    pub name: String,
    /// Label of the host chip.
    pub chip: String,
}

impl Line {
    /// Takes over what was told to the backend, or by it, since it described the line.
    pub(super) fn update(&mut self, settings: Configure, output: bool, lost: bool) {
        let flags = [
            (LineFlags::OUTPUT, Some(output)),
            (LineFlags::LOST, Some(lost)),
            (LineFlags::ACTIVE_LOW, settings.active_low),
        ];
        for (flag, on) in flags {
            match on {
                Some(true) => self.flags.0 |= flag,
                Some(false) => self.flags.0 &= !flag,
                None => {}
            }
        }
        self.debounce_us = settings.debounce_us.unwrap_or(self.debounce_us);
        self.bias = settings.bias.unwrap_or(self.bias);
        self.drive = settings.drive.unwrap_or(self.drive);
        self.edges = settings.edges.unwrap_or(self.edges);
    }
}

impl From<LineEntry<'_>> for Line {
    fn from(entry: LineEntry<'_>) -> Self {
        Self {
            vgpio: entry.vgpio,
            offset: entry.offset,
            flags: entry.flags,
            debounce_us: entry.debounce_us,
            poll_us: entry.poll_us,
            bias: entry.bias,
            drive: entry.drive,
            edges: entry.edges,
            name: entry.name.to_owned(),
            chip: entry.chip.to_owned(),
        }
    }
}

/// The lines of an attachment: their numbers on the guest's controller, which a line map tells
/// before the backend does, and their description, from the first attachment on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub vgpios: Vec<u16>,
    pub lines: Vec<Line>,
}

impl Table {
    pub fn known_before(vgpios: Vec<u16>) -> Self {
        Self { vgpios, lines: Vec::new() }
    }

    pub fn new(lines: Lines<'_>) -> Self {
        let lines: Vec<Line> = lines.iter().map(Line::from).collect();
        Self { vgpios: lines.iter().map(|line| line.vgpio).collect(), lines }
    }

    /// The set of all lines; all 64 as long as nothing is known.
    pub fn all(&self) -> u64 {
        match self.vgpios.len() {
            0 => u64::MAX,
            count => u64::MAX >> 64_usize.saturating_sub(count).min(63),
        }
    }

    pub fn line_of_vgpio(&self, vgpio: u16) -> Option<usize> {
        self.vgpios.iter().position(|&v| v == vgpio)
    }

    pub fn twice(&self) -> Option<u16> {
        let seen = |i: usize| self.vgpios.iter().take(i);
        let mut numbered = self.vgpios.iter().enumerate();
        numbered.find(|(i, vgpio)| seen(*i).any(|v| v == *vgpio)).map(|(_, vgpio)| *vgpio)
    }

    /// The lines with all of these flags.
    pub fn with(&self, flags: u32) -> u64 {
        let numbered = self.lines.iter().enumerate();
        numbered.filter(|(_, line)| line.flags.has(flags)).fold(0, |set, (i, _)| set | 1 << i)
    }
}
