// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line of `vgpiod`.

use std::error::Error as StdError;
use std::io::Write;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgGroup, Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use serde_json::json;
use thiserror::Error;
use vgpio_protocol::limits::MAX_NAME;
use vgpio_protocol::{LineMap, MapError, Period};
use vgpio_rcar::Generation;

use super::attach_qtest::AttachQtest;
use super::log::LogOptions;
use super::{check, log};
use crate::config::{Env, Keep, Open, SimConfig, VhostUserConfig};
use crate::keep::keeper;
use crate::sandbox::Sandbox;

const EXAMPLES: &str = "\
Examples:
  Lend three lines of a chip to a guest, by the chip's label:
    vgpiod --gpiodev e6055400.gpio,vgpios=0:1:2,gpios=11:12:13

  The same on a machine without the chip, simulated:
    vgpiod --sim rcar-gen3,label=e6055400.gpio \\
           --gpiodev e6055400.gpio,vgpios=0:1:2,gpios=11:12:13

  Lend lines under a name, LEDs that go out when the guest ends:
    vgpiod --export leds=gpiochip0,gpios=LED1:LED2,init=low,safe=low

  Lend them to an unpatched QEMU, as a virtio device:
    vgpiod --export leds=gpiochip0,gpios=LED1:LED2 --vhost-user /run/vgpio/leds.sock,export=leds

  Attach them to the PL061 of an unpatched QEMU, which has no driver to ask for:
    qemu-system-aarch64 -M virt -qtest unix:qtest.sock,server=on,wait=off -qtest-log none \\
           -qmp unix:qmp.sock,server=on,wait=off ... &
    vgpiod attach-qtest --qtest qtest.sock --qmp qmp.sock --export leds

  See what is wrong with a file, then use it:
    vgpiod check --host /etc/vgpio.toml && vgpiod --config /etc/vgpio.toml

Exit status:
  0  ended as told (SIGINT, SIGTERM, SIGUSR1), or the file is right, or the attached QEMU has ended
  1  cannot start, or the file is wrong; the message says why
  2  wrong command line

Environment:
  VGPIO_SOCKET, VGPIO_CONTROL  paths of the sockets, unless an option says otherwise
  XDG_RUNTIME_DIR              folder of the default sockets, vgpio/vgpiod.sock and
                               vgpio/control.sock; for root it is /run";

/// Lend GPIO lines of this host to virtual machines
///
/// Owns GPIO lines, real or simulated, and lends them line by line. A line map says which:
/// CHIP,vgpios=0:1:2,gpios=11:12:13[,KEY=VALUE...], with the chip's label, name, number or path,
/// the lines of the guest's controller and the lines of the chip, by offset or name.
#[derive(Debug, Parser)]
#[command(name = "vgpiod", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Program {
    /// How to run.
    #[command(flatten)]
    pub options: Options,
    /// What to do instead of running.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// How the daemon runs.
#[derive(Clone, Debug, Default, Args)]
#[command(group(ArgGroup::new("own lines").args(["gpiodev", "export"]).multiple(true)))]
pub struct Options {
    /// Read this file; options add to it and override it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Simulate an R-Car GPIO block: MODEL,label=LABEL[,names=A:B...]
    ///
    /// MODEL is rcar-gen2, rcar-gen3 or rcar-gen4; names are those of its lines from 0 on.
    #[arg(long, value_name = "MODEL,label=LABEL")]
    pub sim: Vec<SimConfig>,

    /// Lend these lines, also to frontends that give a line map of them
    ///
    /// Makes an export named as the map names the chip (a second one of the chip: CHIP-2), and
    /// permits frontends to attach by a line map of these lines or some of them.
    #[arg(long, value_name = "MAP")]
    pub gpiodev: Vec<LineMap>,

    /// Lend these lines under a name
    #[arg(long, value_name = "NAME=MAP")]
    pub export: Vec<NamedMap>,

    /// End sessions of the lines of --gpiodev and --export whose frontend does not answer for so long: 500ms
    ///
    /// Their outputs go to their safe states. In a file, each export has its own 'watchdog'.
    #[arg(long, value_name = "PERIOD", requires = "own lines")]
    pub watchdog: Option<Period>,

    /// Lend an export as a virtio GPIO device to virtual machine monitors that connect here
    ///
    /// They speak vhost-user: QEMU's vhost-user-gpio-pci, for one. In place of a path, fd=N is a
    /// Unix socket that the daemon inherits, one that listens or one that is connected to a monitor.
    #[arg(long, value_name = "PATH,export=NAME")]
    pub vhost_user: Vec<VhostUserConfig>,

    /// Let frontends attach by line map to any line, of all chips or of this one
    #[arg(
        long,
        value_name = "CHIP",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ALL_CHIPS
    )]
    pub allow_line_maps: Vec<String>,

    /// Listen for frontends here
    #[arg(long, value_name = "PATH", conflicts_with = "fd")]
    pub socket_path: Option<PathBuf>,

    /// Listen for frontends on this inherited Unix socket
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(RawFd).range(3..))]
    pub fd: Option<RawFd>,

    /// Listen for vgpioctl here
    #[arg(long, value_name = "PATH")]
    pub control: Option<PathBuf>,

    /// Serve at most so many frontends at once [default: 1024]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub max_sessions: Option<u32>,

    /// Have lines of the host's chips kept for the next daemon: auto, systemd, keeper or off
    ///
    /// They stay as they are when the daemon dies, or ends by SIGUSR1. auto is systemd's store of file
    /// descriptors where it has told of one, else a process that the daemon starts. [default: auto]
    #[arg(long, value_name = "WHERE")]
    pub keep: Option<Keep>,

    /// Hold lines so long for a guest that had them of another daemon [default: 30s]
    #[arg(long, value_name = "PERIOD")]
    pub grace: Option<Period>,

    /// Once it has started, have the kernel refuse it all that it does not need
    #[arg(long, value_name = "MODE", value_enum, default_value_t)]
    pub sandbox: Sandbox,

    /// How much to say.
    #[command(flatten)]
    pub log: LogOptions,

    /// Print what this program can do, as JSON, and exit
    #[arg(long)]
    pub print_capabilities: bool,
}

/// The value of `--allow-line-maps` without a chip.
pub const ALL_CHIPS: &str = "*";

/// What to do instead of running.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say all that is wrong with a configuration file, or print the map that it makes
    Check {
        /// The file
        file: PathBuf,
        /// Look also whether this host has the chips and lines; takes no line
        #[arg(long)]
        host: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Attach lines of a running vgpiod to a GPIO controller of an unpatched QEMU, by its qtest socket
    ///
    /// Runs until QEMU ends. The guest's outputs drive the lines, and their changes reach the guest.
    AttachQtest(Box<AttachQtest>),
    /// Hold lines for the next daemon: started by the daemon itself
    #[command(hide = true)]
    Keeper,
    /// Print a completion script
    Completions {
        /// For this shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

/// What `--print-capabilities` prints.
#[must_use]
pub fn capabilities() -> String {
    let models: Vec<_> = Generation::ALL.map(Generation::name).to_vec();
    let capabilities = json!({
        "type": "vgpio",
        "version": env!("CARGO_PKG_VERSION"),
        "protocol": {"min": vgpio_protocol::VERSION, "max": vgpio_protocol::VERSION},
        "simulated": models,
    });
    format!("{capabilities:#}")
}

/// Does what is to be done instead of running, and returns the exit status. `open` opens chips
/// of this host.
///
/// # Errors
/// When `out` cannot be written, or lines cannot be attached.
pub fn run(
    command: &Command,
    open: &Open,
    env: &Env,
    out: &mut dyn Write,
) -> Result<u8, Box<dyn StdError>> {
    let (status, printed) = match command {
        Command::Check { file, host, json } => {
            let (status, text) = check::run(file, host.then_some(open), *json, env);
            (status, out.write_all(text.as_bytes()))
        }
        Command::AttachQtest(attach) => {
            log::start(attach.log.level());
            attach.run()?;
            (0, Ok(()))
        }
        Command::Keeper => {
            keeper::run()?;
            (0, Ok(()))
        }
        Command::Completions { shell } => (0, super::completions(*shell, Program::command(), out)),
        Command::Man => (0, super::man(Program::command(), out)),
    };
    super::unless_closed(printed.and_then(|()| out.flush()))?;
    Ok(status)
}

/// `NAME=MAP`: an export of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedMap {
    /// Name of the export, 1 to 64 bytes.
    pub name: String,
    /// Its lines.
    pub map: LineMap,
}

/// Why text is no [`NamedMap`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NamedMapError {
    /// There is no name.
    #[error("no name; write NAME=MAP, leds=gpiochip0,gpios=11:12")]
    NoName,
    /// The name is too long.
    #[error("the name has {0} bytes; use at most {MAX_NAME}")]
    LongName(usize),
    /// The map is wrong.
    #[error("line map, {0}")]
    Map(#[from] MapError),
}

impl FromStr for NamedMap {
    type Err = NamedMapError;

    fn from_str(text: &str) -> Result<Self, NamedMapError> {
        let (name, map) = text.split_once('=').unwrap_or_default();
        match name.len() {
            // A comma: the '=' was that of a key of the map.
            0 => Err(NamedMapError::NoName),
            _ if name.contains(',') => Err(NamedMapError::NoName),
            n if n > MAX_NAME => Err(NamedMapError::LongName(n)),
            _ => Ok(Self { name: name.to_owned(), map: map.parse()? }),
        }
    }
}
