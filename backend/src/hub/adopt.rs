// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines that another daemon has left: checked, and held for the guest that had them.

use thiserror::Error;
use vgpio_protocol::{Direction, LineMap, LineSettings, MapError};

use super::hold::{Held, Hold};
use super::{HoldKey, Hub, chips};
use crate::chain;
use crate::chip::cdev::{NotThese, levels_of_left};
use crate::chip::{Chip, ChipError, ChipInfo, LineConfig, LineInfo};
use crate::config::{Config, chip_is};
use crate::keep::{Key, LineNote, Note};

/// Why lines that another daemon has left are not taken over.
#[derive(Debug, Error)]
enum Unfit {
    /// The chip cannot be looked at.
    #[error(transparent)]
    Chip(#[from] ChipError),
    /// It is another one.
    #[error("the chip is another one now, labelled {0:?}")]
    OtherChip(String),
    /// They are other lines.
    #[error(transparent)]
    Lines(#[from] NotThese),
    /// Nobody holds a line.
    #[error("line {0} is not held")]
    NotHeld(u32),
    /// The settings in the note are of another version.
    #[error("what is known of their settings is not understood")]
    Settings(#[from] MapError),
}

impl Hub {
    /// Takes over lines that another daemon has left with the store. Those that fit neither the kernel nor
    /// the configuration are given up, in their safe states as far as these are known. Returns the holds that wait for their guests.
    pub fn adopt(&mut self, left: Vec<(Key, Note)>, config: &Config) -> Vec<(HoldKey, usize)> {
        let mut awaited = Vec::new();
        for (kept, note) in left {
            let lines: Vec<_> = note.lines.iter().map(|line| line.offset).collect();
            let what = format!("lines {lines:?} of {} that another daemon has left", note.chip);
            let key = match self.take_over(kept, &note) {
                Ok(key) => key,
                Err(error) => {
                    log::warn!("{what} are released: {}", chain(&error));
                    self.store.forget(kept);
                    continue;
                }
            };
            if let Err(why) = self.is_lent(key, config) {
                log::warn!("{what} are released, in their safe states: {why}");
                if self.holds.get(key.0).is_some_and(Hold::outlives_users) {
                    self.make_safe(key);
                }
                self.drop_hold(key);
                continue;
            }
            let Some(hold) = self.holds.get(key.0) else { continue };
            match &hold.awaited {
                None => log::info!("{what} stay in their safe states"),
                Some(guest) => {
                    log::info!("{what} are held for {:?} (pid {})", guest.name, guest.pid);
                    awaited.push((key, hold.id));
                }
            }
        }
        awaited
    }

    /// The guest of a hold has not come: it is treated as one that has gone. `id` is that of the hold.
    pub fn give_up(&mut self, key: HoldKey, id: usize) {
        let hold = self.holds.get_mut(key.0).filter(|hold| hold.id == id);
        let Some(guest) = hold.and_then(|hold| hold.awaited.take()) else { return };
        let Some(hold) = self.holds.get(key.0) else { return };
        log::warn!(
            "{:?} (pid {}) has not come back: lines {:?} of {} go to their safe states",
            guest.name,
            guest.pid,
            hold.offsets,
            self.label(hold)
        );
        self.end_use(key);
    }

    /// Gives up all that guests are waited for.
    pub fn give_up_all(&mut self) {
        let awaited = self.holds.iter().filter(|(_, hold)| hold.awaited.is_some());
        for (key, id) in awaited.map(|(key, hold)| (HoldKey(key), hold.id)).collect::<Vec<_>>() {
            self.give_up(key, id);
        }
    }

    /// The holds that wait for the guests that had them of another daemon.
    pub fn awaiting(&self) -> impl Iterator<Item = (&Hold, &crate::keep::Guest)> {
        self.holds.iter().filter_map(|(_, hold)| Some((hold, hold.awaited.as_ref()?)))
    }

    /// Puts lines that are not kept into their safe states: another daemon will not find them.
    pub fn leave_unkept(&mut self) {
        let unkept =
            self.holds.iter().filter(|(_, hold)| hold.kept.is_none() && hold.outlives_users());
        for key in unkept.map(|(key, _)| HoldKey(key)).collect::<Vec<_>>() {
            self.make_safe(key);
        }
    }

    fn take_over(&mut self, kept: Key, note: &Note) -> Result<HoldKey, Unfit> {
        let chip = self.chips.resolve(&note.chip)?;
        let looked = self.chips.get(chip).and_then(|slot| slot.chip.as_deref()).map(|chip| {
            let settings = settings(&note.lines)?;
            let (config, levels) = self.look(chip, kept, note)?;
            Ok((settings, config, levels))
        });
        let (settings, config, levels) = match looked {
            Some(Ok(looked)) => looked,
            None => return Err(chips::gone(&note.label, vec![], "cannot look at its lines").into()),
            Some(Err(unfit)) => {
                self.chips.forget_unused(chip);
                return Err(unfit);
            }
        };
        if let Some(slot) = self.chips.get_mut(chip) {
            slot.called.clone_from(&note.called);
        }
        self.last_id += 1;
        let mut hold = Hold {
            id: self.last_id,
            chip,
            offsets: note.lines.iter().map(|line| line.offset).collect(),
            config: Vec::new(),
            settings,
            outputs: 0,
            levels,
            held: Held::Left,
            polled: None,
            users: Vec::new(),
            consumer: note.consumer.clone(),
            export: note.export.clone(),
            kept: Some(kept),
            awaited: note.guest.clone(),
            limited: None,
        };
        hold.adopt(config);
        let offsets = hold.offsets.clone();
        let key = HoldKey(self.holds.insert(hold));
        self.chips.retain(chip);
        self.owners.extend(offsets.into_iter().map(|offset| ((chip, offset), key)));
        self.limit(key);
        Ok(key)
    }

    /// What the kernel says of the lines: their settings and levels.
    fn look(
        &self,
        chip: &dyn Chip,
        kept: Key,
        note: &Note,
    ) -> Result<(Vec<LineConfig>, u64), Unfit> {
        if !note.is_of(chip.info()) {
            return Err(Unfit::OtherChip(chip.info().label.clone()));
        }
        let offsets: Vec<_> = note.lines.iter().map(|line| line.offset).collect();
        let request = self.store.request(kept);
        let levels = request.map(|request| levels_of_left(request, &note.chip, &offsets));
        let levels = levels.transpose()?.unwrap_or(0);
        let config = offsets.iter().enumerate().map(|(i, &offset)| {
            let line = chip.line(offset)?;
            let held = line.consumer.is_some().then_some(());
            held.ok_or(Unfit::NotHeld(offset))?;
            Ok(in_force(&line, levels >> i & 1 == 1))
        });
        Ok((config.collect::<Result<_, Unfit>>()?, levels))
    }

    /// Whether the configuration still lends the lines of a hold as they were lent.
    fn is_lent(&self, key: HoldKey, config: &Config) -> Result<(), String> {
        let hold = self.holds.get(key.0);
        let slot = hold.and_then(|hold| Some((hold, self.chips.get(hold.chip)?)));
        let Some((hold, slot)) = slot else { return Ok(()) };
        let Some(name) = &hold.export else {
            return is_allowed(hold, slot.chip.as_deref(), &slot.info, config);
        };
        let Some(export) = config.exports.iter().find(|export| export.name == *name) else {
            return Err(format!("there is no export {name:?} any more"));
        };
        for (offset, settings) in hold.offsets.iter().zip(&hold.settings) {
            let line = export.lines.iter().find(|line| {
                chip_is(&line.chip, &slot.info)
                    && self.chips.offset(hold.chip, &line.line).is_ok_and(|line| line == *offset)
            });
            match line {
                None => return Err(format!("export {name:?} has no line {offset} any more")),
                Some(line) if !is_same(line.settings, *settings) => {
                    return Err(format!("export {name:?} has other settings of line {offset} now"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// Whether lines are lent in the same way. Limits may be others: they are those of the next guest.
fn is_same(lent: LineSettings, left: LineSettings) -> bool {
    lent == LineSettings { limits: lent.limits, ..left }
}

/// Whether lines may still be attached by line map.
fn is_allowed(
    hold: &Hold,
    chip: Option<&dyn Chip>,
    info: &ChipInfo,
    config: &Config,
) -> Result<(), String> {
    for &offset in &hold.offsets {
        let name = chip.and_then(|chip| chip.line(offset).ok()).map(|line| line.name);
        let allowed = config.policy.allows(info, offset, &name.unwrap_or_default());
        allowed.map_err(|refusal| refusal.to_string())?;
    }
    Ok(())
}

/// Settings of lines, from keys of line maps.
fn settings(lines: &[LineNote]) -> Result<Vec<LineSettings>, MapError> {
    let parse = |line: &LineNote| {
        let map = format!("0,gpios={},{}", line.offset, line.settings);
        map.parse::<LineMap>().map(|map| map.settings)
    };
    lines.iter().map(parse).collect()
}

fn in_force(line: &LineInfo, active: bool) -> LineConfig {
    LineConfig {
        direction: Some(line.direction),
        active: active && line.direction == Direction::Output,
        active_low: line.active_low,
        bias: line.bias,
        drive: line.drive,
        edges: line.edges,
        debounce: line.debounce,
    }
}
