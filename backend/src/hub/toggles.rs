// SPDX-License-Identifier: MIT OR Apache-2.0
//! How often guests change what drives lines that have limits (`max-toggle-rate=`, `min-hold=`).
//!
//! What counts is the line, whoever has it and by which way: a guest that gives it back and takes it again
//! gains nothing. The daemon's own changes, safe states among them, count and are never refused.

use std::time::Duration;

use vgpio_protocol::{Direction, ErrorCode, Init, Limits, LineSettings};

use super::hold::Held;
use super::{Failure, Hold, HoldKey, Hub};
use crate::chip::{LineConfig, Offset};
use crate::clock;

/// By which voltage the chip drives a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Driven {
    /// By none: it is an input, or not held.
    #[default]
    Not,
    Low,
    High,
}

impl Driven {
    fn high(is_high: bool) -> Self {
        if is_high { Self::High } else { Self::Low }
    }
}

/// A line that has, or had, limits.
#[derive(Clone, Debug)]
pub(super) struct Toggled {
    /// Name of its chip.
    chip: String,
    offset: Offset,
    driven: Driven,
    /// Since when it is held, in nanoseconds of `CLOCK_MONOTONIC`; 0: it need not be.
    since_ns: u64,
    /// When the next change would come at the highest rate.
    due_ns: u64,
    refused: u64,
}

impl Toggled {
    fn may_change(&self, limits: Limits, now_ns: u64) -> bool {
        let held = now_ns.saturating_sub(self.since_ns);
        let has_held = |period: Duration| self.since_ns == 0 || held >= ns(period);
        let is_seldom = limits.max_toggle_rate.is_none_or(|rate| {
            let ahead = ns(rate.interval()).saturating_mul(u64::from(rate.burst() - 1));
            now_ns.saturating_add(ahead) >= self.due_ns
        });
        limits.min_hold.is_none_or(|period| has_held(period.0)) && is_seldom
    }

    fn becomes(&mut self, driven: Driven, limits: Limits, now_ns: u64) {
        let before = std::mem::replace(&mut self.driven, driven);
        if before == driven {
            return;
        }
        // A PL061 cannot be told the level of an output before it is one, and so is told at once behind it.
        if before != Driven::Not {
            self.since_ns = now_ns;
        }
        if let Some(rate) = limits.max_toggle_rate {
            self.due_ns = self.due_ns.max(now_ns).saturating_add(ns(rate.interval()));
        }
    }
}

impl Hold {
    fn drives(&self, line: usize) -> Driven {
        if self.outputs >> line & 1 == 0 { Driven::Not } else { self.driven_at(line, self.levels) }
    }

    /// What drives an output when the lines have these levels.
    fn driven_at(&self, line: usize, levels: u64) -> Driven {
        let is_low = self.config.get(line).is_some_and(|config| config.active_low);
        Driven::high((levels >> line & 1 == 1) != is_low)
    }

    fn limits(&self, line: usize) -> Limits {
        self.settings.get(line).map(|settings| settings.limits).unwrap_or_default()
    }
}

impl Hub {
    /// Has changes of a hold's lines counted, if its settings limit any.
    pub(super) fn limit(&mut self, key: HoldKey) {
        let Some(hold) = self.holds.get_mut(key.0) else { return };
        hold.limited = None;
        if !hold.settings.iter().any(|settings| settings.limits.are_any()) {
            return;
        }
        let chip = self.chips.get(hold.chip).map_or("", |slot| &slot.info.name);
        let toggled = &mut self.toggled;
        let record = |(i, &offset): (usize, &Offset)| {
            find(toggled, chip, offset).unwrap_or_else(|| {
                // What another daemon has left is driven as it is.
                let driven = matches!(hold.held, Held::Left).then(|| hold.drives(i));
                let driven = driven.unwrap_or_default();
                let chip = chip.to_owned();
                toggled.push(Toggled { chip, offset, driven, since_ns: 0, due_ns: 0, refused: 0 });
                toggled.len() - 1
            })
        };
        hold.limited = Some(hold.offsets.iter().enumerate().map(record).collect());
    }

    /// Why outputs of a hold may not be set to these levels yet, with those that may not; others may.
    pub fn withheld_levels(&mut self, key: HoldKey, mask: u64, bits: u64) -> Option<Failure> {
        self.withheld(key, |hold, i| (mask >> i & 1 == 1).then(|| hold.driven_at(i, bits)))
    }

    /// Why a hold may not get these settings yet, with the lines whose drive may not change.
    pub fn withheld_settings(&mut self, key: HoldKey, config: &[LineConfig]) -> Option<Failure> {
        self.withheld(key, |_, i| driven(config.get(i)?))
    }

    /// `wanted`: what is to drive a line, if that is told.
    fn withheld(
        &mut self,
        key: HoldKey,
        wanted: impl Fn(&Hold, usize) -> Option<Driven>,
    ) -> Option<Failure> {
        let hold = self.holds.get(key.0)?;
        let limited = hold.limited.as_deref()?;
        let now = clock::now_ns();
        let mut withheld = 0_u64;
        for (i, &record) in limited.iter().enumerate() {
            let Some(toggled) = self.toggled.get_mut(record) else { continue };
            let changes = wanted(hold, i).is_some_and(|wanted| wanted != toggled.driven);
            if changes && !toggled.may_change(hold.limits(i), now) {
                toggled.refused += 1;
                withheld |= 1 << i;
            }
        }
        let first = hold.settings.get(withheld.trailing_zeros() as usize)?;
        let label = self.label(hold);
        Some(too_often(withheld, &hold.offsets, label, first))
    }

    /// Whether lines that nobody holds may become what their settings say on attaching.
    pub(super) fn may_begin(
        &mut self,
        chip: super::ChipKey,
        lines: &[(Offset, LineSettings)],
    ) -> Result<(), Failure> {
        let (mut withheld, now) = (0_u64, clock::now_ns());
        let info = self.chips.get(chip).map(|slot| &slot.info);
        let Some(info) = info.filter(|_| lines.iter().any(|line| line.1.limits.are_any())) else {
            return Ok(());
        };
        for (i, (offset, settings)) in lines.iter().enumerate() {
            let record = find(&self.toggled, &info.name, *offset);
            let Some(toggled) = record.and_then(|record| self.toggled.get_mut(record)) else {
                continue;
            };
            let is_changed = settings.init != Init::AsIs
                && driven(&super::hold::initial(settings)) != Some(toggled.driven);
            if is_changed && !toggled.may_change(settings.limits, now) {
                toggled.refused += 1;
                withheld |= 1 << i;
            }
        }
        let Some((_, first)) = lines.get(withheld.trailing_zeros() as usize) else { return Ok(()) };
        let offsets: Vec<_> = lines.iter().map(|line| line.0).collect();
        Err(too_often(withheld, &offsets, &info.label, first))
    }

    /// Takes note of what drives the lines of a hold now.
    pub(super) fn note_toggles(&mut self, key: HoldKey) {
        self.toggle(key, Hold::drives);
    }

    /// Takes note that nothing drives the lines of a hold any more.
    pub(super) fn note_release(&mut self, key: HoldKey) {
        self.toggle(key, |_, _| Driven::Not);
    }

    fn toggle(&mut self, key: HoldKey, driven: impl Fn(&Hold, usize) -> Driven) {
        let Some(hold) = self.holds.get(key.0) else { return };
        let Some(limited) = hold.limited.as_deref() else { return };
        let now = clock::now_ns();
        for (i, &record) in limited.iter().enumerate() {
            if let Some(toggled) = self.toggled.get_mut(record) {
                toggled.becomes(driven(hold, i), hold.limits(i), now);
            }
        }
    }

    /// How many changes of a line were refused.
    #[must_use]
    pub fn refused(&self, hold: &Hold, line: usize) -> u64 {
        let record =
            hold.limited.as_ref().and_then(|limited| self.toggled.get(*limited.get(line)?));
        record.map_or(0, |toggled| toggled.refused)
    }
}

fn find(toggled: &[Toggled], chip: &str, offset: Offset) -> Option<usize> {
    toggled.iter().position(|line| line.offset == offset && line.chip == chip)
}

/// What drives a line with these settings, if they tell.
fn driven(config: &LineConfig) -> Option<Driven> {
    let is_output = config.direction? == Direction::Output;
    let driven = Driven::high(config.active != config.active_low);
    Some(if is_output { driven } else { Driven::Not })
}

fn ns(period: Duration) -> u64 {
    u64::try_from(period.as_nanos()).unwrap_or(u64::MAX)
}

fn too_often(mask: u64, offsets: &[Offset], label: &str, first: &LineSettings) -> Failure {
    let lines: Vec<_> = super::claim::indices(mask)
        .filter_map(|i| offsets.get(i))
        .map(ToString::to_string)
        .collect();
    let text = format!(
        "gpiochip {label}, line {}: it would change sooner or more often than it may ({}), and stays as \
         it is; change it again later",
        lines.join(", "),
        first.limits
    );
    Failure::new(ErrorCode::TooOften, mask, text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

    use super::*;

    const MS: u64 = 1_000_000;

    fn line() -> Toggled {
        Toggled {
            chip: String::new(),
            offset: 0,
            driven: Driven::Not,
            since_ns: 0,
            due_ns: 0,
            refused: 0,
        }
    }

    /// When, in milliseconds, changes are carried out that come at these times.
    fn carried_out(limits: &str, times: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let map: vgpio_protocol::LineMap = format!("c,gpios=1,{limits}").parse().unwrap();
        let limits = map.settings.limits;
        let mut line = line();
        let mut at = |ms: &u64| {
            let may = line.may_change(limits, ms * MS);
            if may {
                let other = Driven::high(line.driven != Driven::High);
                line.becomes(other, limits, ms * MS);
            }
            may
        };
        times.into_iter().filter(|ms| at(ms)).collect()
    }

    #[test]
    fn a_level_is_held_as_long_as_it_must_but_for_the_first_one() {
        assert_eq!(carried_out("min-hold=10ms", [1, 2, 10, 11, 12, 21]), [1, 2, 12]);
    }

    #[test]
    fn a_second_has_as_many_changes_as_the_rate_says_and_they_may_come_at_once() {
        assert_eq!(carried_out("max-toggle-rate=3", [1; 9]), [1, 1, 1]);
        // A third of a second brings another one.
        assert_eq!(carried_out("max-toggle-rate=3", [1, 1, 1, 300, 335, 336]), [1, 1, 1, 335]);
        let all = carried_out("max-toggle-rate=10", 1..=10_000);
        assert_eq!(all.len(), 10 + 99, "those of the first moment, and ten a second");
    }

    #[test]
    fn less_than_one_a_second_is_one_at_a_time() {
        assert_eq!(carried_out("max-toggle-rate=0.5", [1, 2, 2000, 2001, 2002]), [1, 2001]);
    }

    #[test]
    fn both_limits_hold() {
        let times = carried_out("max-toggle-rate=2,min-hold=100ms", (1..1000).step_by(50));
        assert_eq!(times, [1, 51, 501]);
    }

    #[test]
    fn what_changes_nothing_takes_nothing() {
        let mut line = line();
        line.becomes(Driven::Low, Limits::default(), MS);
        line.becomes(Driven::High, Limits::default(), 2 * MS);
        line.becomes(Driven::High, Limits::default(), 3 * MS);
        assert_eq!(line.since_ns, 2 * MS);
    }
}
