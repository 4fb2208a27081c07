// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a guest has made of its lines, in words that outlive the device: one for each line.
//!
//! | byte | |
//! |------|---|
//! | 0, 1 | the guest's line |
//! | 2 | direction |
//! | 3 | type of its interrupt; [`REFUSED`] if one was refused |
//! | 4 | bit 0: the level that it has, or will have as an output; bit 1: the level that was last known |
//! | 6, 7 | edges that wait for a buffer; the highest bit says that there is such a line |

use vgpio_protocol::{Configure, EdgeDetection, Request as Message};

use crate::device::Device;
use crate::irq::{Kept, LATCHED_MAX};
use crate::layout::{Direction, IrqType};
use crate::line::Line;
use crate::operation::{Operation, Work};

/// In place of an interrupt's type: one was refused.
const REFUSED: u8 = 0xff;
/// Of the last byte.
const PRESENT: u8 = 0x80;
const VALUE: u8 = 1;
const LEVEL: u8 = 2;

/// One line, as it was.
#[derive(Clone, Copy)]
struct Saved {
    gpio: u16,
    direction: Direction,
    irq: Kept,
    value: bool,
    level: bool,
}

impl Saved {
    /// Reads a word, which may be anything.
    fn decode(word: u64) -> Option<Self> {
        let [g0, g1, direction, irq, levels, _, l0, l1] = word.to_le_bytes();
        let direction = Direction::of(direction.into()).filter(|_| l1 & PRESENT != 0)?;
        let latched = u16::from_le_bytes([l0, l1 & !PRESENT]).min(LATCHED_MAX);
        let irq = match IrqType::of(irq.into()) {
            None if irq == REFUSED => Kept::Refused,
            Some(kind) if direction == Direction::In => Kept::Enabled { kind, latched },
            _ => Kept::NONE,
        };
        let (value, level) = (levels & VALUE != 0, levels & LEVEL != 0);
        Some(Self { gpio: u16::from_le_bytes([g0, g1]), direction, irq, value, level })
    }

    fn encode(self) -> u64 {
        let (irq, latched) = match self.irq {
            Kept::Enabled { kind, latched } => (kind as u8, latched),
            Kept::Refused => (REFUSED, 0),
        };
        let levels = if self.value { VALUE } else { 0 } | if self.level { LEVEL } else { 0 };
        let ([g0, g1], [l0, l1]) = (self.gpio.to_le_bytes(), latched.to_le_bytes());
        u64::from_le_bytes([g0, g1, self.direction as u8, irq, levels, 0, l0, l1 | PRESENT])
    }
}

impl<B> Device<B> {
    /// What the guest has made of its lines, a word each, for [`restore`](Self::restore).
    pub fn saved(&self) -> impl Iterator<Item = u64> {
        self.lines.iter().map(|line| {
            let Line { gpio, direction, value, level, .. } = *line;
            Saved { gpio, direction, irq: line.irq.kept(), value, level }.encode()
        })
    }

    /// Makes of the lines what a guest had made of them on another device, by the words of that. They may
    /// be anything: nothing comes of them but what the guest could ask for. Lines that are not there any
    /// more, or cannot be what they were, are as at first. To be called before any request, and no request
    /// may be made [until it is done](Self::is_restoring).
    pub fn restore(&mut self, saved: &[u64]) {
        let (mut first, mut seen) = (None, 0_u64);
        for saved in saved.iter().filter_map(|word| Saved::decode(*word)) {
            let Some(i) = self.index(saved.gpio).filter(|i| seen >> i & 1 == 0) else { continue };
            seen |= 1 << i;
            if let Some(change) = self.restore_line(i, saved) {
                let seq = self.posts.post(&Message::Configure(change));
                first.get_or_insert(seq);
                self.restoring.push((seq, i));
            }
        }
        if let Some(first) = first {
            let messages = (first, self.posts.post(&Message::Sync));
            let work = Work::Restore;
            self.operation = Some(Operation { messages, line: 0, work, failed: false });
        }
    }

    /// Whether the session has yet to make of the lines what they were.
    #[must_use]
    pub fn is_restoring(&self) -> bool {
        self.operation.as_ref().is_some_and(|operation| matches!(operation.work, Work::Restore))
    }

    /// Takes what was saved of a line for true; returns what the session has to do about it.
    fn restore_line(&mut self, i: usize, saved: Saved) -> Option<Configure> {
        let has_interrupts = self.has_interrupts();
        let line = self.lines.get_mut(i)?;
        let bit = 1 << i;
        self.returned.extend(line.direct(saved.direction));
        let irq = Some(saved.irq).filter(|_| has_interrupts).unwrap_or(Kept::NONE);
        line.irq.restore(irq);
        if saved.level != line.level {
            // It has changed while there was no device.
            self.returned.extend(line.irq.edge(line.level));
        }
        if saved.direction == Direction::None {
            return None;
        }
        line.value = saved.value;
        let change = Configure::directions(bit, 0, 0);
        match (saved.direction, irq) {
            (Direction::Out, _) => {
                Some(Configure::directions(bit, bit, if saved.value { bit } else { 0 }))
            }
            (_, Kept::Enabled { kind, .. }) if kind != IrqType::None && !line.tells(kind) => {
                (line.is_input, line.is_watched) = (true, true);
                Some(Configure { edges: Some(EdgeDetection::Both), ..change })
            }
            _ => line.first.output.then(|| {
                line.is_input = true;
                change
            }),
        }
    }

    /// The session refuses what this message was to restore: the line is as at first.
    pub(crate) fn not_restored(&mut self, seq: u64) {
        let meant = self.restoring.iter().find(|(of, _)| *of == seq);
        let Some(line) = meant.and_then(|(_, i)| self.lines.get_mut(*i)) else { return };
        self.returned.extend(line.begin_anew());
    }
}
