// SPDX-License-Identifier: MIT OR Apache-2.0
//! Simulated blocks: made as configured, pressed, and watched.

use std::time::Duration;

use super::daemon::Daemon;
use super::timers::Timer;
use crate::chip::sim::{Observer, PadChange, SimBlock, SimOptions};
use crate::chip::{Chip, ChipError};
use crate::config::SimConfig;
use crate::control::api::{Code, Event, EventKind, Refusal};
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
}

/// Makes the `i`-th simulated block.
///
/// # Errors
/// When a pad of the configuration is not there.
pub fn make(i: usize, config: &SimConfig) -> Result<SimBlock, ChipError> {
    let sim = SimBlock::new(SimOptions {
        generation: config.model,
        name: format!("sim{i}"),
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
        Ok(Self { sim: sim.clone(), observer: sim.observe()?, levels: sim.levels() })
    }

    /// Appends what has changed since the last call.
    pub fn take(&mut self, events: &mut Vec<Event>) {
        let mut changes = Vec::with_capacity(BATCH);
        loop {
            changes.clear();
            let dropped = self.observer.read(&mut changes);
            if dropped > 0 {
                log::warn!(
                    "{}: {dropped} changes of pads were too many to show",
                    self.sim.info().label
                );
            }
            if changes.is_empty() {
                return;
            }
            events.extend(changes.iter().filter_map(|change| self.event(change)));
        }
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
        })
    }
}

impl Daemon {
    /// The simulated block that a pad is of.
    pub(super) fn sim(&self, pad: &LineId) -> Result<SimBlock, Refusal> {
        let sim = self.hub.chips().sims().iter().find(|sim| sim.info().name == pad.chip);
        sim.cloned().ok_or_else(|| Refusal::not_simulated(&pad.chip))
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
