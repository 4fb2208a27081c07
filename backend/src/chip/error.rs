// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong with a chip.

use std::io;

use thiserror::Error;

use super::{ChipInfo, Offset};

/// Which chip and lines failed, at what, and why.
#[derive(Debug, Error)]
#[error("gpiochip {chip}{}: {what}", lines(.offsets))]
pub struct ChipError {
    /// The chip's label, or what the user called it.
    pub chip: String,
    /// The lines concerned; empty when it is the chip itself.
    pub offsets: Vec<Offset>,
    /// What was attempted: `cannot set levels`.
    pub what: &'static str,
    /// Why it failed.
    #[source]
    pub cause: Cause,
}

impl ChipError {
    /// An error of a chip or of some of its lines.
    #[must_use]
    pub fn new(chip: &ChipInfo, offsets: Vec<Offset>, what: &'static str, cause: Cause) -> Self {
        let chip = if chip.label.is_empty() { &chip.name } else { &chip.label };
        Self { chip: chip.clone(), offsets, what, cause }
    }
}

/// Why an operation on a chip failed. Each says what to do next.
#[derive(Debug, Error)]
pub enum Cause {
    /// No chip by that label, name, number or path.
    #[error("there is no such chip; there are: {}", list(.available))]
    NoChip {
        /// Labels of those that there are.
        available: Vec<String>,
    },
    /// Two chips or more have that label.
    #[error("{} have that label; give the name instead", .names.join(" and "))]
    Ambiguous {
        /// Names of the chips.
        names: Vec<String>,
    },
    /// A device, but not a gpiochip.
    #[error("this is no gpiochip; `vgpioctl detect` lists those that there are")]
    NotAChip,
    /// The chip has no such line.
    #[error("the chip has {lines} lines, 0 to {}", .lines.saturating_sub(1))]
    NoLine {
        /// How many lines it has.
        lines: u32,
    },
    /// No line of the chip has that name, or two have.
    #[error("{}", named(.name, *.matches))]
    NoName {
        /// The name.
        name: String,
        /// How many lines have it.
        matches: usize,
    },
    /// Somebody else holds the line.
    #[error("held by '{consumer}'; end it, or map another line")]
    Busy {
        /// Who.
        consumer: String,
    },
    /// The host denies access.
    #[error(
        "permission denied; give this user access to the device, for example by its group (ls -l {path})"
    )]
    Permission {
        /// The device.
        path: String,
    },
    /// The chip lacks a setting.
    #[error("the chip does not support {setting}; choose another setting")]
    NotSupported {
        /// Which setting.
        setting: &'static str,
    },
    /// The chip cannot detect edges of the line.
    #[error("the chip cannot detect edges of it")]
    NoEdges,
    /// The chip was removed.
    #[error("the chip was removed")]
    Gone,
    /// The host failed in another way.
    #[error(transparent)]
    Host(#[from] io::Error),
}

impl Cause {
    /// The host's error number, 0 if there is none.
    #[must_use]
    pub fn errno(&self) -> u16 {
        match self {
            Self::Host(error) => {
                error.raw_os_error().and_then(|errno| errno.try_into().ok()).unwrap_or(0)
            }
            _ => 0,
        }
    }
}

fn lines(offsets: &[Offset]) -> String {
    match offsets {
        [] => String::new(),
        [one] => format!(" line {one}"),
        many => {
            let many: Vec<_> = many.iter().map(ToString::to_string).collect();
            format!(" lines {}", many.join(", "))
        }
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn named(name: &str, matches: usize) -> String {
    match matches {
        0 => format!("no line is named '{name}'; `vgpioctl info` or `gpioinfo` list the names"),
        n => format!("{n} lines are named '{name}'; give the offset instead"),
    }
}
