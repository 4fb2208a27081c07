// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a line of JSON to what the daemon does and answers.

use std::time::Duration;

use serde::Serialize;

use super::MAX_PRESS_MS;
use super::api::{Code, LevelReport, LineName, LineReport, MonitoredLine, Refusal};
use super::find::Finder;
use super::host::{Host, LineId, Ticket};
use super::request::{self, Command, PressLevel};

/// What comes of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The answer, without an end of line; none while it has to wait.
    pub reply: Option<String>,
    /// What is to be done besides.
    pub then: Then,
}

/// What a command leaves to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    Nothing,
    /// Give the client every event of these lines, under the command's number.
    Monitor(u64, Vec<LineId>),
    /// Answer the command of that number when the ticket is done.
    Wait(u64, Ticket),
}

/// Carries out one command. `line` comes from the client and may be anything.
pub fn dispatch(line: &str, host: &mut dyn Host) -> Outcome {
    let (id, command) = match request::parse(line) {
        Ok(command) => command,
        Err((id, refusal)) => return Outcome::reply(message(id, "error", &json(&refusal))),
    };
    match run(command, host) {
        Ok(Done::Reply(ok)) => Outcome::reply(message(Some(id), "ok", &ok)),
        Ok(Done::Monitor(lines, ok)) => Outcome {
            then: Then::Monitor(id, lines),
            ..Outcome::reply(message(Some(id), "ok", &ok))
        },
        Ok(Done::Wait(ticket)) => Outcome { reply: None, then: Then::Wait(id, ticket) },
        Err(refusal) => Outcome::reply(message(Some(id), "error", &json(&refusal))),
    }
}

impl Outcome {
    fn reply(reply: String) -> Self {
        Self { reply: Some(reply), then: Then::Nothing }
    }
}

/// One line of the daemon, `{"id":1,"ok":...}`; `value` is JSON.
pub(super) fn message(id: Option<u64>, key: &str, value: &str) -> String {
    let id = id.map_or_else(|| "null".to_owned(), |id| id.to_string());
    format!("{{\"id\":{id},\"{key}\":{value}}}")
}

pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("reports have text keys only")
}

/// What a command gives; answers are JSON.
enum Done {
    Reply(String),
    Monitor(Vec<LineId>, String),
    Wait(Ticket),
}

fn run(command: Command, host: &mut dyn Host) -> Result<Done, Refusal> {
    let mut find = Finder::new(host);
    match command {
        Command::Detect { chip } => Ok(ok(&find.chips(chip.as_deref())?)),
        Command::Info { chip, lines } if lines.is_empty() => {
            let mut all = Vec::new();
            for each in find.chips(chip.as_deref())? {
                match find.lines(&each) {
                    Ok(lines) => all.extend_from_slice(lines),
                    Err(refusal) if chip.is_some() => return Err(refusal),
                    // One chip that cannot be read does not hide the others.
                    Err(_) => {}
                }
            }
            Ok(ok(&all))
        }
        Command::Info { lines, .. } => Ok(ok(&find.all(&lines)?)),
        Command::Get { lines } => get(&mut find, &lines),
        Command::Monitor { lines } => monitor(&mut find, &lines),
        Command::Status {} => Ok(ok(&find.host.status())),
        Command::Set { pads } => {
            for (pad, level) in resolve(&mut find, pads.iter().map(|p| (&p.pad, p.level)))? {
                find.host.pad_drive(&pad, level.driven())?;
            }
            Ok(nothing())
        }
        Command::Pull { pads } => {
            for (pad, pull) in resolve(&mut find, pads.iter().map(|p| (&p.pad, p.pull)))? {
                find.host.pad_pull(&pad, pull)?;
            }
            Ok(nothing())
        }
        Command::Press { pad, level, for_ms } => press(&mut find, &pad, level, for_ms),
        Command::Wire { a, b } => wire(&mut find, &a, &b, true),
        Command::Unwire { a, b } => wire(&mut find, &a, &b, false),
    }
}

fn ok(value: &impl Serialize) -> Done {
    Done::Reply(json(value))
}

fn nothing() -> Done {
    Done::Reply("{}".to_owned())
}

fn get(find: &mut Finder, names: &[LineName]) -> Result<Done, Refusal> {
    let lines = find.all(names)?;
    let ids: Vec<_> = lines.iter().map(LineReport::id).collect();
    let levels = find.host.get(&ids)?;
    let reports: Vec<_> = lines
        .into_iter()
        .zip(levels)
        .map(|(line, level)| LevelReport {
            chip: line.chip,
            offset: line.offset,
            name: line.name,
            level: level.into(),
        })
        .collect();
    Ok(ok(&reports))
}

fn monitor(find: &mut Finder, names: &[LineName]) -> Result<Done, Refusal> {
    let lines = find.all(names)?;
    let ids: Vec<_> = lines.iter().map(LineReport::id).collect();
    find.host.monitor(&ids)?;
    let lines: Vec<_> = lines
        .into_iter()
        .map(|line| MonitoredLine { chip: line.chip, offset: line.offset, name: line.name })
        .collect();
    Ok(Done::Monitor(ids, json(&lines)))
}

/// Finds all pads before the first is touched.
fn resolve<'n, T>(
    find: &mut Finder,
    pads: impl ExactSizeIterator<Item = (&'n LineName, T)>,
) -> Result<Vec<(LineId, T)>, Refusal> {
    if pads.len() == 0 {
        return Err(Refusal::new(Code::BadRequest, "no pads; name at least one"));
    }
    pads.map(|(name, how)| Ok((find.pad(name)?, how))).collect()
}

fn press(
    find: &mut Finder,
    pad: &LineName,
    level: Option<PressLevel>,
    for_ms: u32,
) -> Result<Done, Refusal> {
    if !(1..=MAX_PRESS_MS).contains(&for_ms) {
        let message = format!("{for_ms} ms; press for 1 to {MAX_PRESS_MS} ms");
        return Err(Refusal::new(Code::BadRequest, message));
    }
    let pad = find.pad(pad)?;
    let level = level.map(|level| level == PressLevel::High);
    let time = Duration::from_millis(for_ms.into());
    Ok(Done::Wait(find.host.press(&pad, level, time)?))
}

fn wire(find: &mut Finder, a: &LineName, b: &LineName, joined: bool) -> Result<Done, Refusal> {
    let (a, b) = (find.pad(a)?, find.pad(b)?);
    if a.chip != b.chip {
        let message = format!("{} and {} are two chips; wires join pads of one", a.chip, b.chip);
        return Err(Refusal::new(Code::BadRequest, message));
    }
    if a == b {
        let message = format!("both ends are line {}; name two pads", a.offset);
        return Err(Refusal::new(Code::BadRequest, message));
    }
    find.host.wire(&a, &b, joined)?;
    Ok(nothing())
}
