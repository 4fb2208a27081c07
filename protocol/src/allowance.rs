// SPDX-License-Identifier: MIT OR Apache-2.0
//! How often a guest may change what drives a line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::settings::Period;

/// Limits of a line's changes; `None` for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// How many changes a second there may be.
    pub max_toggle_rate: Option<ToggleRate>,
    /// How long the line must stay as it is after a change.
    pub min_hold: Option<Period>,
}

impl Limits {
    /// Whether there are any.
    #[must_use]
    pub fn are_any(self) -> bool {
        self != Self::default()
    }

    /// The stricter of both, one by one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let rates = [self.max_toggle_rate, other.max_toggle_rate];
        let holds = [self.min_hold, other.min_hold];
        Self {
            max_toggle_rate: rates.into_iter().flatten().min(),
            min_hold: holds.into_iter().flatten().max_by_key(|period| period.0),
        }
    }
}

impl fmt::Display for Limits {
    /// As keys of a line map; nothing where there are none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.max_toggle_rate.map(|rate| format!("max-toggle-rate={rate}"));
        let hold = self.min_hold.map(|hold| format!("min-hold={hold}"));
        f.write_str(&rate.into_iter().chain(hold).collect::<Vec<_>>().join(","))
    }
}

/// Changes of a line in a second, 0.001 to 1,000,000, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ToggleRate(u32);

/// Why text is no [`ToggleRate`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "'{0}' is no rate; say how many toggles a second, 0.001 to 1000000, with at most three decimals"
)]
pub struct RateError(String);

/// The highest rate, in thousandths of a toggle a second.
const HIGHEST: u32 = 1_000_000_000;

impl ToggleRate {
    /// The time of one change in the mean.
    #[must_use]
    pub fn interval(self) -> Duration {
        Duration::from_nanos(1_000_000_000_000 / u64::from(self.0))
    }

    /// How many changes may come at once after a rest: those of a second, and one at least.
    #[must_use]
    pub fn burst(self) -> u32 {
        (self.0 / 1000).max(1)
    }
}

impl FromStr for ToggleRate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let bad = || RateError(text.to_owned());
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number(whole) || !is_number(decimals) || decimals.len() > 3 {
            return Err(bad());
        }
        let whole: u32 = whole.parse().map_err(|_| bad())?;
        let decimals: u32 = format!("{decimals:0<3}").parse().map_err(|_| bad())?;
        let rate = whole.checked_mul(1000).and_then(|rate| rate.checked_add(decimals));
        let rate = rate.filter(|rate| (1..=HIGHEST).contains(rate));
        rate.map(Self).ok_or_else(bad)
    }
}

impl fmt::Display for ToggleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 1000, self.0 % 1000) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, decimals) => {
                let decimals = format!("{decimals:03}");
                write!(f, "{whole}.{}", decimals.trim_end_matches('0'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Option<ToggleRate> {
        text.parse().ok()
    }

    #[test]
    fn rates_are_read_and_written_alike() {
        for text in ["0.001", "0.5", "5", "2.25", "1000000"] {
            assert_eq!(rate(text).map(|rate| rate.to_string()).as_deref(), Some(text));
        }
        for text in ["", "0", "0.0", ".5", "5.", "5.0001", "-1", "+1", "1e3", "1000000.001", "5/s"]
        {
            assert_eq!(rate(text), None, "{text}");
        }
    }

    #[test]
    fn a_rate_has_an_interval_and_a_burst() {
        let of = |text| rate(text).map(|rate| (rate.interval(), rate.burst()));
        assert_eq!(of("0.5"), Some((Duration::from_secs(2), 1)));
        assert_eq!(of("20"), Some((Duration::from_millis(50), 20)));
        assert_eq!(of("1000000"), Some((Duration::from_micros(1), 1_000_000)));
    }

    #[test]
    fn the_stricter_limits_hold() {
        let period = |ms| Some(Period(Duration::from_millis(ms)));
        let slow = Limits { max_toggle_rate: rate("2"), min_hold: None };
        let long = Limits { max_toggle_rate: rate("9"), min_hold: period(7) };
        let both = Limits { max_toggle_rate: rate("2"), min_hold: period(7) };
        assert_eq!((slow.and(long), long.and(slow)), (both, both));
        assert!(both.are_any() && !Limits::default().are_any());
    }
}
