// SPDX-License-Identifier: MIT OR Apache-2.0
//! The users of the control socket.

use std::collections::VecDeque;

use mio::net::UnixStream;
use mio::{Interest, Registry};
use slab::Slab;

use super::daemon::Daemon;
use crate::control::api::{Code, Refusal};
use crate::control::{Connection, MAX_CLIENTS, Progress};
use crate::session::LogLimit;
use crate::token::Source;

/// All connections to the control socket.
#[derive(Default)]
pub struct Controls {
    connections: Slab<Connection>,
    ready: VecDeque<usize>,
}

impl Controls {
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub fn welcome(&mut self, stream: UnixStream, registry: &Registry, log: &mut LogLimit) {
        if self.connections.len() >= MAX_CLIENTS {
            return turn_away(stream, log);
        }
        let entry = self.connections.vacant_entry();
        let token = Source::Control(entry.key()).token();
        let mut connection = Connection::new(stream);
        let interest = Interest::READABLE | Interest::WRITABLE;
        match registry.register(connection.stream(), token, interest) {
            Ok(()) => _ = entry.insert(connection),
            Err(error) => {
                if log.allows_one() {
                    log::warn!("a user of the control socket cannot be served: {error}");
                }
            }
        }
    }

    /// A connection has something to read, or room again.
    pub fn ready(&mut self, key: usize, daemon: &mut Daemon) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        match connection.ready(daemon) {
            Ok(Progress::Idle) => {}
            Ok(Progress::More) if self.ready.contains(&key) => {}
            Ok(Progress::More) => self.ready.push_back(key),
            Ok(Progress::Closed) | Err(_) => _ = self.connections.remove(key),
        }
        self.watch(daemon);
    }

    pub fn serve_ready(&mut self, daemon: &mut Daemon) {
        for _ in 0..self.ready.len() {
            if let Some(key) = self.ready.pop_front() {
                self.ready(key, daemon);
            }
        }
    }

    /// A button has been let go.
    pub fn finished(&mut self, ticket: u64, daemon: &mut Daemon) {
        self.connections.retain(|_, connection| connection.finished(ticket).is_ok());
        self.watch(daemon);
    }

    /// Shows those who monitor lines what has changed.
    pub fn tell_changes(&mut self, daemon: &mut Daemon) {
        let events = daemon.take_changes();
        let dropped = daemon.take_dropped();
        // What was dropped came before what was not.
        for (chip, count) in &dropped {
            self.connections.retain(|_, connection| connection.dropped(chip, *count).is_ok());
        }
        for event in &events {
            self.connections.retain(|_, connection| connection.event(event).is_ok());
        }
        if !events.is_empty() || !dropped.is_empty() {
            self.watch(daemon);
        }
    }

    /// Changes are noted only while somebody wants to see them.
    fn watch(&self, daemon: &mut Daemon) {
        let watched = self.connections.iter().any(|(_, connection)| connection.is_monitoring());
        daemon.watch_changes(watched);
    }
}

fn turn_away(stream: UnixStream, log: &mut LogLimit) {
    let text = format!("{MAX_CLIENTS} clients are served, the most; end one, a monitor perhaps");
    if log.allows_one() {
        log::warn!("a user of the control socket was turned away: {text}");
    }
    if let Err(error) = Connection::turn_away(stream, &Refusal::new(Code::TooManyClients, text)) {
        log::debug!("a user of the control socket has gone: {error}");
    }
}
