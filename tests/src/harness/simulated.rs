// SPDX-License-Identifier: MIT OR Apache-2.0
//! The world beyond the daemon's simulated block, which the control socket moves.

use std::time::Duration;

use serde::de::IgnoredAny;
use vgpio_backend::chip::LineInfo;
use vgpio_backend::control::api::{LevelReport, LineName, LineReport, OffsetOrName, Pull};
use vgpio_backend::control::{Client, Command, PadPull};

use super::{Daemon, LABEL, NAMES, Outside};

/// Pulls that are told in one command.
const BATCH: u32 = 500;

/// A simulated R-Car Gen3 block.
pub struct Simulated {
    control: Option<Client>,
}

/// A line of the chip, for the control socket.
pub fn pad(offset: u32) -> LineName {
    LineName { chip: Some(LABEL.to_owned()), line: OffsetOrName::Offset(offset), by_name: false }
}

fn pull(offset: u32, high: bool) -> PadPull {
    PadPull { pad: pad(offset), pull: if high { Pull::Up } else { Pull::Down } }
}

impl Simulated {
    fn control(&mut self) -> &mut Client {
        self.control.as_mut().expect("the daemon was started")
    }

    fn pulls(&mut self, pads: Vec<PadPull>) {
        let answer = self.control().ask::<IgnoredAny>(&Command::Pull { pads });
        answer.expect("the pads are there");
    }

    fn report(&mut self, offset: u32) -> LineReport {
        let command = Command::Info { chip: None, lines: vec![pad(offset)] };
        let answer = self.control().ask::<Vec<LineReport>>(&command);
        answer.expect("the line is there").remove(0)
    }
}

impl Outside for Simulated {
    fn new() -> Self {
        Self { control: None }
    }

    fn options(&self) -> Vec<String> {
        let last = NAMES.iter().map(|(offset, _)| *offset).max().unwrap_or(0);
        let name = |offset| NAMES.iter().find(|(o, _)| *o == offset).map_or("", |(_, name)| name);
        let names: Vec<_> = (0..=last).map(name).collect();
        vec!["--sim".to_owned(), format!("rcar-gen3,label={LABEL},names={}", names.join(":"))]
    }

    fn meet(&mut self, daemon: &Daemon) {
        self.control = Some(daemon.control());
    }

    fn called(&self) -> Vec<String> {
        vec![LABEL.to_owned(), "sim0".to_owned()]
    }

    fn level(&mut self, offset: u32) -> bool {
        let active_low = self.report(offset).active_low;
        let command = Command::Get { lines: vec![pad(offset)] };
        let answer = self.control().ask::<Vec<LevelReport>>(&command);
        let active = answer.expect("the line is there").remove(0).level == 1;
        active != active_low
    }

    fn pull(&mut self, offset: u32, high: bool) {
        self.pulls(vec![pull(offset, high)]);
    }

    fn wiggle(&mut self, offset: u32, times: u32) {
        let mut next = 0;
        while next < times {
            let end = times.min(next + BATCH);
            self.pulls((next..end).map(|i| pull(offset, i % 2 == 0)).collect());
            next = end;
        }
    }

    fn info(&mut self, offset: u32) -> LineInfo {
        let report = self.report(offset);
        let debounce = Duration::from_micros(report.debounce_us.into());
        LineInfo {
            offset: report.offset,
            name: report.name,
            consumer: report.consumer,
            direction: report.direction,
            active_low: report.active_low,
            bias: report.bias,
            drive: report.drive,
            edges: report.edges,
            debounce: (!debounce.is_zero()).then_some(debounce),
        }
    }
}
