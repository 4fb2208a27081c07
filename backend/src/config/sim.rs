// SPDX-License-Identifier: MIT OR Apache-2.0
//! A `[[sim]]`: a simulated R-Car block.

use thiserror::Error;
use vgpio_protocol::limits::MAX_NAME;
use vgpio_protocol::{LineRef, UnknownWord};
use vgpio_rcar::{LINES, Pull, UnknownGeneration};

use super::SimConfig;
use super::draft::Placed;
use super::problem::Fault;
use super::read::{Section, Value};
use crate::chip::Cause;

pub(super) fn read(mut section: Section) -> Option<Placed<SimConfig>> {
    let model = section.need("model", "\"rcar-gen3\"");
    let model = model.and_then(|value| {
        let model = value.text(usize::MAX)?.parse();
        model.map_err(|model| value.fault(Fault::Model(model))).ok()
    });
    let label = section.need("label", "\"e6055400.gpio\"");
    let place = label.as_ref().map_or_else(|| section.place(), Value::place);
    let label = label.and_then(|value| value.text(MAX_NAME)).map(str::to_owned);
    let names = section.get("names").map(|names| self::names(&names)).unwrap_or_default();
    let pads = Pads { label: label.clone().unwrap_or_default(), names };
    let pulls = pads.each(section.get("pulls"), |value| value.word().map(|Words(pull)| pull));
    let levels = pads.each(section.get("levels"), |value| value.word().map(|Words(level)| level));
    let wires = section.get("wires").map(|wires| pads.wires(&wires)).unwrap_or_default();
    section.finish();
    let value = SimConfig { model: model?, label: label?, names: pads.names, pulls, levels, wires };
    Some(Placed { place, value })
}

/// `{ 11 = "LED1" }`
fn names(value: &Value) -> Vec<(u32, String)> {
    let Some(section) = value.table("names", "a table from offsets, { 11 = \"LED1\" }") else {
        return Vec::new();
    };
    let mut names: Vec<(u32, String)> = Vec::new();
    for value in section.entries() {
        let Some(offset) = offset(&value) else {
            continue;
        };
        let Some(name) = value.text(MAX_NAME) else {
            continue;
        };
        if names.iter().any(|(_, other)| other == name) {
            value.fault(Fault::NameTwice(name.to_owned()));
        }
        names.push((offset, name.to_owned()));
    }
    names.sort_unstable();
    names
}

/// The offset that the key is.
fn offset(value: &Value) -> Option<u32> {
    let offset = value.key.parse().ok().filter(|&offset| offset < LINES);
    if offset.is_none() {
        value.fault(Fault::OutOfRange {
            key: "offset".into(),
            value: value.key.clone(),
            min: 0,
            max: i64::from(LINES) - 1,
        });
    }
    offset
}

/// The pads of a block, found by offset or name.
struct Pads {
    label: String,
    names: Vec<(u32, String)>,
}

impl Pads {
    /// A table from pads to something.
    fn each<T>(&self, table: Option<Value>, read: impl Fn(&Value) -> Option<T>) -> Vec<(u32, T)> {
        let wanted = "a table from lines, { 12 = \"up\", BUTTON = \"down\" }";
        let section = table.and_then(|table| table.table("pads", wanted));
        let entries = section.iter().flat_map(Section::entries);
        entries
            .filter_map(|mut value| {
                let line = match value.key.parse() {
                    Ok(offset) => LineRef::Offset(offset),
                    Err(_) => LineRef::Name(value.key.clone()),
                };
                value.key = format!("line {line}");
                let pad = self.find(&value, &line);
                let read = read(&value);
                Some((pad?, read?))
            })
            .collect()
    }

    /// A list of pairs of pads.
    fn wires(&self, value: &Value) -> Vec<(u32, u32)> {
        let wanted = "a list of pairs of lines, [[\"LED1\", \"BUTTON\"], [3, 4]]";
        let wires = value.list(wanted).unwrap_or_default();
        wires.iter().filter_map(|wire| self.wire(wire, wanted)).collect()
    }

    fn wire(&self, value: &Value, wanted: &'static str) -> Option<(u32, u32)> {
        let ends: Vec<_> = value.list(wanted)?;
        let found: Vec<_> = ends.iter().filter_map(|end| self.find(end, &end.line()?)).collect();
        match found[..] {
            [a, b] if a != b => Some((a, b)),
            _ if found.len() == ends.len() => {
                value.fault(Fault::WireEnds);
                None
            }
            _ => None,
        }
    }

    fn find(&self, value: &Value, line: &LineRef) -> Option<u32> {
        let found = find(&self.names, line);
        found
            .map_err(|cause| {
                let chip = self.label.clone();
                value.fault(Fault::Chip { chip, cause });
            })
            .ok()
    }
}

/// The name of the `i`-th simulated chip.
pub(crate) fn name(i: usize) -> String {
    format!("sim{i}")
}

/// The offset of a line of a block whose lines have these names.
pub(super) fn find(names: &[(u32, String)], line: &LineRef) -> Result<u32, Cause> {
    let lines = LINES;
    match line {
        LineRef::Offset(offset) if *offset < lines => Ok(*offset),
        LineRef::Offset(_) => Err(Cause::NoLine { lines }),
        LineRef::Name(name) => {
            let found = names.iter().find(|(_, n)| n == name);
            found
                .map(|&(offset, _)| offset)
                .ok_or_else(|| Cause::NoName { name: name.clone(), matches: 0 })
        }
    }
}

/// Words for pulls and levels.
struct Words<T>(T);

impl std::str::FromStr for Words<Pull> {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        choose(word, &["none", "up", "down"], [Pull::None, Pull::Up, Pull::Down])
    }
}

impl std::str::FromStr for Words<bool> {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        choose(word, &["low", "high"], [false, true])
    }
}

fn choose<T: Copy, const N: usize>(
    word: &str,
    words: &'static [&'static str; N],
    values: [T; N],
) -> Result<Words<T>, UnknownWord> {
    let at = words.iter().position(|w| *w == word);
    at.map(|at| Words(values[at])).ok_or_else(|| UnknownWord { word: word.to_owned(), words })
}

/// Why text is no simulated block.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SimError {
    /// The model is wrong.
    #[error(transparent)]
    Model(#[from] UnknownGeneration),
    /// There is no label.
    #[error("no label; write MODEL,label=LABEL, rcar-gen3,label=e6055400.gpio")]
    NoLabel,
    /// Text that is none of its keys.
    #[error("'{0}' is not label=LABEL or names=A:B")]
    Key(String),
    /// A key that was there before.
    #[error("'{0}' is given twice")]
    KeyTwice(String),
    /// A label or name that is too long.
    #[error("'{0}' has more than {MAX_NAME} bytes")]
    TooLong(String),
    /// Too many names.
    #[error("{0} names; the block has {LINES} lines")]
    TooManyNames(usize),
    /// Two lines of one name.
    #[error("the name '{0}' is given to two lines")]
    NameTwice(String),
}

/// `rcar-gen3,label=e6055400.gpio,names=A:B::D`: an empty name is none.
impl std::str::FromStr for SimConfig {
    type Err = SimError;

    fn from_str(text: &str) -> Result<Self, SimError> {
        let mut fields = text.split(',');
        let model = fields.next().unwrap_or_default().parse()?;
        let (mut label, mut names) = (None, None);
        for field in fields {
            let (key, value) = match field.split_once('=') {
                Some(("label", value)) => (&mut label, value),
                Some(("names", value)) => (&mut names, value),
                _ => return Err(SimError::Key(field.to_owned())),
            };
            if key.replace(value).is_some() {
                return Err(SimError::KeyTwice(field.to_owned()));
            }
        }
        let label = label.filter(|label| !label.is_empty()).ok_or(SimError::NoLabel)?;
        if label.len() > MAX_NAME {
            return Err(SimError::TooLong(label.to_owned()));
        }
        Ok(Self {
            model,
            label: label.to_owned(),
            names: option_names(names.unwrap_or_default())?,
            pulls: Vec::new(),
            levels: Vec::new(),
            wires: Vec::new(),
        })
    }
}

fn option_names(text: &str) -> Result<Vec<(u32, String)>, SimError> {
    let all: Vec<_> = text.split(':').collect();
    let mut names: Vec<(u32, String)> = Vec::new();
    for (offset, &name) in (0..).zip(&all) {
        if offset >= LINES {
            return Err(SimError::TooManyNames(all.len()));
        }
        if name.len() > MAX_NAME {
            return Err(SimError::TooLong(name.to_owned()));
        }
        if names.iter().any(|(_, other)| other == name) {
            return Err(SimError::NameTwice(name.to_owned()));
        }
        if !name.is_empty() {
            names.push((offset, name.to_owned()));
        }
    }
    Ok(names)
}
