// SPDX-License-Identifier: MIT OR Apache-2.0
//! Simulated blocks: made as configured, pressed, and watched.

use std::time::Duration;

use super::daemon::Daemon;
use super::timers::Timer;
use crate::chip::sim::{Observer, PadChange, SimBlock, SimOptions};
use crate::chip::{Chip, ChipError};
use crate::clock;
use crate::config::{SimConfig, sim_name};
use crate::control::api::{Code, Driver, Event, EventKind, Refusal};
use crate::control::{LineId, Ticket};

/// Pad changes read at a time.
const BATCH: usize = 64;

/// A button that is pressed until its timer runs out.
#[derive(Clone, Debug)]
pub struct Press {
    pub pad: LineId,
    /// What the outside drove before.
    before: Option<bool>,
    /// The pad's level before.
    level: bool,
}

/// Somebody's view of a block.
pub struct Watch {
    sim: SimBlock,
    observer: Observer,
    /// Levels last shown.
    levels: u32,
    /// Changes that were too many to be kept.
    dropped: u64,
}

/// Makes the `i`-th simulated block.
///
/// # Errors
/// When a pad of the configuration is not there.
pub fn make(i: usize, config: &SimConfig) -> Result<SimBlock, ChipError> {
    let sim = SimBlock::new(SimOptions {
        generation: config.model,
        name: sim_name(i),
        label: config.label.clone(),
        names: config.names.clone(),
    });
    for &(pad, pull) in &config.pulls {
        sim.pull(pad, pull)?;
    }
    for &(pad, high) in &config.levels {
        sim.drive(pad, Some(high))?;
    }
    for &(a, b) in &config.wires {
        sim.wire(a, b)?;
    }
    log::info!("{} [{}] is simulated: {}", sim.info().name, config.label, config.model);
    Ok(sim)
}

impl Watch {
    /// Begins to watch a block.
    ///
    /// # Errors
    /// When the host has no more descriptors.
    pub fn new(sim: &SimBlock) -> Result<Self, ChipError> {
        Ok(Self { sim: sim.clone(), observer: sim.observe()?, levels: sim.levels(), dropped: 0 })
    }

    /// Appends what has changed since the last call. When changes had to be dropped, what is
    /// appended still ends with the present levels.
    pub fn take(&mut self, events: &mut Vec<Event>) {
        let mut changes = Vec::with_capacity(BATCH);
        let before = self.dropped;
        loop {
            changes.clear();
            self.dropped += u64::from(self.observer.read(&mut changes));
            if changes.is_empty() {
                break;
            }
            events.extend(changes.iter().filter_map(|change| self.event(change)));
        }
        if self.dropped > before {
            let present = self.present();
            events.extend(present.iter().filter_map(|change| self.event(change)));
        }
    }

    /// All pads as they are now, as if they had changed.
    fn present(&self) -> Vec<PadChange> {
        let (levels, outputs) = (self.sim.levels(), self.sim.outputs());
        let contended = self.sim.contentions().iter().fold(0, |nets, fight| nets | fight.net);
        let timestamp_ns = clock::now_ns();
        let pad = |offset| PadChange {
            offset,
            high: levels >> offset & 1 == 1,
            output: outputs >> offset & 1 == 1,
            contended: contended >> offset & 1 == 1,
            timestamp_ns,
        };
        (0..self.sim.info().lines).map(pad).collect()
    }

    /// The event of a change of level; a change of who drives is none.
    fn event(&mut self, change: &PadChange) -> Option<Event> {
        let bit = 1 << change.offset;
        let level = if change.high { bit } else { 0 };
        if self.levels & bit == level {
            return None;
        }
        self.levels = (self.levels & !bit) | level;
        Some(Event {
            chip: self.sim.info().name.clone(),
            offset: change.offset,
            name: self.sim.chip().line(change.offset).map(|line| line.name).unwrap_or_default(),
            level: change.high.into(),
            timestamp_ns: change.timestamp_ns,
            kind: EventKind::Pad,
            driven_by: Some(match (change.output, change.contended) {
                (true, false) => Driver::Chip,
                (true, true) => Driver::Both,
                (false, _) => Driver::Outside,
            }),
        })
    }
}

impl Daemon {
    /// The simulated block that a pad is of.
    pub(super) fn sim(&self, pad: &LineId) -> Result<SimBlock, Refusal> {
        let sim = self.hub.chips().sims().iter().find(|sim| sim.info().name == pad.chip);
        sim.cloned().ok_or_else(|| Refusal::not_simulated(&pad.chip))
    }

    /// How many changes of pads have been dropped since the last call, by the chip's name.
    pub(super) fn take_dropped(&mut self) -> Vec<(String, u64)> {
        let dropped = self
            .watches
            .iter_mut()
            .map(|watch| (watch.sim.info().name.clone(), std::mem::take(&mut watch.dropped)));
        dropped.filter(|&(_, count)| count > 0).collect()
    }

    /// Takes the finger off a pad that somebody else drives now; its press ends at once.
    pub(super) fn lift_finger(&mut self, pad: &LineId) {
        let mut presses = self.presses.iter();
        let Some((&ticket, _)) = presses.find(|(_, press)| press.pad == *pad) else {
            return;
        };
        self.presses.remove(&ticket);
        self.timers.stop(|timer| timer == Timer::Press(ticket));
        self.timers.start(Duration::ZERO, Timer::Press(ticket));
    }

    pub(super) fn press_pad(
        &mut self,
        pad: &LineId,
        level: Option<bool>,
        time: Duration,
    ) -> Result<Ticket, Refusal> {
        let sim = self.sim(pad)?;
        if self.presses.values().any(|press| press.pad == *pad) {
            let text = format!("line {} of {} is pressed already; try again", pad.offset, pad.chip);
            return Err(Refusal::new(Code::Busy, text));
        }
        let was = sim.level(pad.offset)?;
        let level = level.unwrap_or(!was);
        let before = sim.outside(pad.offset)?;
        sim.drive(pad.offset, Some(level))?;
        self.last_press += 1;
        self.presses.insert(self.last_press, Press { pad: pad.clone(), before, level: was });
        self.timers.start(time, Timer::Press(self.last_press));
        Ok(self.last_press)
    }

    /// The button is let go.
    pub fn let_go(&mut self, ticket: Ticket) {
        let Some(press) = self.presses.remove(&ticket) else {
            return;
        };
        let Ok(sim) = self.sim(&press.pad) else { return };
        if let Err(error) = press.end(&sim) {
            log::error!("a button stays pressed: {}", crate::chain(&error));
        }
    }
}

impl Press {
    /// Lets go of the pad. One that floats then would keep the button's level: it is put back.
    fn end(&self, sim: &SimBlock) -> Result<(), ChipError> {
        let pad = self.pad.offset;
        sim.drive(pad, self.before)?;
        if self.before.is_none() && sim.level(pad)? != self.level && sim.floats(pad)? {
            sim.drive(pad, Some(self.level))?;
            sim.drive(pad, None)?;
        }
        Ok(())
    }
}
