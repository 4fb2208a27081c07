// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the daemon is to do: from a TOML file and the command line to one checked [`Config`].
//!
//! `docs/config.md` describes the file. A wrong file gives all its [`Problem`]s at once.

use std::fmt;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use vgpio_protocol::{LineMap, LineRef, LineSettings};
use vgpio_rcar::{Generation, Pull};

mod access;
mod check;
mod draft;
mod export;
mod file;
mod host;
mod keep;
mod load;
mod policy;
mod problem;
mod read;
mod sim;
mod sockets;
mod vhost_user;

pub use access::Access;
pub use host::Open;
pub use keep::Keep;
pub use load::{check_file, check_text, load, load_device};
pub use policy::{NotAllowed, Policy, Rule, chip_is};
pub use problem::{ConfigError, Fault, Place, Problem};
pub use sim::SimError;
pub(crate) use sim::name as sim_name;
pub use sockets::{Env, NoRuntimeDir};
pub use vhost_user::VhostUserError;

/// Sessions served at once unless the configuration says otherwise.
pub const DEFAULT_MAX_SESSIONS: u32 = 1024;

/// All that the daemon is told. Checked: no export's name, no vgpio of an export, and no line of an
/// export is there twice; each export has 1 to 64 lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where frontends connect; `None` for a daemon that has virtual machine monitors only.
    pub socket: Option<Listen>,
    /// The control socket; `None` for a daemon without.
    pub control: Option<PathBuf>,
    /// Sessions served at once, 1 to 65536.
    pub max_sessions: u32,
    /// Which lines a frontend may attach by line map.
    pub policy: Policy,
    /// Simulated blocks.
    pub sims: Vec<SimConfig>,
    /// Options of chips.
    pub chips: Vec<ChipConfig>,
    /// What is lent by name.
    pub exports: Vec<ExportConfig>,
    /// What is lent as virtio GPIO devices; the exports are there.
    pub vhost_users: Vec<VhostUserConfig>,
    /// Who keeps lines of the host's chips for the next daemon.
    pub keep: Keep,
    /// How long lines are held for a guest that had them of another daemon, and by a keeper for a daemon.
    pub grace: Duration,
}

/// How long lines are held for a guest unless the configuration says otherwise.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(30);

impl Config {
    /// Where a keeper of lines listens: beside the socket, so that each daemon has its own.
    #[must_use]
    pub fn keeper(&self) -> Option<PathBuf> {
        let socket = match &self.socket {
            Some(Listen::Path(path)) => path,
            _ => self.control.as_ref()?,
        };
        let mut path = socket.clone().into_os_string();
        path.push(".keeper");
        std::path::absolute(path).ok()
    }

    /// Whether lines may be asked for that are not simulated.
    #[must_use]
    pub fn lends_of_host(&self) -> bool {
        let is_simulated = |chip: &str| {
            self.sims.iter().enumerate().any(|(i, sim)| sim.label == chip || sim::name(i) == chip)
        };
        let rules = self.policy.rules.iter().map(Rule::chip);
        let lines = self.exports.iter().flat_map(|export| &export.lines);
        let chips = lines.map(|line| Some(line.chip.as_str())).chain(rules);
        chips.into_iter().any(|chip| chip.is_none_or(|chip| !is_simulated(chip)))
    }

    /// Who connects where, in words.
    #[must_use]
    pub fn doors(&self) -> String {
        let frontends = self.socket.as_ref().map(|socket| format!("frontends connect to {socket}"));
        let monitors = self.vhost_users.iter().map(|device| {
            format!("virtual machine monitors of {} to {}", device.export, device.socket)
        });
        let vgpioctl = self.control.as_ref().map(|path| format!("vgpioctl to {}", path.display()));
        frontends.into_iter().chain(monitors).chain(vgpioctl).collect::<Vec<_>>().join(", ")
    }

    /// The folders that the daemon makes sockets in.
    #[must_use]
    pub fn folders(&self) -> Vec<PathBuf> {
        let listens =
            self.socket.iter().chain(self.vhost_users.iter().map(|device| &device.socket));
        let paths = listens.filter_map(|listen| match listen {
            Listen::Path(path) => Some(path),
            Listen::Fd(_) => None,
        });
        let folders = paths.chain(&self.control).filter_map(|path| path.parent());
        // A path without a folder is of the working directory.
        folders.map(|folder| Path::new(".").join(folder)).collect()
    }
}

/// A virtio GPIO device for virtual machine monitors that speak vhost-user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VhostUserConfig {
    /// Where they connect.
    pub socket: Listen,
    /// The export whose lines the device has.
    pub export: String,
}

/// Where frontends connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A Unix socket that the daemon makes.
    Path(PathBuf),
    /// A listening Unix socket that the daemon inherits, or one that is connected to a virtual machine
    /// monitor; not yet proven to be one.
    Fd(RawFd),
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Fd(fd) => write!(f, "fd {fd}"),
        }
    }
}

/// A simulated R-Car block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimConfig {
    /// Which block.
    pub model: Generation,
    /// Its chip's label.
    pub label: String,
    /// Names of lines, by offset, 0 to 31; no name twice.
    pub names: Vec<(u32, String)>,
    /// Pulls of pads at the start.
    pub pulls: Vec<(u32, Pull)>,
    /// Levels that the outside drives onto pads at the start: true is high.
    pub levels: Vec<(u32, bool)>,
    /// Pads joined at the start.
    pub wires: Vec<(u32, u32)>,
}

/// Options of a chip.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChipConfig {
    /// Its label, name, number or path.
    pub chip: String,
    /// Whether its operations can sleep.
    pub blocking: Blocking,
}

/// Whether a chip's operations can sleep, so that they need a thread of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Blocking {
    /// The daemon finds out.
    #[default]
    Auto,
    /// They can: an expander on a slow bus.
    Yes,
    /// They cannot.
    No,
}

/// Lines that are lent under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportConfig {
    /// Its name, 1 to 64 bytes.
    pub name: String,
    /// The lines, in the order of the attachment; 1 to 64.
    pub lines: Vec<ExportLine>,
    /// Who may attach.
    pub access: Access,
    /// How long a frontend that is asked whether it lives may take to answer; `None`: it is not asked.
    pub watchdog: Option<Duration>,
}

/// A line of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportLine {
    /// The guest controller's line.
    pub vgpio: u16,
    /// Label, name, number or path of the host chip.
    pub chip: String,
    /// The host line.
    pub line: LineRef,
    /// The name shown to the guest, at most 64 bytes; `None` for the host line's own.
    pub name: Option<String>,
    /// How it is taken and given back.
    pub settings: LineSettings,
}

impl ExportLine {
    /// The lines of a line map, in its order.
    pub fn of_map(map: LineMap) -> impl Iterator<Item = Self> {
        let LineMap { chip, lines, settings } = map;
        lines.into_iter().map(move |line| Self {
            vgpio: line.vgpio,
            chip: chip.clone(),
            line: line.line,
            name: None,
            settings,
        })
    }
}
