// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the user's names to chips and lines.

use std::collections::HashMap;

use super::api::{ChipReport, Code, LineName, LineReport, OffsetOrName, Refusal};
use super::host::{Host, LineId};
use crate::config::chip_is;

/// Finds chips and lines for one command; asks for each chip's lines once.
pub(super) struct Finder<'a> {
    pub host: &'a mut dyn Host,
    chips: Vec<ChipReport>,
    lines: HashMap<String, Result<Vec<LineReport>, Refusal>>,
}

impl<'a> Finder<'a> {
    pub fn new(host: &'a mut dyn Host) -> Self {
        let chips = host.chips();
        Self { host, chips, lines: HashMap::new() }
    }

    /// The chip of that label, name, number or path; all without one.
    pub fn chips(&self, given: Option<&str>) -> Result<Vec<ChipReport>, Refusal> {
        given.map_or_else(|| Ok(self.chips.clone()), |given| Ok(vec![self.chip(given)?]))
    }

    fn chip(&self, given: &str) -> Result<ChipReport, Refusal> {
        let found: Vec<_> =
            self.chips.iter().filter(|chip| chip_is(given, &(*chip).into())).collect();
        match found[..] {
            [one] => Ok(one.clone()),
            [] => {
                let labels: Vec<_> = self.chips.iter().map(|chip| chip.label.as_str()).collect();
                let there = if labels.is_empty() { "none".into() } else { labels.join(", ") };
                let message = format!("there is no gpiochip '{given}'; there are: {there}");
                Err(Refusal::new(Code::NoChip, message))
            }
            _ => {
                let names: Vec<_> = found.iter().map(|chip| chip.name.as_str()).collect();
                let message = format!(
                    "{} gpiochips are called '{given}'; say which: {}",
                    names.len(),
                    names.join(", ")
                );
                Err(Refusal::new(Code::Ambiguous, message))
            }
        }
    }

    /// All lines of a chip.
    pub fn lines(&mut self, chip: &ChipReport) -> Result<&[LineReport], Refusal> {
        let lines =
            self.lines.entry(chip.name.clone()).or_insert_with(|| self.host.lines(&chip.name));
        lines.as_deref().map_err(Clone::clone)
    }

    /// The line that is meant.
    pub fn line(&mut self, name: &LineName) -> Result<LineReport, Refusal> {
        match (&name.line, &name.chip) {
            (OffsetOrName::Offset(offset), Some(chip)) => self.by_offset(chip, *offset),
            (OffsetOrName::Offset(offset), None) => {
                let message =
                    format!("line {offset} of which chip? Give the chip or a line's name");
                Err(Refusal::new(Code::BadRequest, message))
            }
            (OffsetOrName::Text(text), Some(chip)) if !name.by_name => match text.parse() {
                Ok(offset) => self.by_offset(chip, offset),
                Err(_) => self.by_name(Some(chip), text),
            },
            (OffsetOrName::Text(text), chip) => self.by_name(chip.as_deref(), text),
        }
    }

    /// The lines that are meant, in the order given.
    pub fn all(&mut self, names: &[LineName]) -> Result<Vec<LineReport>, Refusal> {
        match names.len() {
            0 => Err(Refusal::new(Code::BadRequest, "no lines; name at least one")),
            n if n > super::MAX_NAMES => {
                let message = format!("{n} lines; name at most {}", super::MAX_NAMES);
                Err(Refusal::new(Code::BadRequest, message))
            }
            _ => names.iter().map(|name| self.line(name)).collect(),
        }
    }

    /// The pad that is meant: a line of a simulated chip.
    pub fn pad(&mut self, name: &LineName) -> Result<LineId, Refusal> {
        let line = self.line(name)?;
        let chip = self.chips.iter().find(|chip| chip.name == line.chip);
        if chip.is_none_or(|chip| chip.simulated.is_none()) {
            return Err(Refusal::not_simulated(&line.chip));
        }
        Ok(line.id())
    }

    fn by_offset(&mut self, chip: &str, offset: u32) -> Result<LineReport, Refusal> {
        let chip = self.chip(chip)?;
        let found = self.lines(&chip)?.iter().find(|line| line.offset == offset);
        found.cloned().ok_or_else(|| {
            let message = format!(
                "gpiochip {} has no line {offset}; it has {} lines, from 0",
                chip.label, chip.lines
            );
            Refusal::new(Code::NoLine, message)
        })
    }

    fn by_name(&mut self, chip: Option<&str>, name: &str) -> Result<LineReport, Refusal> {
        let mut found = Vec::new();
        let mut unreadable = String::new();
        for chip in self.chips(chip)? {
            match self.lines(&chip) {
                Ok(lines) => found.extend(lines.iter().filter(|line| line.name == name).cloned()),
                Err(refusal) => unreadable = format!(" (not of all chips: {refusal})"),
            }
        }
        match &found[..] {
            [one] => Ok(one.clone()),
            [] => {
                let message = format!(
                    "no line is named '{name}'; `vgpioctl info` lists the names{unreadable}"
                );
                Err(Refusal::new(Code::NoLine, message))
            }
            many => {
                let places: Vec<_> =
                    many.iter().map(|line| format!("{} line {}", line.chip, line.offset)).collect();
                let message = format!(
                    "{} lines are named '{name}' ({}); give chip and offset",
                    places.len(),
                    places.join(", ")
                );
                Err(Refusal::new(Code::Ambiguous, message))
            }
        }
    }
}

impl LineReport {
    /// What the daemon calls the line.
    #[must_use]
    pub fn id(&self) -> LineId {
        LineId { chip: self.chip.clone(), offset: self.offset }
    }
}
