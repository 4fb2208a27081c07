// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the control socket may ask of the daemon.

use std::time::Duration;

use vgpio_protocol::{Bias, Drive, EdgeDetection};

use super::daemon::Daemon;
use super::pads::Watch;
use crate::chip::{Chip, LineConfig, LineInfo};
use crate::control::api::{ChipReport, Event, EventKind, LineReport, Owner, Pull, Refusal, Status};
use crate::control::{Host, LineId, Ticket};
use crate::hub::{Origin, Step};

/// A line that is read without being changed.
const AS_IS: LineConfig = LineConfig {
    direction: None,
    active: false,
    active_low: false,
    bias: Bias::AsIs,
    drive: Drive::PushPull,
    edges: EdgeDetection::None,
    debounce: None,
};

impl Host for Daemon {
    fn status(&self) -> Status {
        self.report()
    }

    fn chips(&mut self) -> Vec<ChipReport> {
        let chips = self.hub.chips();
        let simulated = |label: &str| {
            chips
                .sims()
                .iter()
                .find(|sim| sim.info().name == label)
                .map(|sim| sim.generation().to_string())
        };
        let report = |chip: crate::chip::ChipInfo| ChipReport {
            simulated: simulated(&chip.name),
            name: chip.name,
            label: chip.label,
            lines: chip.lines,
        };
        chips.list().into_iter().map(report).collect()
    }

    fn lines(&mut self, chip: &str) -> Result<Vec<LineReport>, Refusal> {
        let chip = self.hub.chips().open(chip)?;
        let lines =
            (0..chip.info().lines).map(|offset| Ok(self.line(chip.as_ref(), chip.line(offset)?)));
        lines.collect()
    }

    fn get(&mut self, lines: &[LineId]) -> Result<Vec<bool>, Refusal> {
        lines.iter().map(|line| self.level(line)).collect()
    }

    fn monitor(&mut self, _: &[LineId]) -> Result<(), Refusal> {
        Ok(())
    }

    fn pad_drive(&mut self, pad: &LineId, level: Option<bool>) -> Result<(), Refusal> {
        let sim = self.sim(pad)?;
        self.lift_finger(pad);
        Ok(sim.drive(pad.offset, level)?)
    }

    fn pad_pull(&mut self, pad: &LineId, pull: Pull) -> Result<(), Refusal> {
        Ok(self.sim(pad)?.pull(pad.offset, pull.into())?)
    }

    fn press(
        &mut self,
        pad: &LineId,
        level: Option<bool>,
        time: Duration,
    ) -> Result<Ticket, Refusal> {
        self.press_pad(pad, level, time)
    }

    fn wire(&mut self, a: &LineId, b: &LineId, joined: bool) -> Result<(), Refusal> {
        let sim = self.sim(a)?;
        if joined {
            sim.wire(a.offset, b.offset)?;
        } else {
            sim.unwire(a.offset, b.offset)?;
        }
        Ok(())
    }
}

impl Daemon {
    fn line(&self, chip: &dyn Chip, line: LineInfo) -> LineReport {
        let held = self.hub.holder(&chip.info().name, line.offset);
        let user = held.and_then(|(_, hold)| hold.users.first());
        let owner = user.and_then(|user| self.guests.get(user.session.0)).map(|guest| Owner {
            session: guest.session.id(),
            export: guest.session.attachment().and_then(|attachment| attachment.export.clone()),
        });
        LineReport {
            chip: chip.info().name.clone(),
            offset: line.offset,
            name: line.name,
            consumer: line.consumer,
            owner,
            direction: line.direction,
            active_low: line.active_low,
            bias: line.bias,
            drive: line.drive,
            edges: line.edges,
            debounce_us: line
                .debounce
                .map_or(0, |d| u32::try_from(d.as_micros()).unwrap_or(u32::MAX)),
        }
    }

    /// A level: of a held line as its holder has it, of another as it can be read without a change.
    fn level(&mut self, line: &LineId) -> Result<bool, Refusal> {
        let held = self.hub.holder(&line.chip, line.offset);
        let held = held.and_then(|(key, hold)| {
            let i = hold.offsets.iter().position(|offset| *offset == line.offset)?;
            Some((key, 1_u64 << i, hold.levels))
        });
        let Some((key, bit, known)) = held else {
            if let Ok(sim) = self.sim(line) {
                return Ok(sim.level(line.offset)?);
            }
            let mut chip = self.hub.chips().open(&line.chip)?;
            let mut request = chip.request(&[(line.offset, AS_IS)], "vgpioctl")?;
            return Ok(request.get(1)? != 0);
        };
        match self.hub.get(key, bit, Origin::NOBODY) {
            Step::Done(Ok(levels)) => Ok(levels & bit != 0),
            // The chip is slow or gone: what is known of the line must do.
            Step::Done(Err(_)) | Step::Pending => Ok(known & bit != 0),
        }
    }

    /// Begins or ends to take note of changes.
    pub(super) fn watch_changes(&mut self, watched: bool) {
        if watched == self.hub.watched {
            return;
        }
        self.hub.watched = watched;
        self.watches.clear();
        if watched {
            let watches: Result<Vec<_>, _> =
                self.hub.chips().sims().iter().map(Watch::new).collect();
            match watches {
                Ok(watches) => self.watches = watches,
                Err(error) => log::error!("pads cannot be watched: {}", crate::chain(&error)),
            }
        }
    }

    /// What has changed since the last call, while it is watched.
    pub(super) fn take_changes(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for change in self.hub.take_changes() {
            let Some(hold) = self.hub.hold(change.hold) else {
                continue;
            };
            let Some(&offset) = hold.offsets.get(usize::from(change.line)) else {
                continue;
            };
            // Of simulated chips every change of a pad is shown, whatever made it.
            let Some(chip) = self.hub.host_chip(hold) else {
                continue;
            };
            events.push(Event {
                chip: chip.info().name.clone(),
                offset,
                name: chip.line(offset).map(|line| line.name).unwrap_or_default(),
                level: change.active.into(),
                timestamp_ns: change.timestamp_ns,
                kind: if change.set { EventKind::Set } else { EventKind::Edge },
                driven_by: None,
            });
        }
        for watch in &mut self.watches {
            watch.take(&mut events);
        }
        events
    }
}
