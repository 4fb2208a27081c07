// SPDX-License-Identifier: MIT OR Apache-2.0
//! Holds that are kept for the next daemon.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use super::{ChipKey, Hold, HoldKey, Hub};
use crate::chip::{Offset, are_free};
use crate::keep::{LineNote, Note};

/// After so long, a line that was given up here has nothing to do with it any more.
const REMEMBERED: Duration = Duration::from_secs(60);

/// A line that was given up here.
pub(super) struct Closing {
    /// Name of its chip.
    chip: String,
    offset: Offset,
    since: Instant,
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
        let slot = self.chips.get(hold.chip)?;
        let chip = &slot.info;
        let lines = hold.offsets.iter().zip(&hold.settings);
        let lines =
            lines.map(|(&offset, settings)| LineNote { offset, settings: settings.to_string() });
        let user = hold.users.first().map(|user| &user.guest);
        Some(Note {
            chip: chip.name.clone(),
            label: chip.label.clone(),
            called: slot.called.clone(),
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
        self.closing.retain(|closing| now < closing.since + REMEMBERED);
        self.closing.extend(hold.offsets.iter().map(|&offset| Closing {
            chip: chip.to_owned(),
            offset,
            since: now,
        }));
    }

    /// Those lines of a hold that this daemon has given up just now, which somebody else may hold yet.
    pub(super) fn take_closing(&mut self, key: HoldKey) -> Vec<Offset> {
        let Some(hold) = self.holds.get(key.0).filter(|hold| hold.kept.is_none()) else {
            return Vec::new();
        };
        let chip = self.chips.get(hold.chip).map_or("", |slot| &slot.info.name);
        let is_wanted =
            |closing: &mut Closing| closing.chip == chip && hold.offsets.contains(&closing.offset);
        let wanted = self.closing.extract_if(.., is_wanted);
        wanted.map(|closing| closing.offset).collect()
    }

    /// Waits until such lines are free. A keeper that does not give them up is replaced.
    pub(super) fn wait_until_free(&mut self, chip: ChipKey, closing: &[Offset]) {
        let chip = self.chips.get(chip).and_then(|slot| slot.chip.as_deref());
        if !closing.is_empty() && !chip.is_none_or(|chip| are_free(chip, closing)) {
            self.store.renew();
        }
    }
}
