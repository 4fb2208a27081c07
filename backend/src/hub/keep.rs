// SPDX-License-Identifier: MIT OR Apache-2.0
//! Holds that are kept for the next daemon.

use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use super::{Hold, HoldKey, Hub};
use crate::chip::Offset;
use crate::keep::{LineNote, Note};

/// How long whoever keeps lines may take to close them, and how often that is looked at. It takes
/// microseconds.
const CLOSED: Duration = Duration::from_millis(200);
const LOOK: Duration = Duration::from_micros(100);

/// A line that was given up here.
pub(super) struct Closing {
    /// Name of its chip.
    chip: String,
    offset: Offset,
    /// Nobody waits for it any longer.
    until: Instant,
}

impl Hub {
    /// Has a hold kept, if its chip can and nobody shares it: `shared` is what holds its lines. Shared lines
    /// are inputs, which have no level to lose.
    pub(super) fn keep(&mut self, key: HoldKey, shared: Option<OwnedFd>) {
        let Some(hold) = self.holds.get(key.0) else { return };
        if let Some(shared) = shared.filter(|_| hold.kept.is_none() && !hold.is_shared())
            && let Some(note) = self.note(hold)
        {
            let kept = self.store.keep(shared, &note);
            if let Some(hold) = self.holds.get_mut(key.0) {
                hold.kept = kept;
            }
        }
    }

    /// Tells the next daemon who has a hold now.
    pub(super) fn write_note(&self, key: HoldKey) {
        if let Some(hold) = self.holds.get(key.0)
            && let (Some(kept), Some(note)) = (hold.kept, self.note(hold))
        {
            self.store.write(kept, &note);
        }
    }

    fn note(&self, hold: &Hold) -> Option<Note> {
        let chip = &self.chips.get(hold.chip)?.info;
        let lines = hold.offsets.iter().zip(&hold.settings);
        let lines =
            lines.map(|(&offset, settings)| LineNote { offset, settings: settings.to_string() });
        let user = hold.users.first().map(|user| &user.guest);
        Some(Note {
            chip: chip.name.clone(),
            label: chip.label.clone(),
            chip_lines: chip.lines,
            lines: lines.collect(),
            consumer: hold.consumer.clone(),
            export: hold.export.clone(),
            guest: user.or(hold.awaited.as_ref()).cloned(),
        })
    }

    /// Gives up what a hold is kept by. Its lines are free when the other process has closed them, too.
    pub(super) fn forget(&mut self, key: HoldKey) {
        let Some(hold) = self.holds.get_mut(key.0) else { return };
        let Some(kept) = hold.kept.take() else { return };
        self.store.forget(kept);
        let chip = self.chips.get(hold.chip).map_or("", |slot| &slot.info.name);
        let now = Instant::now();
        self.closing.retain(|closing| now < closing.until);
        self.closing.extend(hold.offsets.iter().map(|&offset| Closing {
            chip: chip.to_owned(),
            offset,
            until: now + CLOSED,
        }));
    }

    /// Waits until those lines of a hold are free that this daemon has given up just now.
    pub(super) fn wait_until_free(&mut self, key: HoldKey) {
        let Some(hold) = self.holds.get(key.0).filter(|_| !self.closing.is_empty()) else { return };
        let Some(chip) = self.host_chip(hold).filter(|_| hold.kept.is_none()) else { return };
        let name = &chip.info().name;
        let wanted =
            |closing: &&Closing| closing.chip == *name && hold.offsets.contains(&closing.offset);
        let is_held = |offset| chip.line(offset).is_ok_and(|line| line.consumer.is_some());
        for closing in self.closing.iter().filter(wanted) {
            while is_held(closing.offset) && Instant::now() < closing.until {
                thread::sleep(LOOK);
            }
        }
        let offsets = hold.offsets.clone();
        self.closing.retain(|closing| !offsets.contains(&closing.offset));
    }
}
