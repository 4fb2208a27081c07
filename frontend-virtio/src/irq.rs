// SPDX-License-Identifier: MIT OR Apache-2.0
//! A line's interrupt: enabled by a request, unmasked by a buffer (virtio 1.3, section 5.17.7).

use crate::layout::{IrqStatus, IrqType};

/// Edges of a line that are kept until the guest has a buffer for them. Each is told by an interrupt
/// of its own; more are dropped, and counted.
pub const LATCHED_MAX: u16 = 16_384;

/// A line's interrupt. `B` is a guest's buffer, which unmasks it.
#[derive(Debug)]
pub(crate) struct Irq<B> {
    trigger: Trigger,
    buffer: Option<B>,
    /// Edges that were not kept.
    pub dropped: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trigger {
    Off,
    /// As off, but that buffers are kept: a type was refused.
    Refused,
    Edge {
        rising: bool,
        falling: bool,
        latched: u16,
    },
    Level {
        high: bool,
    },
}

/// What of an interrupt outlives its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It has a type, and so many edges wait for a buffer.
    Enabled { kind: IrqType, latched: u16 },
    /// A type was refused.
    Refused,
}

impl Kept {
    pub const NONE: Self = Self::Enabled { kind: IrqType::None, latched: 0 };
}

impl<B> Default for Irq<B> {
    fn default() -> Self {
        Self { trigger: Trigger::Off, buffer: None, dropped: 0 }
    }
}

impl<B> Irq<B> {
    pub fn is_enabled(&self) -> bool {
        !matches!(self.trigger, Trigger::Off | Trigger::Refused)
    }

    /// Whether it follows the level of its line, and the guest waits for it.
    pub fn waits_for_level(&self, level: bool) -> bool {
        self.buffer.is_some() && self.trigger == Trigger::Level { high: level }
    }

    pub fn kept(&self) -> Kept {
        let (kind, latched) = match self.trigger {
            Trigger::Refused => return Kept::Refused,
            Trigger::Off => (IrqType::None, 0),
            Trigger::Edge { rising: true, falling: true, latched } => (IrqType::EdgeBoth, latched),
            Trigger::Edge { rising: true, latched, .. } => (IrqType::EdgeRising, latched),
            Trigger::Edge { latched, .. } => (IrqType::EdgeFalling, latched),
            Trigger::Level { high: true } => (IrqType::LevelHigh, 0),
            Trigger::Level { high: false } => (IrqType::LevelLow, 0),
        };
        Kept::Enabled { kind, latched }
    }

    /// Makes it what it was on another device, without the buffer.
    pub fn restore(&mut self, kept: Kept) {
        match kept {
            Kept::Refused => self.refuse(),
            Kept::Enabled { kind, latched: waiting } => {
                self.enable(kind);
                if let Trigger::Edge { latched, .. } = &mut self.trigger {
                    *latched = waiting;
                }
            }
        }
    }

    /// Enables it. What was latched is discarded, unless it was enabled in this way already.
    pub fn enable(&mut self, kind: IrqType) {
        let edge = |rising, falling| Trigger::Edge { rising, falling, latched: 0 };
        let trigger = match kind {
            IrqType::None => Trigger::Off,
            IrqType::EdgeRising => edge(true, false),
            IrqType::EdgeFalling => edge(false, true),
            IrqType::EdgeBoth => edge(true, true),
            IrqType::LevelHigh => Trigger::Level { high: true },
            IrqType::LevelLow => Trigger::Level { high: false },
        };
        let is_same = match (self.trigger, trigger) {
            (
                Trigger::Edge { rising, falling, .. },
                Trigger::Edge { rising: r, falling: f, .. },
            ) => rising == r && falling == f,
            (before, after) => before == after,
        };
        if !is_same {
            self.trigger = trigger;
        }
    }

    /// A type was refused; one that is enabled stays. Linux queues a buffer all the same, and queues it
    /// again at once if it comes back: it is kept.
    pub fn refuse(&mut self) {
        if self.trigger == Trigger::Off {
            self.trigger = Trigger::Refused;
        }
    }

    /// Disables it, discards what was latched, and gives the buffer back.
    pub fn disable(&mut self) -> Option<(B, IrqStatus)> {
        self.trigger = Trigger::Off;
        Some((self.buffer.take()?, IrqStatus::Invalid))
    }

    /// Takes a buffer, or gives it back: the interrupt is not enabled, or has one.
    pub fn unmask(&mut self, buffer: B) -> Option<(B, IrqStatus)> {
        if self.buffer.is_some() || self.trigger == Trigger::Off {
            return Some((buffer, IrqStatus::Invalid));
        }
        self.buffer = Some(buffer);
        self.deliver_latched()
    }

    /// The line has changed to this level. Returns an interrupt, if it is one and not masked.
    pub fn edge(&mut self, level: bool) -> Option<(B, IrqStatus)> {
        match &mut self.trigger {
            Trigger::Edge { rising, falling, latched } => {
                if if level { *rising } else { *falling } {
                    if *latched < LATCHED_MAX {
                        *latched += 1;
                    } else {
                        self.dropped += 1;
                    }
                }
                self.deliver_latched()
            }
            _ => self.level(level),
        }
    }

    /// Changes of the line may have been missed: there is one interrupt for all of them.
    pub fn missed(&mut self) -> Option<(B, IrqStatus)> {
        if let Trigger::Edge { latched, .. } = &mut self.trigger {
            *latched = (*latched).max(1);
        }
        self.deliver_latched()
    }

    /// The line is at this level. Returns an interrupt, if it makes one that is not masked.
    pub fn level(&mut self, level: bool) -> Option<(B, IrqStatus)> {
        let is_due = self.waits_for_level(level);
        Some((self.buffer.take_if(|_| is_due)?, IrqStatus::Valid))
    }

    fn deliver_latched(&mut self) -> Option<(B, IrqStatus)> {
        let Trigger::Edge { latched: latched @ 1.., .. } = &mut self.trigger else {
            return None;
        };
        let buffer = self.buffer.take()?;
        *latched -= 1;
        Some((buffer, IrqStatus::Valid))
    }
}
