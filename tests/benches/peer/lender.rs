// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two daemons, each of which lends whole chips, one to a guest.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;

use nix::unistd::Pid;
use serde::Serialize;
use tempfile::TempDir;
use vgpio_tests::harness::{Daemon, GpioSim, LINES, VirtioGuest, eventually, folder};

/// Whose figures they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    Vgpiod,
    VhostDeviceGpio,
}

impl Who {
    pub const ALL: [Self; 2] = [Self::Vgpiod, Self::VhostDeviceGpio];

    pub fn name(self) -> &'static str {
        match self {
            Self::Vgpiod => "vgpiod",
            Self::VhostDeviceGpio => "vhost-device-gpio",
        }
    }
}

/// Chips to be lent.
pub struct Chips {
    labels: Vec<String>,
    /// The kernel's, or none where each daemon makes up its own.
    pub sims: Vec<GpioSim>,
}

impl Chips {
    /// So many, whose labels begin with this.
    pub fn new(gpio_sim: bool, label: &str, count: usize) -> Self {
        let labels: Vec<_> = (0..count).map(|i| format!("{label}{i}")).collect();
        let sims = if gpio_sim { &labels[..] } else { &[] };
        let sims = sims.iter().map(|label| GpioSim::labelled(label)).collect();
        Self { labels, sims }
    }

    /// For the peer, which knows chips by their numbers: its own have any.
    fn numbers(&self) -> String {
        let of_sim = |sim: &GpioSim| sim.name().trim_start_matches("gpiochip").to_owned();
        let numbers: Vec<_> = if self.sims.is_empty() {
            (0..self.labels.len()).map(|i| i.to_string()).collect()
        } else {
            self.sims.iter().map(of_sim).collect()
        };
        numbers.join(":")
    }
}

/// A daemon that runs.
pub struct Lender {
    who: Who,
    process: Process,
    /// One for each chip.
    pub sockets: Vec<PathBuf>,
}

enum Process {
    Vgpiod(Daemon),
    Peer(Peer),
}

struct Peer {
    child: Child,
    folder: TempDir,
}

impl Lender {
    /// Starts it, and waits until it listens.
    pub fn start(who: Who, chips: &Chips) -> Self {
        match who {
            Who::Vgpiod => Self::vgpiod(chips),
            Who::VhostDeviceGpio => Self::peer(chips),
        }
    }

    fn vgpiod(chips: &Chips) -> Self {
        let folder = Rc::new(folder());
        let (mut options, mut sockets) = (Vec::new(), Vec::new());
        for label in &chips.labels {
            if chips.sims.is_empty() {
                options.extend(["--sim".to_owned(), format!("rcar-gen3,label={label}")]);
            }
            let lines = format!("0-{}", LINES - 1);
            let socket = folder.path().join(label);
            options.extend(["--export".to_owned(), format!("{label}={label},gpios={lines}")]);
            let device = format!("{},export={label}", socket.display());
            options.extend(["--vhost-user".to_owned(), device]);
            sockets.push(socket);
        }
        let daemon = Daemon::start_in(&folder, &options);
        Self { who: Who::Vgpiod, process: Process::Vgpiod(daemon), sockets }
    }

    fn peer(chips: &Chips) -> Self {
        let folder = folder();
        // It adds their numbers.
        let prefix = folder.path().join("peer");
        let sockets: Vec<_> = (0..chips.labels.len())
            .map(|i| PathBuf::from(format!("{}{i}", prefix.display())))
            .collect();
        let mut command = Command::new(variable("VGPIO_PEER"));
        command
            .arg(format!("--socket-path={}", prefix.display()))
            .arg(format!("--socket-count={}", sockets.len()))
            .arg(format!("--device-list={}", chips.numbers()))
            .env("LD_LIBRARY_PATH", variable("VGPIO_PEER_LIBRARIES"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("stderr")).unwrap());
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut peer = Peer { child, folder };
        for socket in &sockets {
            let what = format!("the peer listens at {}", socket.display());
            eventually(&what, || {
                let ended = peer.child.try_wait().unwrap();
                assert_eq!(ended, None, "vhost-device-gpio has ended");
                listens(socket).then_some(())
            });
        }
        Self { who: Who::VhostDeviceGpio, process: Process::Peer(peer), sockets }
    }

    pub fn pid(&self) -> Pid {
        match &self.process {
            Process::Vgpiod(daemon) => daemon.pid(),
            Process::Peer(peer) => Pid::from_raw(i32::try_from(peer.child.id()).unwrap()),
        }
    }

    /// Edges that it has dropped and says so; the peer does not count any.
    pub fn counted_lost(&self) -> u64 {
        match &self.process {
            Process::Vgpiod(daemon) => daemon.status().sessions[0].counters.edges_lost,
            Process::Peer(_) => 0,
        }
    }

    /// A guest without a virtual machine, that has one of its chips.
    pub fn guest(&self, i: usize) -> VirtioGuest {
        match self.who {
            Who::Vgpiod => VirtioGuest::start(&self.sockets[i]),
            Who::VhostDeviceGpio => VirtioGuest::start_of_another(&self.sockets[i]),
        }
    }
}

impl Lender {
    /// Where a thread of the peer panicked first, if one did.
    pub fn panic(&self) -> String {
        let Process::Peer(peer) = &self.process else { return String::new() };
        let said = peer.said();
        let place = said.lines().find_map(|line| line.split_once("panicked at "));
        place.map_or_else(String::new, |(_, place)| format!(" (panicked at {place})"))
    }
}

impl Peer {
    fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("stderr")).unwrap()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Fails only if it has ended.
        let _ = self.child.kill();
        self.child.wait().unwrap();
        if std::thread::panicking() {
            eprintln!("--- vhost-device-gpio:\n{}---", self.said());
        }
    }
}

/// Whether a process accepts connections there; to connect would take the peer's only one.
fn listens(socket: &Path) -> bool {
    /// `__SO_ACCEPTCON` of `linux/net.h`.
    const ACCEPTS: &str = "00010000";
    let sockets = fs::read_to_string("/proc/net/unix").unwrap();
    let path = socket.display().to_string();
    sockets.lines().any(|line| line.ends_with(&path) && line.contains(ACCEPTS))
}

fn variable(name: &str) -> PathBuf {
    let value = env::var_os(name).filter(|value| !value.is_empty());
    value.unwrap_or_else(|| panic!("no {name}: run `cargo xtask bench --peer`")).into()
}
