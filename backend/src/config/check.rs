// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is wrong between parts that are right by themselves.

use std::collections::HashMap;
use std::time::Duration;

use vgpio_protocol::limits::MAX_LINES;
use vgpio_protocol::{Init, LineRef};

use super::ExportLine;
use super::draft::{Draft, ExportDraft, Placed};
use super::policy::Rule;
use super::problem::{Fault, Place, Problem, has_control};
use super::{sim, vhost_user};
use crate::chip::{Cause, Offset};

/// From the user's names to the host's lines.
pub(super) trait Lines {
    /// The line, or why there is none. `None` when the chip is not looked at.
    fn find(&mut self, chip: &str, line: &LineRef) -> Option<Result<Found, Cause>>;
}

/// A line that is there.
pub(super) struct Found {
    /// The chip's name, which is unique.
    pub name: String,
    /// The chip's label.
    pub label: String,
    /// The line.
    pub offset: Offset,
}

/// Notes all that is wrong.
pub(super) fn check(draft: &Draft, host: &mut dyn Lines) -> Vec<Problem> {
    let mut check = Check { draft, host, problems: Vec::new() };
    check.texts();
    check.labels();
    check.sockets();
    check.exports();
    check.problems.extend(vhost_user::check(draft));
    check.problems
}

/// Whoever is asked more often has little time for anything else, and so has the daemon.
const SHORTEST_WATCHDOG: Duration = Duration::from_millis(10);

struct Check<'d> {
    draft: &'d Draft,
    host: &'d mut dyn Lines,
    problems: Vec<Problem>,
}

/// A host line, as far as it is known.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    /// The chip's name.
    chip: String,
    line: LineRef,
}

/// The name of the chip that a user calls `chip`, as far as it can be told without the chip:
/// `0` and `/dev/gpiochip0` are `gpiochip0`.
fn chip_name(chip: &str) -> String {
    let is_number = !chip.is_empty() && chip.bytes().all(|byte| byte.is_ascii_digit());
    let path = chip.strip_prefix("/dev/");
    if is_number { format!("gpiochip{chip}") } else { path.unwrap_or(chip).to_owned() }
}

impl<'d> Check<'d> {
    fn problem(&mut self, place: &Place, fault: Fault) {
        let place = place.clone();
        self.problems.push(Problem { place, fault });
    }

    /// Names and labels of the command line; those of the file have been looked at.
    fn texts(&mut self) {
        let draft = self.draft;
        for sim in &draft.sims {
            self.text(&sim.place, "label", &sim.value.label);
            for (_, name) in &sim.value.names {
                self.text(&sim.place, "names", name);
            }
        }
        for export in &draft.exports {
            self.text(&export.place, "name", &export.name);
            for line in &export.lines {
                self.text(&line.place, "chip", &line.value.chip);
                if let LineRef::Name(name) = &line.value.line {
                    self.text(&line.place, "gpios", name);
                }
            }
        }
        for rule in &draft.rules {
            if let Rule::Chip(chip) = rule {
                self.text(&Place::Option("--allow-line-maps".into()), "chip", chip);
            }
        }
    }

    fn text(&mut self, place: &Place, key: &str, text: &str) {
        let known = |problem: &Problem| {
            problem.place == *place
                && matches!(&problem.fault, Fault::Control { text: t, .. } if t == text)
        };
        if has_control(text) && !self.problems.iter().any(known) {
            self.problem(place, Fault::Control { key: key.to_owned(), text: text.to_owned() });
        }
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
            if export.watchdog.is_some_and(|period| period.0 < SHORTEST_WATCHDOG) {
                self.problem(&export.place, Fault::WatchdogShort);
            }
            self.vgpios(export);
            let mut own: HashMap<Key, &Place> = HashMap::new();
            for line in &export.lines {
                self.settings(line);
                let Some((key, label)) = self.key(line) else { continue };
                if let Some(&first) = own.get(&key) {
                    self.line_twice(export, line, first, (label, &key.line));
                    continue;
                }
                own.insert(key.clone(), &line.place);
                if let Some(&(other, first)) = lent.get(&key) {
                    self.in_two_exports(other, first, line, (label, &key.line));
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

    /// What the line is on the host, and the chip's label; `None` when it is not there, which is
    /// noted.
    fn key(&mut self, line: &Placed<ExportLine>) -> Option<(Key, String)> {
        let ExportLine { chip, line: name, .. } = &line.value;
        let found = self.simulated(chip, name).or_else(|| self.host.find(chip, name));
        match found {
            None => Some((Key { chip: chip_name(chip), line: name.clone() }, chip.clone())),
            Some(Ok(Found { name, label, offset })) => {
                Some((Key { chip: name, line: LineRef::Offset(offset) }, label))
            }
            Some(Err(mut cause)) => {
                if let Cause::NoChip { available } = &mut cause {
                    let sims = self.draft.sims.iter().map(|sim| sim.value.label.clone());
                    available.splice(0..0, sims);
                }
                let chip = chip.clone();
                self.problem(&line.place, Fault::Chip { chip, cause });
                None
            }
        }
    }

    /// A line of a simulated chip, whose name is `sim0` for the first, and so on.
    fn simulated(&self, chip: &str, line: &LineRef) -> Option<Result<Found, Cause>> {
        let mut sims = (0..).map(sim::name).zip(&self.draft.sims);
        let (name, sim) = sims.find(|(name, sim)| sim.value.label == chip || name == chip)?;
        let (label, found) = (sim.value.label.clone(), sim::find(&sim.value.names, line));
        Some(found.map(|offset| Found { name, label, offset }))
    }

    fn line_twice(
        &mut self,
        export: &ExportDraft,
        line: &Placed<ExportLine>,
        first: &Place,
        (chip, name): (String, &LineRef),
    ) {
        let fault = Fault::LineTwice {
            line: name.to_string(),
            chip,
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
        (chip, name): (String, &LineRef),
    ) {
        if first.value.settings.shared && line.value.settings.shared {
            return;
        }
        let fault = Fault::LineInTwoExports {
            line: name.to_string(),
            chip,
            other: other.name.clone(),
            first: first.place.clone(),
        };
        self.problem(&line.place, fault);
    }
}
