// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vgpioctl monitor`, in the format of libgpiod 2.x' `gpiomon`.

use serde_json::{Value, json};

use super::print::{GOOD, RESET};
use super::{Ctl, CtlError, name};
use crate::cli::vgpioctl::Monitor;
use crate::control::api::{Driver, Event, EventKind};
use crate::control::{Command, Notice};

impl Ctl<'_> {
    pub(super) fn monitor(&mut self, monitor: &Monitor) -> Result<(), CtlError> {
        let lines = monitor.lines.iter().map(|line| name(&monitor.names, line)).collect();
        let _: Value = self.client.ask(&Command::Monitor { lines })?;
        if monitor.banner && !self.json {
            writeln!(self.out, "{}", banner(&monitor.lines))?;
        }
        self.out.flush()?;
        let mut left = monitor.num_events;
        while left != Some(0) {
            match self.client.notice()? {
                Notice::Event(event) => {
                    let line = self.line(&event, monitor);
                    writeln!(self.out, "{line}")?;
                    left = left.map(|left| left - 1);
                }
                Notice::Dropped(dropped) if self.json => {
                    writeln!(self.out, "{}", json!({"dropped": dropped}))?;
                }
                Notice::Dropped(dropped) => {
                    // The events go on even if nobody reads this.
                    let _ = writeln!(
                        self.err,
                        "vgpioctl: up to {dropped} changes were dropped: they came too fast, or \
                         the output is read too slowly"
                    );
                }
            }
            self.out.flush()?;
        }
        Ok(())
    }

    fn line(&self, event: &Event, monitor: &Monitor) -> String {
        if self.json {
            return json!(event).to_string();
        }
        match &monitor.format {
            Some(format) => formatted(format, event),
            None => readable(event, monitor.names.chip.is_some()),
        }
    }
}

fn banner(lines: &[String]) -> String {
    match lines {
        [one] => format!("Monitoring line '{one}'..."),
        [first @ .., last] => {
            format!("Monitoring lines '{}', and '{last}'...", first.join("', '"))
        }
        [] => String::new(),
    }
}

fn seconds(event: &Event) -> String {
    let ns = event.timestamp_ns;
    format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000)
}

/// Timestamp, edge and line (`"LED1"`), with tabs between. A line without a name, or of a chip
/// that was given, has the chip's name and the offset.
fn readable(event: &Event, with_chip: bool) -> String {
    let edge = match event.level {
        0 => "falling".to_owned(),
        _ => format!("{GOOD}rising{RESET}"),
    };
    let place = format!("{} {}", event.chip, event.offset);
    let line = match (event.name.as_str(), with_chip) {
        ("", _) => place,
        (name, true) => format!("{place} \"{name}\""),
        (name, false) => format!("\"{name}\""),
    };
    format!("{}\t{edge}\t{line}", seconds(event))
}

fn formatted(format: &str, event: &Event) -> String {
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let rises = event.level != 0;
        match chars.next() {
            Some('o') => out.push_str(&event.offset.to_string()),
            Some('l') if event.name.is_empty() => out.push_str("unnamed"),
            Some('l') => out.push_str(&event.name),
            Some('c') => out.push_str(&event.chip),
            Some('e') => out.push(if rises { '1' } else { '2' }),
            Some('E') => out.push_str(if rises { "rising" } else { "falling" }),
            Some('S') => out.push_str(&seconds(event)),
            Some('k') => out.push_str(match event.kind {
                EventKind::Edge => "edge",
                EventKind::Set => "set",
                EventKind::Pad => "pad",
            }),
            Some('d') => out.push_str(match event.driven_by {
                Some(Driver::Chip) => "chip",
                Some(Driver::Outside) => "outside",
                Some(Driver::Both) => "both",
                None => "-",
            }),
            Some('%') | None => out.push('%'),
            Some(other) => out.extend(['%', other]),
        }
    }
    out
}
