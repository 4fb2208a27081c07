// SPDX-License-Identifier: MIT OR Apache-2.0
//! The event loop: one thread for sockets, line events, timers and signals.

mod allowance;
mod control;
mod daemon;
mod devices;
mod guest;
mod host;
mod inherited;
mod keep;
mod pads;
mod passage;
mod refusal;
mod rings;
mod socket;
mod status;
mod timers;
mod turns;
mod vhost;
mod wait;
mod watchdog;

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Waker};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use thiserror::Error;

use crate::config::{Config, Listen};
use crate::hub::{Chips, Hub};
use crate::keep::Left;
use crate::token::Source;
use allowance::Allowance;
use control::Controls;
use daemon::Daemon;
use devices::Devices;
use inherited::InheritedError;
pub(crate) use inherited::kept_descriptors;
use socket::SocketError;
pub(crate) use socket::{Socket, connect};
use timers::Timer;
use vhost::{Door, Vmms};
use wait::Wait;

/// Users of the control socket, who are trusted, that are accepted in one turn.
const CONTROLS_PER_TURN: usize = 32;

/// How long new frontends wait when there are no more file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Why the daemon cannot start or go on.
#[derive(Debug, Error)]
pub enum ServerError {
    /// A socket cannot be listened on.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The host denies what an event loop needs.
    #[error("the event loop failed")]
    Loop(#[from] io::Error),
    /// A simulated block cannot be made as configured.
    #[error("cannot make a simulated block")]
    Sim(#[from] crate::chip::ChipError),
    /// The inherited file descriptor is no such socket.
    #[error(transparent)]
    Inherited(#[from] InheritedError),
    /// The only virtual machine monitor that there could be has gone without a device.
    #[error("the virtual machine monitor that is connected got no device; the log says why")]
    NoDevice,
}

/// Whether somebody may wait to be accepted.
#[derive(Default)]
struct Doors {
    native: bool,
    control: bool,
    vhost: bool,
    /// A timer runs until there may be descriptors again.
    waits: bool,
    /// The log tells of it, once until somebody is accepted.
    is_told: bool,
}

/// The daemon, listening.
pub struct Server {
    wait: Wait,
    socket: Option<Socket>,
    control_socket: Option<Socket>,
    vhost_doors: Vec<Door>,
    controls: Controls,
    doors: Doors,
    /// Which of the [passages](passage) is next.
    passage: usize,
    /// How long these may take.
    allowance: Allowance,
    signals: SignalFd,
    devices: Option<Devices>,
    daemon: Daemon,
}

impl Server {
    /// Listens, and blocks SIGINT, SIGTERM, SIGHUP and SIGUSR1 for the calling thread and those it starts:
    /// from here on they end [`run`](Self::run). `left` is what systemd has stored of another daemon's.
    ///
    /// # Errors
    /// [`ServerError`]; nothing is left behind.
    pub fn new(config: Config, left: Vec<Left>) -> Result<Self, ServerError> {
        look_at_inherited(&config)?;
        let wait = Wait::new()?;
        let registry = wait.registry();
        let waker = Arc::new(Waker::new(registry, Source::Worker.token())?);
        let mut socket = match &config.socket {
            Some(Listen::Path(path)) => Some(Socket::bind(path)?),
            Some(Listen::Fd(fd)) => Some(Socket::inherited(inherited::listener(*fd)?)),
            None => None,
        };
        let mut control_socket = config.control.as_deref().map(Socket::bind_private).transpose()?;
        for socket in [&socket, &control_socket].into_iter().flatten() {
            refusal::take_descriptors(&socket.listener, false);
        }
        let signals = signals()?;
        let fd = signals.as_raw_fd();
        registry.register(&mut SourceFd(&fd), Source::Signal.token(), Interest::READABLE)?;
        for (socket, source) in
            [(&mut socket, Source::Listener), (&mut control_socket, Source::ControlListener)]
        {
            if let Some(Socket { listener, .. }) = socket {
                registry.register(listener, source.token(), Interest::READABLE)?;
            }
        }
        let vhost_doors = config.vhost_users.iter().enumerate();
        let vhost_doors = vhost_doors.map(|(i, device)| Door::open(i, device, registry));
        let vhost_doors = vhost_doors.collect::<Result<_, _>>()?;
        let sims = config.sims.iter().enumerate().map(|(i, sim)| pads::make(i, sim));
        let sims = sims.collect::<Result<Vec<_>, _>>()?;
        let chips = Chips::new(sims, config.chips.clone(), waker.clone());
        let hub = Hub::new(chips, registry.try_clone()?);
        let devices = Devices::watch(registry);
        let mut daemon = Daemon::new(hub, config, registry.try_clone()?, Vmms::new(waker));
        daemon.open_store(left);
        let controls = Controls::default();
        // Who is connected already does not knock.
        let doors = Doors { vhost: true, ..Doors::default() };
        Ok(Self {
            wait,
            socket,
            control_socket,
            vhost_doors,
            controls,
            doors,
            passage: 0,
            allowance: Allowance::new(Instant::now()),
            signals,
            devices,
            daemon,
        })
    }

    /// Serves until SIGINT, SIGTERM or SIGHUP, or until there is nobody left and nobody can come. Then every
    /// session is told, and outputs go to their safe states. SIGUSR1 ends it for another daemon, which takes
    /// over the lines that are kept as they are.
    ///
    /// # Errors
    /// When the host fails the event loop, or nobody could be served.
    pub fn run(mut self) -> Result<(), ServerError> {
        self.daemon.take_over();
        self.daemon.look_for_chips();
        log::info!("ready: {}", self.daemon.config.doors());
        self.daemon.hub.store.tell_ready();
        let mut events = Events::with_capacity(256);
        loop {
            let busy = self.daemon.begin_turn() || self.controls.has_ready();
            let passages = self.begin_passages().then(|| self.allowance.wait(Instant::now()));
            let timeout = if busy || self.doors.control {
                Some(Duration::ZERO)
            } else {
                passages.into_iter().chain(self.daemon.timers.next()).min()
            };
            self.wait.wait(&mut events, timeout, &mut self.daemon)?;
            for event in &events {
                let hung_up = event.is_read_closed() || event.is_error();
                if let Some(signal) = self.handle(Source::of(event.token()), hung_up) {
                    log::info!("{signal}: ending");
                    self.daemon.end(signal);
                    return Ok(());
                }
            }
            self.daemon.serve_rings();
            self.end_turn();
            if self.is_over() {
                self.daemon.shut_down();
                return if self.daemon.has_served { Ok(()) } else { Err(ServerError::NoDevice) };
            }
        }
    }

    /// Whether there is nobody left and nobody can come.
    fn is_over(&self) -> bool {
        self.socket.is_none()
            && self.daemon.guests.is_empty()
            && self.vhost_doors.iter().all(Door::is_shut)
    }

    fn handle(&mut self, source: Source, hung_up: bool) -> Option<Signal> {
        match source {
            Source::Session(key) => self.daemon.guest_ready(key, hung_up),
            Source::Hold(key) => self.daemon.edges_ready(key),
            Source::Control(key) => self.controls.ready(key, &mut self.daemon),
            Source::Listener => self.doors.native = true,
            Source::ControlListener => self.doors.control = true,
            Source::Devices => {
                if self.devices.as_mut().is_some_and(Devices::have_changed) {
                    self.daemon.restore();
                }
            }
            // What a virtual machine monitor asks is looked for in each turn.
            Source::Worker => self.daemon.workers_ready(),
            Source::VhostListener(_) => self.doors.vhost = true,
            Source::Signal => return self.signal(),
            Source::Keeper => self.daemon.hear_keeper(),
        }
        None
    }

    /// What is left to do when all sources have had their turn.
    fn end_turn(&mut self) {
        while let Some(timer) = self.daemon.timers.due() {
            match timer {
                Timer::Hello(key, id) => self.daemon.hello_overdue(key, id),
                Timer::Watch(key, id) => self.daemon.watch(key, id),
                Timer::Accept => {
                    let Doors { is_told, .. } = self.doors;
                    self.doors =
                        Doors { native: true, control: true, vhost: true, waits: false, is_told };
                }
                Timer::Restore => self.daemon.restore_again(),
                Timer::Guest(hold, id) => self.daemon.hub.give_up(hold, id),
                Timer::Press(ticket) => {
                    self.daemon.let_go(ticket);
                    self.controls.finished(ticket, &mut self.daemon);
                }
            }
        }
        if std::mem::take(&mut self.doors.control) {
            self.doors.control = self.accept_control();
        }
        self.pass_one();
        self.daemon.serve_ready();
        self.controls.serve_ready(&mut self.daemon);
        self.daemon.settle();
        self.controls.tell_changes(&mut self.daemon);
    }

    /// Accepts users of the control socket; returns whether more may wait.
    fn accept_control(&mut self) -> bool {
        for _ in 0..CONTROLS_PER_TURN {
            match self.control_socket.as_ref().map(|socket| socket.listener.accept()) {
                Some(Ok((stream, _))) => {
                    self.doors.is_told = false;
                    let log = &mut self.daemon.log;
                    self.controls.welcome(stream, self.wait.registry(), log);
                }
                Some(Err(error)) => {
                    self.cannot_accept(&error);
                    return false;
                }
                None => return false,
            }
        }
        true
    }

    /// Nobody waits, or there are no more descriptors: then all wait for a while.
    fn cannot_accept(&mut self, error: &io::Error) {
        if error.kind() != io::ErrorKind::WouldBlock && !self.doors.waits {
            if !self.doors.is_told && self.daemon.log.allows_one() {
                log::warn!("a connection waits: {error}");
                self.doors.is_told = true;
            }
            self.daemon.timers.start(ACCEPT_AGAIN, Timer::Accept);
            self.doors.waits = true;
        }
    }

    fn signal(&mut self) -> Option<Signal> {
        let signal = self.signals.read_signal().ok().flatten()?;
        i32::try_from(signal.ssi_signo).ok().and_then(|signal| Signal::try_from(signal).ok())
    }
}

/// Looks at the sockets that are inherited before there are others, which a wrong number could mean.
fn look_at_inherited(config: &Config) -> Result<(), InheritedError> {
    if let Some(Listen::Fd(fd)) = config.socket {
        inherited::listener(fd)?;
    }
    for device in &config.vhost_users {
        if let Listen::Fd(fd) = device.socket {
            inherited::socket(fd)?;
        }
    }
    Ok(())
}

fn signals() -> io::Result<SignalFd> {
    let ending = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGUSR1];
    let ending: SigSet = ending.into_iter().collect();
    ending.thread_block()?;
    Ok(SignalFd::with_flags(&ending, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?)
}
