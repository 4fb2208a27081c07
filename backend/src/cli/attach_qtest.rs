// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vgpiod attach-qtest`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use thiserror::Error;
use vgpio::client;
use vgpio_protocol::{LineMap, Period};
use vgpio_qtest::{Error, LOOK_PERIOD};

use super::log::LogOptions;

/// Most outputs that can be named: lines 0 to 63.
const MAX_LINES: u8 = 64;

/// What is attached to what.
#[derive(Clone, Debug, Args)]
pub struct AttachQtest {
    /// The socket of QEMU's -qtest
    #[arg(long, value_name = "PATH")]
    pub qtest: PathBuf,

    /// The socket of QEMU's -qmp, to find the GPIO controller
    #[arg(long, value_name = "PATH", required_unless_present = "device")]
    pub qmp: Option<PathBuf>,

    /// The GPIO controller, by its QOM path [default: the only PL061 that the machine has]
    #[arg(long, value_name = "QOMPATH", value_parser = qom_path)]
    pub device: Option<String>,

    /// Where the guest has the PL061's registers, without --qmp [default: 0x9030000, as in -M virt]
    #[arg(long, value_name = "ADDRESS", value_parser = address, conflicts_with = "qmp")]
    pub base: Option<u64>,

    /// Lines that are outputs, of a controller other than a PL061
    ///
    /// All others are inputs. A PL061 is asked which lines are outputs.
    #[arg(long, value_name = "N:N...", requires = "qmp")]
    pub outputs: Option<Outputs>,

    /// Ask a PL061 so often which lines are outputs; 0s: only when it shows in their levels
    #[arg(long, value_name = "PERIOD", default_value_t = Period(LOOK_PERIOD))]
    pub look: Period,

    /// Wait so long for QEMU's sockets
    #[arg(long, value_name = "PERIOD", default_value = "5s")]
    pub wait: Period,

    /// Attach these lines, as the daemon allows
    #[arg(long, value_name = "MAP", value_parser = map, required_unless_present = "export")]
    pub gpiodev: Option<String>,

    /// Attach the lines that the daemon lends under this name
    #[arg(long, value_name = "NAME", conflicts_with = "gpiodev")]
    pub export: Option<String>,

    /// Where vgpiod listens for frontends [default: where it does by default]
    #[arg(long, value_name = "PATH")]
    pub socket_path: Option<PathBuf>,

    /// What to be called in the daemon's log, and as consumer of the lines
    #[arg(long, value_name = "NAME", default_value = "qtest")]
    pub name: String,

    /// How much is logged.
    #[command(flatten)]
    pub log: LogOptions,
}

impl AttachQtest {
    /// Attaches, and serves until QEMU ends.
    ///
    /// # Errors
    /// As [`vgpio_qtest::run`].
    pub fn run(&self) -> Result<(), Error> {
        let lines = match (&self.gpiodev, &self.export) {
            (Some(map), _) => client::Lines::Map(map.clone()),
            (None, export) => client::Lines::Export(export.clone().unwrap_or_default()),
        };
        let mut client = client::Options { name: self.name.clone(), ..client::Options::new(lines) };
        if let Some(path) = &self.socket_path {
            client.socket.clone_from(path);
        }
        vgpio_qtest::run(vgpio_qtest::Options {
            qtest: self.qtest.clone(),
            qmp: self.qmp.clone(),
            device: self.device.clone(),
            base: self.base,
            outputs: self.outputs.map(|Outputs(lines)| lines),
            look: Some(self.look.0).filter(|period| !period.is_zero()),
            wait: self.wait.0,
            client,
        })
    }
}

/// `0:1:5`, as a set: bit *i* is line *i*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outputs(pub u64);

/// Why text is no list of outputs.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("'{0}' is no line of a controller; write numbers from 0 to {last}, 0:1:5", last = MAX_LINES - 1)]
pub struct OutputsError(String);

impl FromStr for Outputs {
    type Err = OutputsError;

    fn from_str(text: &str) -> Result<Self, OutputsError> {
        let mut lines = 0;
        for word in text.split(':') {
            let line = word.parse::<u8>().ok().filter(|line| *line < MAX_LINES);
            lines |= 1_u64 << line.ok_or_else(|| OutputsError(word.to_owned()))?;
        }
        Ok(Self(lines))
    }
}

/// Words of the qtest protocol are separated by spaces, and its commands by line feeds.
fn qom_path(text: &str) -> Result<String, &'static str> {
    let is_word = !text.is_empty() && text.chars().all(|c| !c.is_whitespace() && !c.is_control());
    is_word
        .then(|| text.to_owned())
        .ok_or("no QOM path; write one as /machine/unattached/device[6]")
}

fn address(text: &str) -> Result<u64, &'static str> {
    let digits = text.strip_prefix("0x").or(text.strip_prefix("0X")).unwrap_or_default();
    u64::from_str_radix(digits, 16).map_err(|_| "no address; write one as 0x9030000")
}

/// Kept as text, as it goes over the wire.
fn map(text: &str) -> Result<String, vgpio_protocol::MapError> {
    text.parse::<LineMap>().map(|_| text.to_owned())
}
