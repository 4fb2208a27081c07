// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `vgpioctl` does: a command to the daemon, and its answer printed as libgpiod's tools print.

mod monitor;
mod print;
mod status;

use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use clap::CommandFactory;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thiserror::Error;

use crate::chain;
use crate::cli;
use crate::cli::vgpioctl::{Assignment, Names, Press, Program, Verb, Wire};
use crate::config::{Env, NoRuntimeDir};
use crate::control::api::{ChipReport, Code, LevelReport, LineName, LineReport, OffsetOrName};
use crate::control::{Client, ClientError, Command, PadPull, PadSet};

/// Why a command failed.
#[derive(Debug, Error)]
pub enum CtlError {
    /// The daemon refused it or cannot be reached.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nobody says where the daemon is.
    #[error(transparent)]
    NoRuntimeDir(#[from] NoRuntimeDir),
    /// The answer cannot be printed.
    #[error("cannot print the answer")]
    Output(#[from] io::Error),
}

impl CtlError {
    /// The exit status that `--help` states.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            // The reader of a pipe had enough: `vgpioctl monitor LED1 | head -1`.
            Self::Output(e) if e.kind() == ErrorKind::BrokenPipe => 0,
            Self::Client(ClientError::Refused(_)) | Self::Output(_) => 1,
            Self::Client(_) | Self::NoRuntimeDir(_) => 3,
        }
    }
}

/// Runs a command, prints its answer to `out` or what went wrong to `err` (with `--json` to
/// `out`), and returns the exit status. Both may be given colours.
pub fn run(program: &Program, env: &Env, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let Err(error) = verb(program, env, out, err).and_then(|()| Ok(out.flush()?)) else {
        return 0;
    };
    let code = error.exit_code();
    // When nothing can be printed, the exit status is all that is left to say it.
    if code != 0 {
        let _ = report(&error, program.json, out, err);
    }
    code
}

fn report(
    error: &CtlError,
    json: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<()> {
    match error {
        CtlError::Client(ClientError::Refused(refusal)) if json => {
            writeln!(out, "{}", json!({"error": refusal}))
        }
        error if json => writeln!(out, "{}", json!({"error": {"message": chain(error)}})),
        error => writeln!(err, "vgpioctl: {}error:{} {}", print::BAD, print::RESET, chain(error)),
    }
}

fn verb(
    program: &Program,
    env: &Env,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), CtlError> {
    match &program.verb {
        Verb::Completions { shell } => {
            return Ok(cli::completions(*shell, Program::command(), out)?);
        }
        Verb::Man => return Ok(cli::man(Program::command(), out)?),
        _ => {}
    }
    let path = env.control(program.control.as_deref(), None)?;
    let mut ctl = Ctl { client: Client::connect(&path)?, json: program.json, out, err };
    match &program.verb {
        Verb::Detect { chip } => ctl.answer(&Command::Detect { chip: chip.clone() }, print::chips),
        Verb::Info { names, lines } => ctl.info(names, lines),
        Verb::Get { names, lines, numeric } => ctl.get(names, lines, *numeric),
        Verb::Monitor(monitor) => ctl.monitor(monitor),
        Verb::Status => ctl.answer(&Command::Status {}, status::status),
        Verb::Set { names, pads } => ctl
            .done(&Command::Set { pads: assign(names, pads, |pad, &level| PadSet { pad, level }) }),
        Verb::Pull { names, pads } => ctl
            .done(&Command::Pull { pads: assign(names, pads, |pad, &pull| PadPull { pad, pull }) }),
        Verb::Press(press) => ctl.done(&press_command(press)),
        Verb::Wire(Wire { names, a, b }) => {
            let (a, b) = (name(names, a), name(names, b));
            ctl.done(&Command::Wire { a, b })
        }
        Verb::Unwire(Wire { names, a, b }) => {
            let (a, b) = (name(names, a), name(names, b));
            ctl.done(&Command::Unwire { a, b })
        }
        Verb::Completions { .. } | Verb::Man => Ok(()),
    }
}

fn name(names: &Names, line: &str) -> LineName {
    LineName {
        chip: names.chip.clone(),
        line: OffsetOrName::Text(line.to_owned()),
        by_name: names.by_name,
    }
}

fn assign<T, P>(names: &Names, pads: &[Assignment<T>], pad: impl Fn(LineName, &T) -> P) -> Vec<P> {
    pads.iter().map(|to| pad(name(names, &to.line), &to.value)).collect()
}

fn press_command(press: &Press) -> Command {
    Command::Press {
        pad: name(&press.names, &press.line),
        level: press.level,
        for_ms: press.for_ms,
    }
}

/// A connection and where to print.
struct Ctl<'o> {
    client: Client,
    json: bool,
    out: &'o mut dyn Write,
    err: &'o mut dyn Write,
}

impl Ctl<'_> {
    /// Prints the answer: `text` makes it readable.
    fn answer<T: DeserializeOwned + Serialize>(
        &mut self,
        command: &Command,
        text: impl Fn(&T) -> String,
    ) -> Result<(), CtlError> {
        let answer: T = self.client.ask(command)?;
        self.print(&answer, text)
    }

    fn print<T: Serialize>(
        &mut self,
        answer: &T,
        text: impl Fn(&T) -> String,
    ) -> Result<(), CtlError> {
        let text = if self.json {
            let json = serde_json::to_string_pretty(answer).map_err(io::Error::from)?;
            json + "\n"
        } else {
            text(answer)
        };
        Ok(self.out.write_all(text.as_bytes())?)
    }

    /// Prints nothing but, with `--json`, an empty object.
    fn done(&mut self, command: &Command) -> Result<(), CtlError> {
        self.answer(command, |_: &Value| String::new())
    }

    fn get(&mut self, names: &Names, lines: &[String], numeric: bool) -> Result<(), CtlError> {
        let command = Command::Get { lines: lines.iter().map(|line| name(names, line)).collect() };
        self.answer(&command, |levels: &Vec<LevelReport>| print::levels(lines, levels, numeric))
    }

    fn info(&mut self, names: &Names, lines: &[String]) -> Result<(), CtlError> {
        if lines.is_empty() {
            return self.chips_lines(names.chip.clone());
        }
        let command = Command::Info {
            chip: None,
            lines: lines.iter().map(|line| name(names, line)).collect(),
        };
        let answer: Result<Vec<LineReport>, _> = self.client.ask(&command);
        match answer {
            Ok(answer) => self.print(&answer, |lines| print::named_lines(lines)),
            Err(ClientError::Refused(refusal)) if refusal.code == Code::NoLine => {
                // `info sim0`, as the tools of libgpiod 1.x had it.
                match lines {
                    [chip] if names.chip.is_none() && !names.by_name => {
                        self.chips_lines(Some(chip.clone())).map_err(|error| match error {
                            CtlError::Client(ClientError::Refused(other))
                                if other.code == Code::NoChip =>
                            {
                                ClientError::Refused(refusal).into()
                            }
                            other => other,
                        })
                    }
                    _ => Err(ClientError::Refused(refusal).into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// All lines of a chip, or of all.
    fn chips_lines(&mut self, chip: Option<String>) -> Result<(), CtlError> {
        let chips: Vec<ChipReport> = self.client.ask(&Command::Detect { chip: chip.clone() })?;
        let info = Command::Info { chip, lines: Vec::new() };
        self.answer(&info, |lines: &Vec<LineReport>| print::chips_lines(&chips, lines))
    }
}

/// `1d 2h 3m 4s`, without leading zeros.
fn duration(ms: u64) -> String {
    let s = Duration::from_millis(ms).as_secs();
    let parts = [(s / 86_400, "d"), (s / 3600 % 24, "h"), (s / 60 % 60, "m"), (s % 60, "s")];
    let first = parts.iter().position(|&(n, _)| n > 0).unwrap_or(3);
    let parts: Vec<_> = parts[first..].iter().map(|(n, unit)| format!("{n}{unit}")).collect();
    parts.join(" ")
}
