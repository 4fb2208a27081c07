// SPDX-License-Identifier: MIT OR Apache-2.0
//! Simulated pads: what is driven onto each pin from inside and outside, and the level that results.
//!
//! Pads joined by wires form a *net*; a pad without a wire is a net of its own. The level of a net:
//!
//! 1. Any driver that is on (the chip's output or the outside) decides. If drivers work against each
//!    other, **low wins**: in CMOS the transistor towards ground is the stronger one, it is what
//!    wired-AND buses rely on, and one rule serves any number of drivers. The fight is reported.
//! 2. Else pulls decide. Pulls up and down in one net cancel out.
//! 3. Else the net floats and keeps its level. When a wire joins floating pads of different level,
//!    the net goes low.
//!
//! A pad has one pull, whoever sets it (the chip's bias or a resistor on the board), as in the
//! kernel's gpio-sim. Pads begin low, undriven, without pull.

use crate::line::{LINES, Line};

const COUNT: usize = LINES as usize;

/// Resistor on a pad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    /// None: an undriven pad floats.
    None,
    /// To the supply.
    Up,
    /// To ground.
    Down,
}

/// Who drives a net towards one level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drivers {
    /// Lines of the chip that drive it.
    pub chip: u32,
    /// Pads on which the outside drives it.
    pub outside: u32,
}

/// Drivers that work against each other on one net.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contention {
    /// The pads of the net: one bit if it has no wire.
    pub net: u32,
    /// Who drives it high.
    pub high: Drivers,
    /// Who drives it low.
    pub low: Drivers,
}

/// A set of drivers, one bit per pad. `value` is 0 where `on` is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Drive {
    pub on: u32,
    pub value: u32,
}

impl Drive {
    fn high(self) -> u32 {
        self.on & self.value
    }

    fn low(self) -> u32 {
        self.on & !self.value
    }
}

/// The 32 pads of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pads {
    pub(crate) level: u32,
    pub(crate) chip: Drive,
    pub(crate) outside: Drive,
    pub(crate) pull_up: u32,
    pub(crate) pull_down: u32,
    /// Pads with a wire to this one.
    pub(crate) wires: [u32; COUNT],
    /// All pads of this one's net, itself included.
    pub(crate) nets: [u32; COUNT],
    /// Pads that have a wire.
    pub(crate) wired: u32,
    pub(crate) contention: u32,
}

impl Default for Pads {
    fn default() -> Self {
        Self {
            level: 0,
            chip: Drive::default(),
            outside: Drive::default(),
            pull_up: 0,
            pull_down: 0,
            wires: [0; COUNT],
            nets: std::array::from_fn(|pad| 1 << pad),
            wired: 0,
            contention: 0,
        }
    }
}

impl Pads {
    /// Levels of the pads.
    #[must_use]
    pub fn levels(&self) -> u32 {
        self.level
    }

    /// Pads that the chip drives.
    #[must_use]
    pub fn driven_by_chip(&self) -> u32 {
        self.chip.on
    }

    /// Pads that the outside drives.
    #[must_use]
    pub fn driven_by_outside(&self) -> u32 {
        self.outside.on
    }

    /// The pull of `pad`.
    #[must_use]
    pub fn pull(&self, pad: Line) -> Pull {
        if self.pull_up & pad.mask() != 0 {
            Pull::Up
        } else if self.pull_down & pad.mask() != 0 {
            Pull::Down
        } else {
            Pull::None
        }
    }

    /// The pads of the net of `pad`, itself included.
    #[must_use]
    pub fn net(&self, pad: Line) -> u32 {
        self.nets[pad.index()]
    }

    /// All wires, each once, as (lower, higher) pad.
    pub fn wires(&self) -> impl Iterator<Item = (Line, Line)> {
        let pairs = Line::all().flat_map(|a| Line::all().map(move |b| (a, b)));
        pairs.filter(|(a, b)| a < b && self.wires[a.index()] & b.mask() != 0)
    }

    /// Pads of nets on which drivers work against each other.
    #[must_use]
    pub fn contended(&self) -> u32 {
        self.contention
    }

    /// The nets on which drivers work against each other, with their drivers.
    pub fn contentions(&self) -> impl Iterator<Item = Contention> {
        let mut rest = self.contention;
        std::iter::from_fn(move || {
            let net = self.nets[Line::lowest(rest)?.index()];
            rest &= !net;
            let drivers = |chip, outside| Drivers { chip: chip & net, outside: outside & net };
            Some(Contention {
                net,
                high: drivers(self.chip.high(), self.outside.high()),
                low: drivers(self.chip.low(), self.outside.low()),
            })
        })
    }

    pub(crate) fn set_pull(&mut self, mask: u32, pull: Pull) {
        self.pull_up &= !mask;
        self.pull_down &= !mask;
        match pull {
            Pull::None => {}
            Pull::Up => self.pull_up |= mask,
            Pull::Down => self.pull_down |= mask,
        }
    }

    pub(crate) fn drive_outside(&mut self, mask: u32, bits: u32) {
        self.outside.on |= mask;
        self.outside.value = (self.outside.value & !mask) | (bits & mask);
    }

    pub(crate) fn release_outside(&mut self, mask: u32) {
        self.outside.on &= !mask;
        self.outside.value &= !mask;
    }

    pub(crate) fn wire(&mut self, a: Line, b: Line) {
        if a != b {
            self.wires[a.index()] |= b.mask();
            self.wires[b.index()] |= a.mask();
            self.find_nets();
        }
    }

    pub(crate) fn unwire(&mut self, a: Line, b: Line) {
        self.wires[a.index()] &= !b.mask();
        self.wires[b.index()] &= !a.mask();
        self.find_nets();
    }

    /// Recomputes the nets, so that [`Self::resolve`] need not follow wires.
    pub(crate) fn find_nets(&mut self) {
        for pad in Line::all() {
            let mut net = pad.mask();
            loop {
                let reached = Line::all()
                    .filter(|p| net & p.mask() != 0)
                    .fold(net, |net, p| net | self.wires[p.index()]);
                if reached == net {
                    break;
                }
                net = reached;
            }
            self.nets[pad.index()] = net;
        }
        self.wired = self.wires.iter().fold(0, |all, wires| all | wires);
    }

    /// Brings level and contention in line with drivers, pulls and nets.
    #[inline]
    pub(crate) fn resolve(&mut self) {
        let mut high = self.chip.high() | self.outside.high();
        let mut low = self.chip.low() | self.outside.low();
        let mut up = self.pull_up;
        let mut down = self.pull_down;
        let mut kept = self.level;
        let mut rest = self.wired;
        while let Some(pad) = Line::lowest(rest) {
            let net = self.nets[pad.index()];
            rest &= !net;
            for drivers in [&mut high, &mut low, &mut up, &mut down] {
                if *drivers & net != 0 {
                    *drivers |= net;
                }
            }
            if kept & net != net {
                kept &= !net;
            }
        }
        let pulled = up ^ down;
        let undriven = (up & pulled) | (kept & !pulled);
        self.contention = high & low;
        self.level = (high | undriven) & !low;
    }
}
