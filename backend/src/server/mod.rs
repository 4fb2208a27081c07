// SPDX-License-Identifier: MIT OR Apache-2.0
//! The event loop: one thread for sockets, line events, timers and signals.

mod control;
mod daemon;
mod devices;
mod guest;
mod host;
mod inherited;
mod pads;
mod socket;
mod status;
mod timers;

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Waker};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use thiserror::Error;

use crate::config::{Config, Listen};
use crate::hub::{Chips, Hub};
use crate::token::Source;
use control::Controls;
use daemon::Daemon;
use devices::Devices;
use socket::{Socket, SocketError};
use timers::Timer;

/// Connections accepted in one turn, so that a crowd at the door does not keep guests waiting.
const ACCEPTED_PER_TURN: usize = 32;

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
    /// The inherited file descriptor is no listening Unix socket.
    #[error(transparent)]
    Inherited(#[from] inherited::InheritedError),
}

/// The daemon, listening.
pub struct Server {
    poll: Poll,
    socket: Socket,
    control_socket: Socket,
    controls: Controls,
    signals: SignalFd,
    devices: Option<Devices>,
    daemon: Daemon,
}

impl Server {
    /// Listens, and blocks SIGINT, SIGTERM and SIGHUP for the calling thread and those it starts:
    /// from here on they end [`run`](Self::run).
    ///
    /// # Errors
    /// [`ServerError`]; nothing is left behind.
    pub fn new(config: Config) -> Result<Self, ServerError> {
        let poll = Poll::new()?;
        let registry = poll.registry();
        let waker = Arc::new(Waker::new(registry, Source::Worker.token())?);
        let mut socket = match &config.socket {
            Listen::Path(path) => Socket::bind(path)?,
            Listen::Fd(fd) => Socket::inherited(inherited::listener(*fd)?),
        };
        let mut control_socket = Socket::bind(&config.control)?;
        let signals = signals()?;
        let fd = signals.as_raw_fd();
        registry.register(&mut SourceFd(&fd), Source::Signal.token(), Interest::READABLE)?;
        registry.register(&mut socket.listener, Source::Listener.token(), Interest::READABLE)?;
        let control = Source::ControlListener.token();
        registry.register(&mut control_socket.listener, control, Interest::READABLE)?;
        let sims = config.sims.iter().enumerate().map(|(i, sim)| pads::make(i, sim));
        let sims = sims.collect::<Result<Vec<_>, _>>()?;
        let chips = Chips::new(sims, config.chips.clone(), waker);
        let hub = Hub::new(chips, registry.try_clone()?);
        let devices = Devices::watch(registry);
        let daemon = Daemon::new(hub, config, registry.try_clone()?);
        let controls = Controls::default();
        Ok(Self { poll, socket, control_socket, controls, signals, devices, daemon })
    }

    /// Serves until SIGINT, SIGTERM or SIGHUP. Then every session is told, and outputs go to
    /// their safe states.
    ///
    /// # Errors
    /// When the host fails the event loop.
    pub fn run(mut self) -> Result<(), ServerError> {
        self.daemon.look_for_chips();
        let here = self.daemon.report();
        log::info!("ready: frontends connect to {}, vgpioctl to {}", here.socket, here.control);
        let mut events = Events::with_capacity(256);
        loop {
            let timeout = if self.daemon.has_ready() || self.controls.has_ready() {
                Some(Duration::ZERO)
            } else {
                self.daemon.timers.next()
            };
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            }
            for event in &events {
                if let Some(signal) = self.handle(Source::of(event.token())) {
                    log::info!("{signal}: ending");
                    self.daemon.shut_down();
                    return Ok(());
                }
            }
            self.end_turn();
        }
    }

    fn handle(&mut self, source: Source) -> Option<Signal> {
        match source {
            Source::Session(key) => self.daemon.guest_ready(key),
            Source::Hold(key) => self.daemon.edges_ready(key),
            Source::Control(key) => self.controls.ready(key, &mut self.daemon),
            Source::Listener => self.accept(),
            Source::ControlListener => self.accept_control(),
            Source::Devices => {
                if self.devices.as_mut().is_some_and(Devices::have_changed) {
                    self.daemon.restore();
                }
            }
            Source::Worker => self.daemon.workers_ready(),
            Source::Signal => return self.signal(),
        }
        None
    }

    /// What is left to do when all sources have had their turn.
    fn end_turn(&mut self) {
        while let Some(timer) = self.daemon.timers.due() {
            match timer {
                Timer::Hello(key, id) => self.daemon.hello_overdue(key, id),
                Timer::Accept => {
                    self.accept();
                    self.accept_control();
                }
                Timer::Press(ticket) => {
                    self.daemon.let_go(ticket);
                    self.controls.finished(ticket);
                }
            }
        }
        self.daemon.serve_ready();
        self.controls.serve_ready(&mut self.daemon);
        self.daemon.settle();
        self.controls.tell_changes(&mut self.daemon);
    }

    fn accept(&mut self) {
        for _ in 0..ACCEPTED_PER_TURN {
            match self.socket.listener.accept() {
                Ok((stream, _)) => self.daemon.welcome(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => return self.cannot_accept(&error),
            }
        }
        self.daemon.timers.start(Duration::ZERO, Timer::Accept);
    }

    fn accept_control(&mut self) {
        for _ in 0..ACCEPTED_PER_TURN {
            match self.control_socket.listener.accept() {
                Ok((stream, _)) => self.controls.welcome(stream, self.poll.registry()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => return self.cannot_accept(&error),
            }
        }
        self.daemon.timers.start(Duration::ZERO, Timer::Accept);
    }

    fn cannot_accept(&mut self, error: &io::Error) {
        log::warn!("a connection waits: {error}");
        self.daemon.timers.start(ACCEPT_AGAIN, Timer::Accept);
    }

    fn signal(&mut self) -> Option<Signal> {
        let signal = self.signals.read_signal().ok().flatten()?;
        i32::try_from(signal.ssi_signo).ok().and_then(|signal| Signal::try_from(signal).ok())
    }
}

fn signals() -> io::Result<SignalFd> {
    let ending: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
    ending.thread_block()?;
    Ok(SignalFd::with_flags(&ending, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?)
}
