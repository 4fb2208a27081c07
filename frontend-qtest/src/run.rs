// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sockets of both sides, and the loop that waits for them.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use log::{info, warn};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use vgpio::client::{self, Client, Event};

use crate::bridge::{Bridge, Host};
use crate::device::{Device, VIRT_BASE};
use crate::error::Error;
use crate::socket;
use crate::wire::Reader;

/// How often a PL061's registers are looked at without a reason, unless said otherwise.
pub const LOOK_PERIOD: Duration = Duration::from_millis(100);
/// How long QEMU may take to answer at the start.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Options {
    /// QEMU's qtest socket.
    pub qtest: PathBuf,
    /// Its QMP socket, to find the device. Without one, the device is taken for a PL061.
    pub qmp: Option<PathBuf>,
    /// QOM path of the device; with a QMP socket, the only PL061 there is unless said otherwise.
    pub device: Option<String>,
    /// Where the guest has the PL061's registers, where QMP does not say; that of the `virt` machine unless
    /// said otherwise.
    pub base: Option<u64>,
    /// Outputs of a device other than a PL061, bit *i* for line *i*.
    pub outputs: Option<u64>,
    /// How often the registers are looked at without a reason; `None` for never.
    pub look: Option<Duration>,
    /// How long QEMU's sockets are waited for.
    pub wait: Duration,
    /// The lines, and the daemon that lends them.
    pub client: client::Options,
}

/// Gives a device of QEMU lines of the host, until QEMU ends. Then, and in whatever other way this ends, the
/// lines get their safe states, for the daemon's session ends.
///
/// # Errors
/// [`Error`]: QEMU or the daemon is not there or refuses. A daemon that goes away later is waited for.
pub fn run(options: Options) -> Result<(), Error> {
    let end = Instant::now() + options.wait;
    let device = match (options.qmp, options.device) {
        (Some(qmp), path) => Device::find(&qmp, path, options.outputs, end)?,
        (None, Some(path)) => Device::pl061(path, options.base.unwrap_or(VIRT_BASE)),
        (None, None) => return Err(Error::NoDevice),
    };
    let lines = u32::from(device.inputs.max(device.outputs));
    let client = Client::new(client::Options { guest_lines: lines, ..options.client })?;
    device.check(client.vgpios())?;
    let connect = |source| Error::Connect { path: options.qtest.clone(), source };
    let qemu = socket::connect(&options.qtest, end).map_err(connect)?;
    qemu.set_nonblocking(true).map_err(connect)?;
    let bridge = Bridge::new(device, options.look);
    let mut frontend =
        Frontend { qemu, reader: Reader::default(), bridge, client, vgpios: Vec::new() };
    frontend.start()?;
    frontend.serve()?;
    info!("QEMU has ended: {:?}", frontend.bridge.counters());
    Ok(())
}

struct Frontend {
    qemu: UnixStream,
    reader: Reader,
    bridge: Bridge,
    client: Client,
    /// The controller's lines of the attachment, as of the last time that it was made.
    vgpios: Vec<u16>,
}

impl Frontend {
    /// Learns what the guest has made of its lines, then takes those of the host.
    fn start(&mut self) -> Result<(), Error> {
        let end = Instant::now() + PATIENCE;
        while !self.bridge.is_ready() {
            self.wait(Some(end))?;
            if !self.take_from_qemu()? {
                return Err(Error::Closed);
            }
            if Instant::now() >= end {
                return Err(Error::Silent);
            }
        }
        self.vgpios = self.client.vgpios().to_vec();
        Ok(self.client.connect()?)
    }

    /// Serves until QEMU ends.
    fn serve(&mut self) -> Result<(), Error> {
        loop {
            let due = self.bridge.tick(Instant::now());
            self.wait([due, self.client.next_deadline()].into_iter().flatten().min())?;
            if !self.take_from_qemu()? {
                return Ok(());
            }
            self.client.advance();
            while let Some(event) = self.client.next_event() {
                self.take_from_host(event)?;
            }
        }
    }

    /// Takes what QEMU has sent; false when it has ended.
    fn take_from_qemu(&mut self) -> Result<bool, Error> {
        match self.qemu.read(self.reader.space()) {
            Ok(0) => return Ok(false),
            Ok(count) => self.reader.received(count),
            Err(error) if is_for_now(&error) => return Ok(true),
            Err(error) if is_over(&error) => return Ok(false),
            Err(error) => return Err(Error::Io(error)),
        }
        let Self { reader, bridge, client, .. } = self;
        let now = Instant::now();
        client.batch(|client| {
            while let Some(message) = reader.message().map_err(Error::NotQtest)? {
                bridge.take(message, now, client)?;
            }
            Ok(true)
        })
    }

    fn take_from_host(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::Connected => self.attached()?,
            Event::Edge(edge) => self.level(edge.line.into(), edge.active),
            Event::Levels { values, .. } => {
                for line in (0..64).filter(|line| values.mask >> line & 1 == 1) {
                    self.level(line, values.bits >> line & 1 == 1);
                }
            }
            Event::Disconnected { error, retry: false } => return Err(error.into()),
            Event::Disconnected { error, retry: true } => warn!("{}; trying again", error.chain()),
            Event::Error(report) => warn!("{report}"),
            Event::Lost { text, .. } => warn!("{text}"),
            Event::Restored { .. } | Event::Lines | Event::Synced { .. } => {}
        }
        Ok(())
    }

    fn attached(&mut self) -> Result<(), Error> {
        self.bridge.device().check(self.client.vgpios())?;
        if self.vgpios != self.client.vgpios() {
            self.vgpios = self.client.vgpios().to_vec();
            self.bridge.lines_changed(&mut self.client);
        }
        let path = &self.bridge.device().path;
        for line in self.client.lines() {
            info!("line {} of {path}: {} line {}", line.vgpio, line.chip, line.offset);
        }
        info!("ready: {} lines", self.vgpios.len());
        Ok(())
    }

    fn level(&mut self, line: usize, high: bool) {
        if let Some(vgpio) = self.client.vgpios().get(line) {
            self.bridge.level(*vgpio, high);
        }
    }

    /// Sends what waits, and sleeps until either side says something, or until then.
    fn wait(&mut self, until: Option<Instant>) -> Result<(), Error> {
        match self.qemu.write(self.bridge.unsent()) {
            Ok(count) => self.bridge.sent(count),
            // What it said before it went is still to be read.
            Err(error) if is_for_now(&error) || is_over(&error) => {}
            Err(error) => return Err(Error::Io(error)),
        }
        let events =
            |write| PollFlags::POLLIN | if write { PollFlags::POLLOUT } else { PollFlags::empty() };
        let qemu = (self.qemu.as_fd(), events(!self.bridge.unsent().is_empty()));
        let host = self.client.as_fd().map(|fd| (fd, events(self.client.wants_write())));
        // Without a daemon QEMU takes its place, with nothing to wait for.
        let host = host.unwrap_or((qemu.0, PollFlags::empty()));
        let mut fds = [qemu, host].map(|(fd, events)| PollFd::new(fd, events));
        let time = until.map(|at| TimeSpec::from(at.saturating_duration_since(Instant::now())));
        match ppoll(&mut fds, time, None) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(Error::Io(errno.into())),
        }
    }
}

impl Host for Client {
    fn direct(&mut self, mask: u64, outputs: u64, bits: u64) {
        let lines = |vgpios: u64| {
            let numbered = self.vgpios().iter().enumerate();
            let chosen = numbered.filter(|(_, vgpio)| **vgpio < 64 && vgpios >> **vgpio & 1 == 1);
            chosen.fold(0, |set, (line, _)| set | 1 << line)
        };
        let (mask, outputs, bits) = (lines(mask), lines(outputs), lines(bits));
        if mask != 0 {
            self.configure_directions(mask, outputs, bits);
        }
    }

    fn set(&mut self, line: u8, high: bool) {
        if let Some(line) = self.line_of_vgpio(line.into()) {
            Self::set(self, 1 << line, u64::from(high) << line);
        }
    }
}

fn is_for_now(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn is_over(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}
