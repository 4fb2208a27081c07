// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line of `vhost-user-gpio`, and what tells others of this program, by the conventions of
//! QEMU (`docs/interop/vhost-user.rst`, "Backend program conventions", and `vhost-user.json`).

use std::ffi::OsString;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Parser};
use serde_json::json;
use vgpio_protocol::LineMap;

use super::log::LogOptions;
use super::vgpiod::Options;
use crate::config::{Config, ConfigError, Listen, Open, SimConfig, load_device};
use crate::sandbox::Sandbox;

/// Name of the program.
pub const NAME: &str = "vhost-user-gpio";

/// Name of the file with its [`description`], among those of other programs.
pub const DESCRIPTION_FILE: &str = "50-vgpio-gpio.json";

/// The kind of device. The schema of QEMU 10.0 has no word for GPIO; this is the one that its others would
/// have led to: the name of the device among virtio's, in lower case.
const TYPE: &str = "gpio";

/// The option that makes all others be ignored.
const CAPABILITIES: &str = "print-capabilities";

const EXAMPLES: &str = "\
Examples:
  A virtio device with two lines of a chip, for a virtual machine that connects to a socket:
    vhost-user-gpio --socket-path /run/guest/gpio.sock --gpiodev gpiochip0,gpios=11:12,safe=low

  Lines of an export that vgpiod's file describes:
    vhost-user-gpio --socket-path /run/guest/gpio.sock --config /etc/vgpio.toml --export leds

  A simulated chip, whose buttons vgpioctl presses:
    vhost-user-gpio --socket-path /tmp/gpio.sock --control /tmp/control.sock \\
                    --sim rcar-gen3,label=sim --gpiodev sim,gpios=11:12

Exit status:
  0  ended as told (SIGINT, SIGTERM), or the monitor that was connected has gone
  1  cannot start, or the monitor that was connected got no device; the message says why
  2  wrong command line";

/// Lend GPIO lines of this host to one virtual machine, as a virtio device over vhost-user
///
/// For virtual machine monitors and their managers that start such a program by QEMU's conventions.
/// It is vgpiod with one device and no other sockets. A line map says which lines:
/// CHIP,vgpios=0:1:2,gpios=11:12:13[,KEY=VALUE...], as for vgpiod. They must be there when it starts.
#[derive(Debug, Parser)]
#[command(name = NAME, version, after_help = EXAMPLES)]
#[command(group = ArgGroup::new("door").args(["socket_path", "fd"]).required(true))]
#[command(group = ArgGroup::new("lines").args(["gpiodev", "export"]).required(true))]
pub struct Program {
    /// Listen for the virtual machine monitor here
    #[arg(long, value_name = "PATH")]
    pub socket_path: Option<PathBuf>,

    /// Use this inherited Unix socket: one that is connected to the monitor, or one that listens
    ///
    /// With one that is connected, the program ends when the monitor goes. With one that listens,
    /// monitors may come one after the other.
    #[arg(long, value_name = "FDNUM", value_parser = clap::value_parser!(RawFd).range(3..))]
    pub fd: Option<RawFd>,

    /// Lend these lines
    #[arg(long, value_name = "MAP")]
    pub gpiodev: Option<LineMap>,

    /// Lend the lines of this export of the file
    #[arg(long, value_name = "NAME", requires = "config")]
    pub export: Option<String>,

    /// Read exports, simulated blocks and options of chips from this file of vgpiod's
    ///
    /// Its sockets and its other devices are vgpiod's own, and are not made.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Simulate an R-Car GPIO block: MODEL,label=LABEL[,names=A:B...]
    ///
    /// MODEL is rcar-gen2, rcar-gen3 or rcar-gen4; names are those of its lines from 0 on.
    #[arg(long, value_name = "MODEL,label=LABEL")]
    pub sim: Vec<SimConfig>,

    /// Listen for vgpioctl here [default: nowhere]
    #[arg(long, value_name = "PATH")]
    pub control: Option<PathBuf>,

    /// Once it has started, have the kernel refuse it all that it does not need
    #[arg(long, value_name = "MODE", value_enum, default_value_t)]
    pub sandbox: Sandbox,

    /// How much to say.
    #[command(flatten)]
    pub log: LogOptions,

    /// Print what this program can do, as JSON, and exit; all other arguments are ignored
    #[arg(long = CAPABILITIES)]
    pub print_capabilities: bool,
}

impl Program {
    /// What the daemon is to do. `open` opens chips of this host.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn config(&self, open: &Open) -> Result<Config, ConfigError> {
        let options = Options {
            config: self.config.clone(),
            sim: self.sim.clone(),
            gpiodev: self.gpiodev.iter().cloned().collect(),
            control: self.control.clone(),
            ..Options::default()
        };
        let path = self.socket_path.clone().unwrap_or_default();
        let socket = self.fd.map_or(Listen::Path(path), Listen::Fd);
        load_device(&options, socket, self.export.as_deref(), open)
    }
}

/// Whether capabilities are asked for, among arguments that may not even be right.
pub fn asks_for_capabilities(arguments: impl IntoIterator<Item = OsString>) -> bool {
    arguments.into_iter().any(|argument| argument == *format!("--{CAPABILITIES}"))
}

/// What `--print-capabilities` prints: `VHostUserBackendCapabilities` of the schema.
#[must_use]
pub fn capabilities() -> String {
    format!("{:#}", json!({ "type": TYPE }))
}

/// What tells management programs of this one, which is installed as `binary`, by its absolute path:
/// `VhostUserBackend` of the schema.
#[must_use]
pub fn description(binary: &Path) -> String {
    let description = json!({
        "description": "GPIO lines of the host as a virtio device, by vgpio",
        "type": TYPE,
        "binary": binary,
    });
    format!("{description:#}\n")
}
