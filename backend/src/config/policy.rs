// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which lines a frontend may attach by line map.

use std::collections::BTreeSet;

use thiserror::Error;
use vgpio_protocol::{LineMap, LineRef};

use crate::chip::{ChipInfo, Offset};

/// Which lines a frontend may attach by line map. Without a rule: none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// A line is allowed when one of them says so.
    pub rules: Vec<Rule>,
}

/// Allows lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// All lines of all chips.
    All,
    /// All lines of a chip, named by its label, name, number or path.
    Chip(String),
    /// Some lines of a chip.
    Lines(String, Vec<LineRef>),
}

impl Rule {
    /// The chip whose lines it lends; `None` for all chips.
    #[must_use]
    pub fn chip(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Chip(chip) | Self::Lines(chip, _) => Some(chip),
        }
    }
}

/// The policy forbids a line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "line {offset} of {chip} may not be attached by line map; attach to an export, or start vgpiod \
     with --gpiodev MAP for these lines or --allow-line-maps={chip}"
)]
pub struct NotAllowed {
    /// The chip's label.
    pub chip: String,
    /// The line.
    pub offset: Offset,
}

impl Policy {
    /// Whether some rule may be about what a frontend calls `chip`. A path is only what a rule says.
    #[must_use]
    pub fn may_mean(&self, chip: &str) -> bool {
        self.rules.iter().any(|rule| match rule {
            Rule::All => true,
            Rule::Chip(named) | Rule::Lines(named, _) => !chip.contains('/') || named == chip,
        })
    }

    /// The chips that rules name, each once.
    pub fn chips(&self) -> impl Iterator<Item = &str> {
        let named = self.rules.iter().filter_map(|rule| match rule {
            Rule::All => None,
            Rule::Chip(named) | Rule::Lines(named, _) => Some(named.as_str()),
        });
        named.collect::<BTreeSet<_>>().into_iter()
    }

    /// Whether some rule is about a chip.
    #[must_use]
    pub fn is_about(&self, chip: &ChipInfo) -> bool {
        self.rules.iter().any(|rule| match rule {
            Rule::All => true,
            Rule::Chip(named) | Rule::Lines(named, _) => chip_is(named, chip),
        })
    }

    /// Whether a line may be attached by line map. `name` is the line's, and may be empty.
    ///
    /// # Errors
    /// When no rule allows it.
    pub fn allows(&self, chip: &ChipInfo, offset: Offset, name: &str) -> Result<(), NotAllowed> {
        let is_line = |line: &LineRef| match line {
            LineRef::Offset(o) => *o == offset,
            LineRef::Name(n) => n == name,
        };
        let allowed = self.rules.iter().any(|rule| match rule {
            Rule::All => true,
            Rule::Chip(c) => chip_is(c, chip),
            Rule::Lines(c, lines) => chip_is(c, chip) && lines.iter().any(is_line),
        });
        allowed.then_some(()).ok_or_else(|| NotAllowed { chip: chip.label.clone(), offset })
    }
}

impl From<&LineMap> for Rule {
    fn from(map: &LineMap) -> Self {
        let lines = map.lines.iter().map(|line| line.line.clone());
        Self::Lines(map.chip.clone(), lines.collect())
    }
}

/// Whether `given` is the chip's label, name, number (of `gpiochip3`: 3) or path.
#[must_use]
pub fn chip_is(given: &str, chip: &ChipInfo) -> bool {
    let name = chip.name.as_str();
    let is_number = || name.strip_prefix("gpiochip") == Some(given);
    let is_path = || {
        given.contains('/')
            && std::fs::canonicalize(given)
                .is_ok_and(|path| path.file_name().is_some_and(|file| file == name))
    };
    given == chip.label || given == name || is_number() || is_path()
}
