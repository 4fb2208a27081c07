// SPDX-License-Identifier: MIT OR Apache-2.0
//! A frontend: the line client, and what happened to it.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use vgpio::client::{Client, Error, Event, Line, Lines, Options, Report, State};
use vgpio_protocol::{Configure, Edge};

use super::{Daemon, deadline};

/// How long a guest waits before it connects again.
const RECONNECT: Duration = Duration::from_millis(5);

/// A client whose events are kept until somebody asks for them.
pub struct Guest {
    /// The client.
    pub client: Client,
    events: VecDeque<Event>,
}

/// The lines of an export.
pub fn export(name: &str) -> Lines {
    Lines::Export(name.to_owned())
}

/// The lines of a line map.
pub fn map(map: &str) -> Lines {
    Lines::Map(map.to_owned())
}

/// The options of a client of these lines.
pub fn options(socket: PathBuf, lines: Lines) -> Options {
    Options { socket, name: "guest".to_owned(), reconnect: Some(RECONNECT), ..Options::new(lines) }
}

impl Guest {
    /// A client that has its lines.
    pub fn attach(daemon: &Daemon, lines: Lines) -> Self {
        Self::try_attach(daemon, lines).unwrap_or_else(|report| panic!("refused: {report}"))
    }

    /// A client that has its lines, unless the daemon refuses them.
    ///
    /// # Errors
    /// The daemon's refusal.
    pub fn try_attach(daemon: &Daemon, lines: Lines) -> Result<Self, Report> {
        let mut guest = Self::new(options(daemon.socket(), lines));
        guest.client.connect().expect("the daemon listens");
        let done = |client: &Client| client.state() != State::Connecting;
        guest.wait_until("lines or a refusal", done);
        match guest.client.last_error() {
            None => Ok(guest),
            Some(Error::Refused(report)) => Err(report.clone()),
            Some(error) => panic!("{}", error.chain()),
        }
    }

    /// The daemon's refusal of these lines.
    pub fn refusal(daemon: &Daemon, lines: Lines) -> Report {
        match Self::try_attach(daemon, lines) {
            Ok(_) => panic!("the daemon gave lines that it should refuse"),
            Err(report) => report,
        }
    }

    /// A client that is not yet connected.
    pub fn new(options: Options) -> Self {
        let client = Client::new(options).expect("the options are right");
        Self { client, events: VecDeque::new() }
    }

    /// Waits for something to be true of the client.
    pub fn wait_until(&mut self, what: &str, done: impl Fn(&Client) -> bool) {
        let Self { client, events } = self;
        let waited = client.wait_until(deadline(), &mut |event| events.push_back(event), done);
        waited.unwrap_or_else(|error| panic!("{what}: {error}"));
    }

    /// Waits until all that was asked is done, without an error.
    pub fn sync(&mut self) {
        self.sync_whatever();
        let failed = self.events.iter().find(|event| matches!(event, Event::Error(_)));
        assert!(failed.is_none(), "{failed:?}");
    }

    /// Waits until all that was asked is done or has failed.
    pub fn sync_whatever(&mut self) {
        let token = self.client.sync();
        self.wait_until("barrier", |client| client.is_synced(token));
    }

    /// Makes lines outputs with these levels, and waits until they are.
    pub fn drive(&mut self, mask: u64, bits: u64) {
        self.client.configure_directions(mask, mask, bits);
        self.sync();
    }

    /// Makes lines inputs, and waits until they are.
    pub fn release(&mut self, mask: u64) {
        self.client.configure_directions(mask, 0, 0);
        self.sync();
    }

    /// Changes settings, and waits until they are changed.
    pub fn configure(&mut self, change: &Configure) {
        self.client.configure(change);
        self.sync();
    }

    /// Sets outputs, and waits until they are set.
    pub fn set(&mut self, mask: u64, bits: u64) {
        self.client.set(mask, bits);
        self.sync();
    }

    /// Waits for the first event of a kind; those of other kinds stay.
    pub fn event<T>(&mut self, what: &str, kind: impl Fn(&Event) -> Option<T>) -> T {
        let end = deadline();
        let mut seen = 0;
        loop {
            while let Some(event) = self.events.get(seen) {
                if let Some(found) = kind(event) {
                    self.events.remove(seen);
                    return found;
                }
                seen += 1;
            }
            let Self { client, events } = self;
            let happened = client.wait(end, &mut |event| events.push_back(event));
            assert!(happened, "not in time: {what}; there were {:?}", self.events);
        }
    }

    /// Waits for the next edge.
    pub fn edge(&mut self) -> Edge {
        self.event("edge", |event| match event {
            Event::Edge(edge) => Some(*edge),
            _ => None,
        })
    }

    /// Waits for the next error.
    pub fn error(&mut self) -> Report {
        self.event("error", |event| match event {
            Event::Error(report) => Some(report.clone()),
            _ => None,
        })
    }

    /// What the daemon says of the lines now.
    pub fn lines(&mut self) -> Vec<Line> {
        assert!(self.client.query_lines(), "the client can ask");
        self.event("line info", |event| matches!(event, Event::Lines).then_some(()));
        self.client.lines().to_vec()
    }

    /// The levels that the daemon reads now.
    pub fn read(&mut self, mask: u64) -> u64 {
        assert!(self.client.query_levels(mask), "the client can ask");
        self.event("levels", |event| match event {
            Event::Levels { values, .. } if values.reason == vgpio_protocol::Reason::Reply => {
                Some(values.bits)
            }
            _ => None,
        })
    }

    /// Forgets what has happened so far.
    pub fn forget(&mut self) {
        self.events.clear();
    }

    /// What has happened and was not asked for.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.iter()
    }
}
