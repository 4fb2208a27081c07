// SPDX-License-Identifier: MIT OR Apache-2.0
//! An `[[export]]`.

use std::str::FromStr;

use nix::unistd::{Group, User};
use vgpio_protocol::limits::MAX_NAME;
use vgpio_protocol::{Limits, LineSettings, UnknownWord};

use super::ExportLine;
use super::access::Access;
use super::draft::{ExportDraft, Placed};
use super::problem::Fault;
use super::read::{Section, Value};

pub(super) fn read(mut section: Section) -> Option<ExportDraft> {
    let name = section.need("name", "\"NAME\"");
    let place = name.as_ref().map_or_else(|| section.place(), Value::place);
    let name = name.and_then(|value| value.text(MAX_NAME));
    let (map, lines) = (section.get("map"), section.get("lines"));
    let lines = match (map, lines) {
        (Some(map), None) => maps(&map),
        (None, Some(lines)) => tables(&lines),
        (map, _) => {
            let (export, both) = (name.unwrap_or_default().to_owned(), map.is_some());
            section.fault(Fault::MapOrLines { export, both });
            Vec::new()
        }
    };
    let access = access(&mut section);
    let watchdog = section.get("watchdog").and_then(|value| value.period());
    section.finish();
    Some(ExportDraft { place, name: name?.to_owned(), lines, access, watchdog })
}

/// One line map, or several for lines of several chips.
fn maps(value: &Value) -> Vec<Placed<ExportLine>> {
    let maps = if value.is_text() {
        vec![value.clone()]
    } else {
        value.list("a line map, or a list of them").unwrap_or_default()
    };
    let lines = maps.iter().filter_map(|map| Some((map.place(), map.map()?)));
    lines
        .flat_map(|(place, map)| {
            ExportLine::of_map(map).map(move |value| Placed { place: place.clone(), value })
        })
        .collect()
}

fn tables(value: &Value) -> Vec<Placed<ExportLine>> {
    let wanted = "a list of tables, [{ chip = \"LABEL\", line = 11 }]";
    let lines = value.list(wanted).unwrap_or_default();
    let read = |(index, table): (usize, &Value)| {
        let place = table.place();
        let value = line(table.table("a line of an export", wanted)?, index)?;
        Some(Placed { place, value })
    };
    lines.iter().enumerate().filter_map(read).collect()
}

fn line(mut section: Section, index: usize) -> Option<ExportLine> {
    let vgpio = match section.get("vgpio") {
        Some(value) => value.number(0, u16::MAX.into()),
        None => u16::try_from(index).ok(),
    };
    let chip = section.need("chip", "\"LABEL\"");
    let chip = chip.and_then(|value| value.text(usize::MAX));
    let line = section.need("line", "OFFSET or \"NAME\"");
    let line = line.and_then(|value| value.line());
    let name = section.get("name").and_then(|value| value.text(MAX_NAME));
    let settings = settings(&mut section);
    section.finish();
    Some(ExportLine {
        vgpio: vgpio?,
        chip: chip?.to_owned(),
        line: line?,
        name: name.map(str::to_owned),
        settings,
    })
}

fn settings(section: &mut Section) -> LineSettings {
    let mut flag = |key| section.get(key).and_then(|value| value.flag());
    let (active_low, shared) = (flag("active-low"), flag("shared"));
    let mut period = |key| section.get(key).and_then(|value| value.period());
    let (debounce, poll, min_hold) = (period("debounce"), period("poll"), period("min-hold"));
    let max_toggle_rate = section.get("max-toggle-rate").and_then(|value| value.rate());
    LineSettings {
        init: word(section, "init"),
        safe: word(section, "safe"),
        bias: word(section, "bias"),
        drive: word(section, "drive"),
        active_low: active_low.unwrap_or_default(),
        edges: word(section, "edges"),
        debounce,
        shared: shared.unwrap_or_default(),
        poll,
        limits: Limits { max_toggle_rate, min_hold },
    }
}

fn word<T: FromStr<Err = UnknownWord> + Default>(section: &mut Section, key: &'static str) -> T {
    let word = section.get(key).and_then(|value| value.word());
    word.unwrap_or_default()
}

/// Who may attach: `users` and `groups`, each names or numbers.
fn access(section: &mut Section) -> Access {
    let wanted = "a list of names or numbers";
    let mut access = Access::default();
    let users = section.get("users").and_then(|value| value.list(wanted));
    for user in users.into_iter().flatten() {
        access.uids.extend(account(&user, "user", uid));
    }
    let groups = section.get("groups").and_then(|value| value.list(wanted));
    for group in groups.into_iter().flatten() {
        let gid = account(&group, "group", gid);
        access.gids.extend(gid);
        access.uids.extend(gid.into_iter().flat_map(members));
    }
    access
}

fn account(value: &Value, kind: &'static str, find: fn(&str) -> Option<u32>) -> Option<u32> {
    if value.is_number() {
        return value.number(0, u32::MAX.into());
    }
    let name = value.text(MAX_NAME)?;
    let id = find(name);
    if id.is_none() {
        let name = name.to_owned();
        value.fault(Fault::NoAccount { kind, name });
    }
    id
}

fn uid(name: &str) -> Option<u32> {
    let user = User::from_name(name).ok().flatten();
    user.map(|user| user.uid.as_raw())
}

fn gid(name: &str) -> Option<u32> {
    let group = Group::from_name(name).ok().flatten();
    group.map(|group| group.gid.as_raw())
}

/// Users whose group it is besides their primary one.
fn members(gid: u32) -> Vec<u32> {
    let group = Group::from_gid(gid.into()).ok().flatten();
    let members = group.map(|group| group.mem).unwrap_or_default();
    members.iter().filter_map(|name| uid(name)).collect()
}
