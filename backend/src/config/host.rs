// SPDX-License-Identifier: MIT OR Apache-2.0
//! Looks at this host's chips without taking a line.

use std::collections::HashMap;

use vgpio_protocol::LineRef;

use super::check::{Found, Lines};
use crate::chip::{Cause, Chip, ChipError};

/// Opens a chip by its label, name, number or path.
pub type Open = dyn Fn(&str) -> Result<Box<dyn Chip>, ChipError>;

/// No chip is looked at.
pub(super) struct Unseen;

impl Lines for Unseen {
    fn find(&mut self, _: &str, _: &LineRef) -> Option<Result<Found, Cause>> {
        None
    }
}

/// Chips of this host, each opened once.
pub(super) struct Seen<'o> {
    open: &'o Open,
    chips: HashMap<String, Box<dyn Chip>>,
}

impl<'o> Seen<'o> {
    pub fn new(open: &'o Open) -> Self {
        Self { open, chips: HashMap::new() }
    }

    fn line(&mut self, name: &str, line: &LineRef) -> Result<Found, ChipError> {
        if !self.chips.contains_key(name) {
            self.chips.insert(name.to_owned(), (self.open)(name)?);
        }
        let chip = &self.chips[name];
        let (name, label) = (chip.info().name.clone(), chip.info().label.clone());
        let offset = match line {
            LineRef::Offset(offset) => chip.line(*offset)?.offset,
            LineRef::Name(line) => chip.find_line(line)?,
        };
        Ok(Found { name, label, offset })
    }
}

impl Lines for Seen<'_> {
    fn find(&mut self, chip: &str, line: &LineRef) -> Option<Result<Found, Cause>> {
        Some(self.line(chip, line).map_err(|error| error.cause))
    }
}

/// Chips of this host as far as they are there; the others may come later.
pub(super) struct Present<'o>(pub Seen<'o>);

impl Lines for Present<'_> {
    fn find(&mut self, chip: &str, line: &LineRef) -> Option<Result<Found, Cause>> {
        self.0.line(chip, line).ok().map(Ok)
    }
}
