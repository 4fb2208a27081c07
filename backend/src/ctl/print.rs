// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chips, lines and levels in the formats of libgpiod 2.x' `gpiodetect`, `gpioinfo` and `gpioget`.

use std::fmt::Write;

use anstyle::{AnsiColor, Reset, Style};
use vgpio_protocol::{Bias, Drive, EdgeDetection, Period};

use crate::control::api::{ChipReport, LevelReport, LineReport};

/// What is active or rises; colours go when the output is no terminal.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// What went wrong.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Back to no colour.
pub(super) const RESET: Reset = Reset;

/// `gpiochip0 [pinctrl-bcm2711] (58 lines)`
pub(super) fn chips(chips: &Vec<ChipReport>) -> String {
    let mut out = String::new();
    for chip in chips {
        let _ = write!(out, "{} [{}] ({} lines)", chip.name, chip.label, chip.lines);
        if let Some(model) = &chip.simulated {
            let _ = write!(out, " simulated {model}");
        }
        out.push('\n');
    }
    out
}

/// A headline for each chip, and its lines.
pub(super) fn chips_lines(chips: &[ChipReport], lines: &[LineReport]) -> String {
    let mut out = String::new();
    for chip in chips {
        let _ = writeln!(out, "{} - {} lines:", chip.name, chip.lines);
        for line in lines.iter().filter(|line| line.chip == chip.name) {
            let _ = writeln!(out, "\tline {:>3}:\t{}", line.offset, about(line));
        }
    }
    out
}

/// Lines that were asked for one by one.
pub(super) fn named_lines(lines: &[LineReport]) -> String {
    let line = |line: &LineReport| format!("{} {}\t{}\n", line.chip, line.offset, about(line));
    lines.iter().map(line).collect()
}

fn about(line: &LineReport) -> String {
    let name =
        if line.name.is_empty() { "unnamed".to_owned() } else { format!("\"{}\"", line.name) };
    let mut out = format!("{name:<16}\t{}", line.direction);
    let mut attribute = |is: bool, text: String| {
        if is {
            out.push(' ');
            out.push_str(&text);
        }
    };
    attribute(line.active_low, "active-low".into());
    attribute(line.drive != Drive::PushPull, format!("drive={}", line.drive));
    attribute(line.bias != Bias::AsIs, format!("bias={}", line.bias));
    attribute(line.edges != EdgeDetection::None, format!("edges={}", line.edges));
    let debounce = Period(std::time::Duration::from_micros(line.debounce_us.into()));
    attribute(line.debounce_us > 0, format!("debounce-period={debounce}"));
    if let Some(consumer) = &line.consumer {
        attribute(true, format!("consumer=\"{consumer}\""));
    }
    if let Some(owner) = &line.owner {
        attribute(true, format!("session={}", owner.session));
        if let Some(export) = &owner.export {
            attribute(true, format!("export=\"{export}\""));
        }
    }
    out
}

/// `"LED1"=active "12"=inactive`, lines called as the user did; or `1 0`.
pub(super) fn levels(names: &[String], levels: &[LevelReport], numeric: bool) -> String {
    let levels: Vec<_> = names
        .iter()
        .zip(levels)
        .map(|(name, line)| match (numeric, line.level) {
            (true, level) => level.to_string(),
            (false, 0) => format!("\"{name}\"=inactive"),
            (false, _) => format!("\"{name}\"={GOOD}active{RESET}"),
        })
        .collect();
    levels.join(" ") + "\n"
}
