// SPDX-License-Identifier: MIT OR Apache-2.0
//! A daemon behind the control socket, without lines.

use std::collections::HashMap;
use std::time::Duration;

use vgpio_backend::chip::{Cause, ChipError};
use vgpio_backend::control::api::{
    AwaitedReport, ChipReport, Code, Counters, ExportReport, HeldLine, LineReport, LineState,
    MappedLine, OffsetOrName, Owner, Peer, Pull, Refusal, SessionReport, Status,
};
use vgpio_backend::control::{Host, LineId, Ticket};
use vgpio_protocol::{Bias, Direction, Drive, EdgeDetection};

/// One chip of the host, two of one label, and a simulated one. Notes what is asked of it.
#[derive(Default)]
pub struct FakeHost {
    /// What was done to pads: `drive sim0 21 high`.
    pub done: Vec<String>,
    /// Levels that were driven onto pads.
    pub levels: HashMap<LineId, bool>,
    /// The last ticket given out.
    pub ticket: Ticket,
}

fn chip(name: &str, label: &str, lines: u32, simulated: Option<&str>) -> ChipReport {
    ChipReport {
        name: name.into(),
        label: label.into(),
        lines,
        simulated: simulated.map(str::to_owned),
    }
}

fn line(chip: &str, offset: u32, name: &str) -> LineReport {
    LineReport {
        chip: chip.into(),
        offset,
        name: name.into(),
        consumer: None,
        owner: None,
        direction: Direction::Input,
        active_low: false,
        bias: Bias::AsIs,
        drive: Drive::PushPull,
        edges: EdgeDetection::None,
        debounce_us: 0,
    }
}

fn led(mut line: LineReport) -> LineReport {
    line.direction = Direction::Output;
    line.consumer = Some("vgpio:guest-1".into());
    line.owner = Some(Owner { session: 7, export: Some("leds".into()) });
    line
}

fn button(mut line: LineReport) -> LineReport {
    line.active_low = true;
    line.bias = Bias::PullUp;
    line.drive = Drive::OpenDrain;
    line.edges = EdgeDetection::Both;
    line.debounce_us = 10_000;
    line
}

fn pad(pad: &LineId) -> String {
    format!("{} {}", pad.chip, pad.offset)
}

/// Whom the line 3 of an expander is held for.
fn awaited(state: LineState) -> AwaitedReport {
    AwaitedReport {
        name: "guest-2".into(),
        pid: 99,
        uid: 1000,
        export: Some("relays".into()),
        chip: "expander".into(),
        lines: vec![HeldLine { line: 3, state }],
    }
}

/// A line of an export.
fn mapped_led() -> MappedLine {
    MappedLine {
        vgpio: 0,
        chip: "e6055400.gpio".into(),
        line: OffsetOrName::Offset(11),
        name: "LED1".into(),
        refused: 0,
        state: None,
    }
}

fn exports() -> Vec<ExportReport> {
    vec![
        ExportReport {
            name: "leds".into(),
            lines: vec![mapped_led()],
            sessions: vec![7],
            watchdog_ms: Some(500),
            unanswered: 2,
        },
        ExportReport {
            name: "later".into(),
            lines: vec![MappedLine {
                vgpio: 12,
                chip: "usb-gpio".into(),
                line: OffsetOrName::Text("RELAY".into()),
                name: String::new(),
                refused: 0,
                state: None,
            }],
            sessions: vec![],
            watchdog_ms: None,
            unanswered: 0,
        },
    ]
}

impl Host for FakeHost {
    fn status(&self) -> Status {
        let state = LineState { direction: Direction::Output, level: 1, lost: false };
        let held = MappedLine { refused: 3, state: Some(state), ..mapped_led() };
        Status {
            version: "0.1.0".into(),
            pid: 4711,
            uptime_ms: 3_723_000,
            socket: Some("/run/vgpio/vgpiod.sock".into()),
            control: Some("/run/vgpio/control.sock".into()),
            exports: exports(),
            sessions: vec![SessionReport {
                virtio: false,
                id: 7,
                name: "guest-1".into(),
                peer: Some(Peer { pid: 88, uid: 1000, gid: 1000 }),
                export: Some("leds".into()),
                lines: vec![held],
                age_ms: 5_000,
                counters: Counters {
                    messages_in: 10,
                    messages_out: 5,
                    sets: 3,
                    ..Counters::default()
                },
            }],
            awaited: vec![awaited(state)],
        }
    }

    fn chips(&mut self) -> Vec<ChipReport> {
        vec![
            chip("gpiochip0", "pinctrl", 2, None),
            chip("gpiochip1", "expander", 1, None),
            chip("gpiochip2", "expander", 1, None),
            chip("gpiochip3", "locked", 1, None),
            chip("sim0", "e6055400.gpio", 32, Some("rcar-gen3")),
            chip("sim1", "e6051000.gpio", 32, Some("rcar-gen3")),
        ]
    }

    fn lines(&mut self, chip: &str) -> Result<Vec<LineReport>, Refusal> {
        let names = |offset| match (chip, offset) {
            ("gpiochip0", 0) => "RELAY",
            ("gpiochip1" | "gpiochip2", 0) => "TWIN",
            ("sim0", 3) => "12",
            ("sim0", 11) => "LED1",
            ("sim0", 21) => "BUTTON",
            _ => "",
        };
        let count = match chip {
            "gpiochip3" => {
                return Err(Refusal::from(ChipError {
                    chip: "locked".into(),
                    offsets: vec![],
                    what: "cannot open it",
                    cause: Cause::Permission { path: "/dev/gpiochip3".into() },
                }));
            }
            "gpiochip0" => 2,
            "sim0" | "sim1" => 32,
            _ => 1,
        };
        let line = |offset| match names(offset) {
            "LED1" => led(line(chip, offset, "LED1")),
            "BUTTON" => button(line(chip, offset, "BUTTON")),
            name => line(chip, offset, name),
        };
        Ok((0..count).map(line).collect())
    }

    fn get(&mut self, lines: &[LineId]) -> Result<Vec<bool>, Refusal> {
        Ok(lines.iter().map(|line| line.offset == 11).collect())
    }

    fn monitor(&mut self, lines: &[LineId]) -> Result<(), Refusal> {
        match lines.iter().find(|line| line.chip == "gpiochip0") {
            Some(line) => {
                let message = format!("no session holds {}; its changes are not seen", pad(line));
                Err(Refusal::new(Code::Host, message))
            }
            None => Ok(()),
        }
    }

    fn pad_drive(&mut self, line: &LineId, level: Option<bool>) -> Result<(), Refusal> {
        self.done.push(format!("drive {} {level:?}", pad(line)));
        Ok(())
    }

    fn pad_pull(&mut self, line: &LineId, pull: Pull) -> Result<(), Refusal> {
        self.done.push(format!("pull {} {pull:?}", pad(line)));
        Ok(())
    }

    fn press(
        &mut self,
        line: &LineId,
        level: Option<bool>,
        time: Duration,
    ) -> Result<Ticket, Refusal> {
        self.done.push(format!("press {} {level:?} {time:?}", pad(line)));
        self.ticket += 1;
        Ok(self.ticket)
    }

    fn wire(&mut self, a: &LineId, b: &LineId, joined: bool) -> Result<(), Refusal> {
        self.done.push(format!("wire {} - {} {joined}", pad(a), pad(b)));
        Ok(())
    }
}
