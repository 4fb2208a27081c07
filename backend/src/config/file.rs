// SPDX-License-Identifier: MIT OR Apache-2.0
//! The configuration file.

use std::path::PathBuf;

use toml::de::DeTable;
use vgpio_protocol::UnknownWord;

use super::draft::{Draft, Placed};
use super::policy::Rule;
use super::problem::{Fault, Problem};
use super::read::{Reader, Section, Value};
use super::{Blocking, ChipConfig, export, sim, vhost_user};

/// Longest path of a Unix socket, in bytes (`linux/un.h`, `UNIX_PATH_MAX` and a zero).
pub(super) const MAX_SOCKET_PATH: usize = 107;
/// Longest label or path of a chip.
const MAX_CHIP: usize = 4096;

/// Reads a file's text. What it says is there as far as it is right.
pub(super) fn read(text: &str) -> (Draft, Vec<Problem>) {
    let reader = Reader::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = error.span().map_or(0, |span| span.start);
        let message = error.message().replace('\n', ", ");
        reader.problem(at, Fault::Syntax(message));
    }
    let draft = if errors.is_empty() {
        top(Section::new(&reader, "the file", table.get_ref(), 0))
    } else {
        Draft::default()
    };
    (draft, reader.into_problems())
}

fn top(mut top: Section) -> Draft {
    let path = |value: Value| value.text(MAX_SOCKET_PATH).map(PathBuf::from);
    let mut draft = Draft {
        socket: top.get("socket").and_then(path),
        control: top.get("control").and_then(path),
        max_sessions: top.get("max-sessions").and_then(|value| value.number(1, 65_536)),
        keep: top.get("keep").and_then(|value| value.word()),
        grace: top.get("grace").and_then(|value| value.period()),
        ..Draft::default()
    };
    if let Some(value) = top.get("allow-line-maps") {
        draft.rules = rules(&value);
    }
    draft.sims = sections(&mut top, "sim", "[[sim]]", sim::read);
    draft.chips = sections(&mut top, "chip", "[[chip]]", chip);
    draft.exports = sections(&mut top, "export", "[[export]]", export::read);
    draft.vhost_users = sections(&mut top, "vhost-user", "[[vhost-user]]", vhost_user::read);
    top.finish();
    draft
}

fn sections<T>(
    top: &mut Section,
    key: &'static str,
    name: &'static str,
    read: impl Fn(Section) -> Option<T>,
) -> Vec<T> {
    let wanted = match key {
        "sim" => "sections that start with [[sim]]",
        "chip" => "sections that start with [[chip]]",
        "vhost-user" => "sections that start with [[vhost-user]]",
        _ => "sections that start with [[export]]",
    };
    let list = top.get(key).and_then(|value| value.list(wanted));
    let sections = list.into_iter().flatten();
    sections.filter_map(|section| read(section.table(name, wanted)?)).collect()
}

/// `true`, `false`, or chips.
fn rules(value: &Value) -> Vec<Rule> {
    if value.is_flag() {
        return value.flag().filter(|&all| all).map(|_| Rule::All).into_iter().collect();
    }
    let chips = value.list("true, false or a list of chips").unwrap_or_default();
    let chips = chips.iter().filter_map(|chip| chip.text(MAX_CHIP));
    chips.map(|chip| Rule::Chip(chip.to_owned())).collect()
}

fn chip(mut section: Section) -> Option<Placed<ChipConfig>> {
    let place = section.place();
    let chip = section.need("chip", "\"LABEL\"");
    let chip = chip.and_then(|value| value.text(MAX_CHIP).map(str::to_owned));
    let blocking = section.get("blocking").and_then(|value| value.word());
    section.finish();
    let value = ChipConfig { chip: chip?, blocking: blocking.unwrap_or_default() };
    Some(Placed { place, value })
}

impl std::str::FromStr for Blocking {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "auto" => Ok(Self::Auto),
            "yes" => Ok(Self::Yes),
            "no" => Ok(Self::No),
            _ => Err(UnknownWord { word: word.to_owned(), words: &["auto", "yes", "no"] }),
        }
    }
}
