// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is wrong between parts that are right by themselves.

use std::collections::HashMap;

use vgpio_protocol::limits::MAX_LINES;
use vgpio_protocol::{Init, LineRef};

use super::ExportLine;
use super::draft::{Draft, ExportDraft, Placed};
use super::problem::{Fault, Place, Problem};
use super::sim;
use crate::chip::{Cause, Offset};

/// From the user's names to the host's lines.
pub(super) trait Lines {
    /// Label of the chip and offset, or why there is no such line.
    /// `None` when the chip is not looked at.
    fn find(&mut self, chip: &str, line: &LineRef) -> Option<Result<(String, Offset), Cause>>;
}

/// Notes all that is wrong.
pub(super) fn check(draft: &Draft, host: &mut dyn Lines) -> Vec<Problem> {
    let mut check = Check { draft, host, problems: Vec::new() };
    check.labels();
    check.sockets();
    check.exports();
    check.problems
}

struct Check<'d> {
    draft: &'d Draft,
    host: &'d mut dyn Lines,
    problems: Vec<Problem>,
}

/// A host line, as far as it is known.
type Key = (String, LineRef);

impl<'d> Check<'d> {
    fn problem(&mut self, place: &Place, fault: Fault) {
        let place = place.clone();
        self.problems.push(Problem { place, fault });
    }

    fn labels(&mut self) {
        let sims = self.draft.sims.iter().map(|sim| (&sim.place, sim.value.label.as_str()));
        self.twice("[[sim]]", sims);
        let chips = self.draft.chips.iter().map(|chip| (&chip.place, chip.value.chip.as_str()));
        self.twice("[[chip]]", chips);
    }

    fn twice(&mut self, section: &'static str, names: impl Iterator<Item = (&'d Place, &'d str)>) {
        let mut seen: HashMap<&str, &Place> = HashMap::new();
        for (place, name) in names {
            if let Some(&first) = seen.get(name) {
                let (name, first) = (name.to_owned(), first.clone());
                self.problem(place, Fault::SectionTwice { section, name, first });
            } else {
                seen.insert(name, place);
            }
        }
    }

    fn sockets(&mut self) {
        if let (Some(socket), Some(control)) = (&self.draft.socket, &self.draft.control)
            && socket == control
        {
            let place = Place::File { line: 1, column: 1 };
            self.problem(&place, Fault::OneSocket(socket.display().to_string()));
        }
    }

    fn exports(&mut self) {
        let mut names: HashMap<&str, &Place> = HashMap::new();
        let mut lent: HashMap<Key, (&ExportDraft, &Placed<ExportLine>)> = HashMap::new();
        for export in &self.draft.exports {
            if let Some(&first) = names.get(export.name.as_str()) {
                let (name, first) = (export.name.clone(), first.clone());
                self.problem(&export.place, Fault::ExportTwice { name, first });
            } else {
                names.insert(&export.name, &export.place);
            }
            if export.lines.len() > MAX_LINES {
                let fault = Fault::TooManyLines(export.name.clone(), export.lines.len());
                self.problem(&export.place, fault);
            }
            self.vgpios(export);
            let mut own: HashMap<Key, &Place> = HashMap::new();
            for line in &export.lines {
                self.settings(line);
                let Some(key) = self.key(line) else { continue };
                if let Some(&first) = own.get(&key) {
                    self.line_twice(export, line, first, &key);
                    continue;
                }
                own.insert(key.clone(), &line.place);
                if let Some(&(other, first)) = lent.get(&key) {
                    self.in_two_exports(other, first, line, &key);
                } else {
                    lent.insert(key, (export, line));
                }
            }
        }
    }

    fn vgpios(&mut self, export: &ExportDraft) {
        let mut seen: HashMap<u16, &Place> = HashMap::new();
        for line in &export.lines {
            let vgpio = line.value.vgpio;
            if let Some(&first) = seen.get(&vgpio) {
                let (export, first) = (export.name.clone(), first.clone());
                self.problem(&line.place, Fault::VgpioTwice { vgpio, export, first });
            } else {
                seen.insert(vgpio, &line.place);
            }
        }
    }

    fn settings(&mut self, line: &Placed<ExportLine>) {
        let settings = line.value.settings;
        if settings.poll.is_some_and(|poll| poll.0.is_zero()) {
            self.problem(&line.place, Fault::PollZero);
        }
        if settings.shared && matches!(settings.init, Init::Low | Init::High) {
            self.problem(&line.place, Fault::SharedOutput(settings.init));
        }
    }

    /// What the line is on the host; `None` when it is not there, which is noted.
    fn key(&mut self, line: &Placed<ExportLine>) -> Option<Key> {
        let ExportLine { chip, line: name, .. } = &line.value;
        let found = self.simulated(chip, name).or_else(|| self.host.find(chip, name));
        match found {
            None => Some((chip.clone(), name.clone())),
            Some(Ok((label, offset))) => Some((label, LineRef::Offset(offset))),
            Some(Err(cause)) => {
                let chip = chip.clone();
                self.problem(&line.place, Fault::Chip { chip, cause });
                None
            }
        }
    }

    fn simulated(&self, chip: &str, line: &LineRef) -> Option<Result<(String, Offset), Cause>> {
        let sim = self.draft.sims.iter().find(|sim| sim.value.label == chip)?;
        let found = sim::find(&sim.value.names, line);
        Some(found.map(|offset| (chip.to_owned(), offset)))
    }

    fn line_twice(
        &mut self,
        export: &ExportDraft,
        line: &Placed<ExportLine>,
        first: &Place,
        (chip, name): &Key,
    ) {
        let fault = Fault::LineTwice {
            line: name.to_string(),
            chip: chip.clone(),
            export: export.name.clone(),
            first: first.clone(),
        };
        self.problem(&line.place, fault);
    }

    fn in_two_exports(
        &mut self,
        other: &ExportDraft,
        first: &Placed<ExportLine>,
        line: &Placed<ExportLine>,
        (chip, name): &Key,
    ) {
        if first.value.settings.shared && line.value.settings.shared {
            return;
        }
        let fault = Fault::LineInTwoExports {
            line: name.to_string(),
            chip: chip.clone(),
            other: other.name.clone(),
            first: first.place.clone(),
        };
        self.problem(&line.place, fault);
    }
}
