// SPDX-License-Identifier: MIT OR Apache-2.0
//! One line as the guest has it.

use vgpio_protocol::{Configure, EdgeDetection, LineEntry, LineFlags};

use crate::irq::Irq;
use crate::layout::{Direction, IrqStatus, IrqType};

/// A line of the device.
#[derive(Debug)]
pub(crate) struct Line<B> {
    /// Its number, for the guest.
    pub gpio: u16,
    /// What the guest has made of it.
    pub direction: Direction,
    /// The level that it has, or will have as an output, by the guest.
    pub value: bool,
    /// Its level as far as it is known.
    pub level: bool,
    /// Whether the host has been told that it is an input, since it was anything else.
    pub is_input: bool,
    /// Whether the host has been told to tell all its changes, since it was anything but an input.
    pub is_watched: bool,
    /// The changes that the host tells if others have the line too, which nobody can have changed.
    shared: Option<EdgeDetection>,
    /// Its interrupt.
    pub irq: Irq<B>,
    /// What it was when it was attached.
    pub first: First,
    /// A message that gives it back after a reset.
    pub giving: Option<Giving>,
    /// Whether the host has refused to make it what it was when it was attached.
    pub is_owed: bool,
}

/// A line on its way to what it was when it was attached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Giving {
    /// The message.
    pub seq: u64,
    /// The direction that it has if the host refuses.
    pub from: Direction,
    /// The same, if it refuses also what was asked before.
    pub before: Direction,
}

/// What a line was when it was attached, and is again when the guest has done with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct First {
    pub output: bool,
    pub level: bool,
}

impl<B> Line<B> {
    pub fn new(entry: &LineEntry<'_>) -> Self {
        let output = entry.flags.has(LineFlags::OUTPUT);
        Self {
            gpio: entry.vgpio,
            direction: if output { Direction::Out } else { Direction::In },
            value: false,
            level: false,
            is_input: false,
            is_watched: false,
            shared: entry.flags.has(LineFlags::SHARED).then_some(entry.edges),
            irq: Irq::default(),
            first: First { output, level: false },
            giving: None,
            is_owed: false,
        }
    }

    /// Whether the host must be told to make it what it was when it was attached.
    pub fn is_changed(&self) -> bool {
        self.is_owed
            || match self.direction {
                Direction::Out => !self.first.output || self.value != self.first.level,
                Direction::In => self.first.output,
                Direction::None => false,
            }
    }

    /// Whether the host tells all changes that an interrupt of this type is made of.
    pub fn tells(&self, kind: IrqType) -> bool {
        self.is_watched
            || match self.shared {
                Some(EdgeDetection::Both) => true,
                Some(EdgeDetection::Rising) => {
                    matches!(kind, IrqType::EdgeRising | IrqType::LevelHigh)
                }
                Some(EdgeDetection::Falling) => {
                    matches!(kind, IrqType::EdgeFalling | IrqType::LevelLow)
                }
                Some(EdgeDetection::None) | None => false,
            }
    }

    /// What makes it what it was when it was attached; `bit` is the line's.
    pub fn back(&self, bit: u64) -> Configure {
        let First { output, level } = self.first;
        let bit_if = |is: bool| if is { bit } else { 0 };
        Configure::directions(bit, bit_if(output), bit_if(output && level))
    }

    /// Takes a direction. Without one, all else is forgotten, and the buffer comes back.
    pub fn direct(&mut self, to: Direction) -> Option<(B, IrqStatus)> {
        self.direction = to;
        if to != Direction::None {
            return None;
        }
        self.forget();
        self.irq.disable()
    }

    /// The direction that the host has it in, if the guest has this one.
    pub fn on_host(&self, direction: Direction) -> Direction {
        match direction {
            Direction::None => self.first_direction(),
            direction => direction,
        }
    }

    pub fn first_direction(&self) -> Direction {
        if self.first.output { Direction::Out } else { Direction::In }
    }

    /// The host refuses to give it back by this message: it stays what it is, and is owed.
    pub fn not_given(&mut self, seq: u64) {
        if let Some(giving) = self.giving.take_if(|giving| giving.seq == seq) {
            self.is_owed = true;
            // Unless it has no direction since.
            if self.direction == self.first_direction() {
                self.direction = giving.from;
            }
        }
    }

    /// Becomes what it was when it was attached, as far as the guest sees; its buffer comes back.
    pub fn begin_anew(&mut self) -> Option<(B, IrqStatus)> {
        self.forget();
        self.is_input = false;
        self.is_watched = false;
        self.direction = self.first_direction();
        self.irq.disable()
    }

    /// Forgets what the guest has made of it.
    pub fn forget(&mut self) {
        self.value = self.first.output && self.first.level;
        self.is_input &= !self.first.output;
        self.is_watched &= !self.first.output;
    }
}
