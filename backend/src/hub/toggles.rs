// SPDX-License-Identifier: MIT OR Apache-2.0
//! How often guests change what drives lines that have limits (`max-toggle-rate=`, `min-hold=`).
//!
//! What counts is the line, whoever has it and by which way: a guest that gives it back and takes it again
//! gains nothing. The daemon's own changes, safe states among them, count and are never refused.

use std::time::Duration;

use vgpio_protocol::{Bias, Direction, Drive, ErrorCode, Limits, LineSettings};

use super::claim::{Found, indices};
use super::hold::{Held, initial};
use super::{Failure, Hold, HoldKey, Hub};
use crate::chip::{LineConfig, Offset};
use crate::clock;

/// What makes the level of a line, as far as that is up to its chip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum By {
    /// Nothing: it is an input, or not held.
    #[default]
    Nothing,
    PullDown,
    PullUp,
    Low,
    High,
}

/// How a line is driven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Driven {
    is_output: bool,
    by: By,
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
    /// The time of one change at that rate, in nanoseconds; 0: it never had one.
    interval_ns: u64,
    refused: u64,
}

impl Toggled {
    fn new(chip: &str, offset: Offset, driven: Driven) -> Self {
        let chip = chip.to_owned();
        Self { chip, offset, driven, since_ns: 0, due_ns: 0, interval_ns: 0, refused: 0 }
    }

    /// Has as many changes count as before where the highest rate is another one.
    fn reckon(&mut self, limits: Limits, now_ns: u64) {
        let Some(interval) = limits.max_toggle_rate.map(|rate| ns(rate.interval())) else { return };
        let before = std::mem::replace(&mut self.interval_ns, interval);
        if before != interval && before != 0 {
            let ahead = u128::from(self.due_ns.saturating_sub(now_ns));
            let ahead = ahead * u128::from(interval) / u128::from(before);
            self.due_ns = now_ns.saturating_add(u64::try_from(ahead).unwrap_or(u64::MAX));
        }
    }

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
        if before.by == driven.by {
            return;
        }
        // A PL061 cannot be told the level of an output before it is one, and so is told at once behind it.
        if before.is_output {
            self.since_ns = now_ns;
        }
        if let Some(rate) = limits.max_toggle_rate {
            self.due_ns = self.due_ns.max(now_ns).saturating_add(ns(rate.interval()));
        }
    }
}

impl Hold {
    fn drives(&self, line: usize) -> Driven {
        self.drives_at(line, self.levels)
    }

    /// How a line is driven when the lines have these levels.
    fn drives_at(&self, line: usize, levels: u64) -> Driven {
        let is_output = self.outputs >> line & 1 == 1;
        let config = self.config.get(line);
        config.map_or_else(Driven::default, |config| {
            drive(config, is_output, levels >> line & 1 == 1)
        })
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
        let (toggled, now) = (&mut self.toggled, clock::now_ns());
        let record = |(i, &offset): (usize, &Offset)| {
            let record = find(toggled, chip, offset).unwrap_or_else(|| {
                // What another daemon has left is driven as it is.
                let driven = matches!(hold.held, Held::Left).then(|| hold.drives(i));
                toggled.push(Toggled::new(chip, offset, driven.unwrap_or_default()));
                toggled.len() - 1
            });
            if let Some(line) = toggled.get_mut(record) {
                line.reckon(hold.limits(i), now);
            }
            record
        };
        hold.limited = Some(hold.offsets.iter().enumerate().map(record).collect());
    }

    /// Why outputs of a hold may not be set to these levels yet, with those that may not; others may.
    pub fn withheld_levels(&mut self, key: HoldKey, mask: u64, bits: u64) -> Option<Failure> {
        self.withheld(key, |hold, i| (mask >> i & 1 == 1).then(|| hold.drives_at(i, bits)))
    }

    /// Why a hold may not get these settings yet, with the lines whose drive may not change.
    pub fn withheld_settings(&mut self, key: HoldKey, config: &[LineConfig]) -> Option<Failure> {
        self.withheld(key, |_, i| driven(config.get(i)?))
    }

    /// The same on attaching lines that were left in a safe state. Those that are to stay as they are, are to become
    /// what the settings call safe at the latest when the guest goes, and that is not refused then.
    pub(super) fn withheld_joining(
        &mut self,
        key: HoldKey,
        config: &[LineConfig],
    ) -> Option<Failure> {
        let safe = self.holds.get(key.0)?.safe();
        self.withheld(key, |_, i| driven(config.get(i)?).or_else(|| driven(safe.get(i)?)))
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
            let changes = wanted(hold, i).is_some_and(|wanted| wanted.by != toggled.driven.by);
            if changes && !toggled.may_change(hold.limits(i), now) {
                toggled.refused += 1;
                withheld |= 1 << i;
            }
        }
        let first = hold.settings.get(withheld.trailing_zeros() as usize)?;
        let offsets: Vec<_> =
            indices(withheld).filter_map(|i| hold.offsets.get(i).copied()).collect();
        Some(too_often(withheld, &offsets, self.label(hold), first))
    }

    /// Whether lines of a chip that nobody uses may become what their settings say on attaching; `lines` are those
    /// among all that are wanted. Those that are held in a safe state are given back before.
    pub(super) fn may_begin(&mut self, wanted: &[Found], lines: u64) -> Result<(), Failure> {
        let (mut withheld, mut offsets, now) = (0_u64, Vec::new(), clock::now_ns());
        for i in indices(lines) {
            let Some(Found { chip, offset, settings }) = wanted.get(i) else { continue };
            let name = self.chips.get(*chip).map_or("", |slot| &slot.info.name);
            let record = find(&self.toggled, name, *offset);
            let Some(toggled) = record.and_then(|record| self.toggled.get_mut(record)) else {
                continue;
            };
            toggled.reckon(settings.limits, now);
            let by = toggled.driven.by;
            let is_given_back = self.owners.contains_key(&(*chip, *offset)) && by != By::Nothing;
            let is_changed = driven(&initial(settings)).is_some_and(|driven| driven.by != by);
            if (is_given_back || is_changed) && !toggled.may_change(settings.limits, now) {
                toggled.refused += 1;
                withheld |= 1 << i;
                offsets.push(*offset);
            }
        }
        let Some(first) = wanted.get(withheld.trailing_zeros() as usize) else { return Ok(()) };
        let label = self.chips.get(first.chip).map_or("", |slot| &slot.info.label);
        Err(too_often(withheld, &offsets, label, &first.settings))
    }

    /// Takes note of how the lines of a hold are driven now.
    pub(super) fn note_toggles(&mut self, key: HoldKey) {
        self.toggle(key, |hold, i| Some(hold.drives(i)));
    }

    /// The same of lines that have just been taken. Those that were taken as they are have no known level yet.
    pub(super) fn note_beginning(&mut self, key: HoldKey) {
        self.toggle(key, |hold, i| {
            hold.config.get(i)?.direction?;
            Some(hold.drives(i))
        });
    }

    /// Takes note that nothing drives the lines of a hold any more.
    pub(super) fn note_release(&mut self, key: HoldKey) {
        self.toggle(key, |_, _| Some(Driven::default()));
    }

    fn toggle(&mut self, key: HoldKey, driven: impl Fn(&Hold, usize) -> Option<Driven>) {
        let Some(hold) = self.holds.get(key.0) else { return };
        let Some(limited) = hold.limited.as_deref() else { return };
        let now = clock::now_ns();
        for (i, &record) in limited.iter().enumerate() {
            if let (Some(toggled), Some(driven)) = (self.toggled.get_mut(record), driven(hold, i)) {
                toggled.becomes(driven, hold.limits(i), now);
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

/// How a line with these settings is driven, if they tell.
fn driven(config: &LineConfig) -> Option<Driven> {
    Some(drive(config, config.direction? == Direction::Output, config.active))
}

/// How a line with these settings is driven as an input, or as an output of that level.
fn drive(config: &LineConfig, is_output: bool, active: bool) -> Driven {
    let LineConfig { drive, bias, active_low, .. } = config.effective();
    let pull = match bias {
        Bias::PullUp => By::PullUp,
        Bias::PullDown => By::PullDown,
        Bias::AsIs | Bias::Disabled => By::Nothing,
    };
    let by = match (is_output, active != active_low, drive) {
        (false, ..) | (true, true, Drive::OpenDrain) | (true, false, Drive::OpenSource) => pull,
        (true, true, _) => By::High,
        (true, false, _) => By::Low,
    };
    Driven { is_output, by }
}

fn ns(period: Duration) -> u64 {
    u64::try_from(period.as_nanos()).unwrap_or(u64::MAX)
}

/// `offsets` are those of the lines, `first` the settings of the first one.
fn too_often(mask: u64, offsets: &[Offset], label: &str, first: &LineSettings) -> Failure {
    let lines: Vec<_> = offsets.iter().map(ToString::to_string).collect();
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

    const LOW: Driven = Driven { is_output: true, by: By::Low };
    const HIGH: Driven = Driven { is_output: true, by: By::High };

    fn line() -> Toggled {
        Toggled::new("", 0, Driven::default())
    }

    fn limits(keys: &str) -> Limits {
        let map: vgpio_protocol::LineMap = format!("c,gpios=1,{keys}").parse().unwrap();
        map.settings.limits
    }

    /// When, in milliseconds, changes are carried out that come at these times.
    fn carried_out(keys: &str, times: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let (limits, mut line) = (limits(keys), line());
        let mut at = |ms: &u64| {
            let may = line.may_change(limits, ms * MS);
            if may {
                let other = if line.driven == HIGH { LOW } else { HIGH };
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
        line.becomes(LOW, Limits::default(), MS);
        line.becomes(HIGH, Limits::default(), 2 * MS);
        line.becomes(HIGH, Limits::default(), 3 * MS);
        assert_eq!(line.since_ns, 2 * MS);
    }

    #[test]
    fn changes_count_as_many_for_the_next_guest_whatever_its_limits_are() {
        let (slow, fast) = (limits("max-toggle-rate=0.001"), limits("max-toggle-rate=10"));
        let mut line = line();
        line.reckon(slow, MS);
        line.becomes(LOW, slow, MS);
        line.becomes(HIGH, slow, MS);
        line.reckon(fast, MS);
        // Two of ten.
        assert_eq!(line.due_ns, 201 * MS);
        line.reckon(slow, MS);
        assert_eq!(line.due_ns, 2_000_001 * MS);
    }
}
