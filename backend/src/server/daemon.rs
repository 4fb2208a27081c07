// SPDX-License-Identifier: MIT OR Apache-2.0
//! The daemon's state: its guests and their lines, and what moves between them in a turn.

mod lost;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use log::Level;
use mio::Registry;
use mio::net::UnixStream;
use slab::Slab;
use vgpio_protocol::{ErrorCode, ErrorReport, Event};

use super::guest::{Guest, Turn};
use super::pads::{Press, Watch};
use super::timers::{Timer, Timers};
use super::turns::Turns;
use super::vhost::Vmms;
use crate::chip::ChipEdge;
use crate::chip::worker::Report;
use crate::config::Config;
use crate::hub::{HoldKey, Hub, Origin, SessionKey};
use crate::keep::{Key, Note};
use crate::session::{Context, LogLimit, Outbox};

/// How long a frontend may take to say HELLO (`docs/protocol.md`, "Limits").
const HELLO_TIME: Duration = Duration::from_secs(10);

/// Bytes read from one frontend per turn.
const READ_BUFFER: usize = 32 * 1024;

/// Edges read from one hold at a time.
const EDGE_BUFFER: usize = 256;

/// How often edges of one hold are read per turn, so that a noisy line cannot starve the rest.
const EDGE_READS: usize = 4;

/// Guests, lines and timers.
pub struct Daemon {
    pub hub: Hub,
    pub config: Config,
    pub guests: Slab<Guest>,
    pub timers: Timers,
    pub presses: HashMap<u64, Press>,
    pub watches: Vec<Watch>,
    pub started: Instant,
    pub last_press: u64,
    /// Whether a virtual machine monitor has had a device, and has gone.
    pub has_served: bool,
    /// How much of what frontends do may be logged.
    pub log: LogLimit,
    /// Sessions of each export that have ended because their frontend did not answer.
    pub unanswered: HashMap<String, u64>,
    /// How virtual machine monitors reach the loop.
    pub vmms: Vmms,
    pub registry: Registry,
    /// The connection to the keeper that the loop watches, by its number.
    pub(super) watched_keeper: Option<u64>,
    /// What another daemon has left, until it is taken over.
    pub(super) left: Vec<(Key, Note)>,
    last_id: u32,
    pub(super) ready: Turns<SessionKey>,
    /// Those who come, of whom one has its turn in a turn of the loop.
    pub(super) passing: Turns<SessionKey>,
    /// Those who have gone, with what is still to be given back.
    pub(super) gone: VecDeque<Guest>,
    noisy: Turns<HoldKey>,
    /// Guests that may have something to be sent.
    touched: Vec<SessionKey>,
    /// Lines of a chip that is back could not be taken, which was told.
    is_told: bool,
    /// Guests whose rings are looked at, as they will not ring.
    pub(super) awake: Vec<SessionKey>,
    read_buffer: Vec<u8>,
    edge_buffer: Vec<ChipEdge>,
}

impl Daemon {
    pub fn new(hub: Hub, config: Config, registry: Registry, vmms: Vmms) -> Self {
        Self {
            hub,
            config,
            guests: Slab::new(),
            timers: Timers::default(),
            presses: HashMap::new(),
            watches: Vec::new(),
            started: Instant::now(),
            last_press: 0,
            has_served: false,
            log: LogLimit::default(),
            unanswered: HashMap::new(),
            vmms,
            registry,
            watched_keeper: None,
            left: Vec::new(),
            last_id: 0,
            ready: Turns::new(),
            passing: Turns::new(),
            gone: VecDeque::new(),
            noisy: Turns::new(),
            touched: Vec::new(),
            is_told: false,
            awake: Vec::new(),
            read_buffer: vec![0; READ_BUFFER],
            edge_buffer: Vec::with_capacity(EDGE_BUFFER),
        }
    }

    /// Warns of chips that are to be lent and are not there. They may come later, so it is no error.
    pub fn look_for_chips(&self) {
        let lines = self.config.exports.iter().flat_map(|export| &export.lines);
        let chips: BTreeSet<&str> = lines.map(|line| line.chip.as_str()).collect();
        for chip in chips {
            if let Err(error) = self.hub.chips().open(chip) {
                log::warn!("cannot be lent now: {}", crate::chain(&error));
            }
        }
    }

    /// A turn of the loop begins. Returns whether something is left to do in it, so that it may not
    /// sleep.
    pub fn begin_turn(&mut self) -> bool {
        let guests = self.ready.begin();
        self.noisy.begin() || guests
    }

    /// Takes in a frontend, or tells it that there are too many.
    pub fn welcome(&mut self, stream: UnixStream) {
        if self.guests.len() >= self.config.max_sessions as usize {
            return turn_away(&stream, self.config.max_sessions, &mut self.log);
        }
        let id = self.next_id();
        let entry = self.guests.vacant_entry();
        let key = SessionKey(entry.key());
        match Guest::new(stream, key, id, &self.registry) {
            Ok(guest) => {
                entry.insert(guest);
                self.timers.start(HELLO_TIME, Timer::Hello(key, id));
            }
            Err(error) => {
                if self.log.allows_one() {
                    log::warn!("a frontend cannot be served: {error}");
                }
            }
        }
    }

    /// The number of the next session, for people.
    pub fn next_id(&mut self) -> u32 {
        self.last_id = self.last_id.wrapping_add(1);
        self.last_id
    }

    /// A frontend's socket has something to read, or room again.
    /// `hung_up`: it will send no more than what there is.
    pub fn guest_ready(&mut self, key: SessionKey, hung_up: bool) {
        if let Some(guest) = self.guests.get_mut(key.0) {
            guest.hung_up |= hung_up;
            guest.has_rung = true;
        }
        if self.passes(key) {
            self.go_on(key);
        } else if !self.ready.contains(key) {
            self.guest_turn(key);
        }
    }

    pub(super) fn guest_turn(&mut self, key: SessionKey) {
        let Some(guest) = self.guests.get_mut(key.0) else {
            return;
        };
        let was_new = guest.session.is_new();
        let mut cx = Context { hub: &mut self.hub, config: &self.config, log: &mut self.log };
        let turn = guest.turn(&mut self.read_buffer, &mut cx);
        let is_over = turn == Turn::Gone || guest.session.is_closed();
        if was_new && (is_over || !guest.session.is_new()) {
            let id = guest.session.id();
            self.timers.stop(|timer| timer == Timer::Hello(key, id));
        }
        if turn == Turn::More && !is_over {
            self.go_on(key);
        } else if guest.is_silent() {
            guest.is_awake = true;
            self.awake.push(key);
        }
        self.send(key);
        if is_over {
            self.farewell(key);
        }
    }

    /// A frontend has gone: its lines are given back at once, what else it had may have to wait for its turn.
    pub fn farewell(&mut self, key: SessionKey) {
        if let Some(mut guest) = self.guests.try_remove(key.0) {
            self.awake.retain(|awake| *awake != key);
            self.has_served |= guest.vmm.as_ref().is_some_and(|vmm| vmm.has_device());
            guest.session.close(&mut self.hub, &mut self.log);
            self.end_watch(key, &guest.session);
            // A monitor's connection is closed here before its thread closes it, which may take for ever.
            if guest.vmm.is_none() {
                self.gone.push_back(guest);
            }
        }
    }

    /// Ends the session of a frontend that has not said HELLO in time.
    pub fn hello_overdue(&mut self, key: SessionKey, id: u32) {
        let is_meant = |guest: &Guest| guest.session.id() == id;
        if self.passing.contains(key) && self.guests.get(key.0).is_some_and(is_meant) {
            // It may have said it, and waits for others.
            self.guest_turn(key);
        }
        let overdue = |guest: &&mut Guest| is_meant(guest) && guest.session.is_new();
        let Some(guest) = self.guests.get_mut(key.0).filter(overdue) else {
            return;
        };
        guest.session.too_late(&mut Context {
            hub: &mut self.hub,
            config: &self.config,
            log: &mut self.log,
        });
        // Whether it still listens does not matter: it is over.
        let _ = guest.flush(&self.registry, &mut self.log);
        self.farewell(key);
    }

    /// A hold has edges to be read.
    pub fn edges_ready(&mut self, key: HoldKey) {
        if !self.noisy.contains(key) {
            self.edges_turn(key);
        }
    }

    /// Reads edges of a hold and passes them on to all who use it.
    fn edges_turn(&mut self, key: HoldKey) {
        for _ in 0..EDGE_READS {
            let mut edges = std::mem::take(&mut self.edge_buffer);
            edges.clear();
            let lost = self.hub.read_edges(key, &mut edges);
            let none = lost.is_none() || edges.is_empty();
            self.pass_on(key, &edges, lost.unwrap_or(0));
            self.edge_buffer = edges;
            if none {
                return;
            }
        }
        self.noisy.push(key);
    }

    fn pass_on(&mut self, key: HoldKey, edges: &[ChipEdge], lost: u32) {
        if edges.is_empty() && lost == 0 {
            return;
        }
        let users = self.hub.hold(key).map_or(0, |hold| hold.users.len());
        for i in 0..users {
            let user = self.hub.hold(key).and_then(|hold| hold.users.get(i));
            let Some((session, route)) = user.map(|user| (user.session, user.route)) else {
                continue;
            };
            if let Some(guest) = self.guests.get_mut(session.0) {
                let mut cx =
                    Context { hub: &mut self.hub, config: &self.config, log: &mut self.log };
                guest.session.edges(route, edges, lost, &mut cx);
                self.touched.push(session);
            }
        }
    }

    /// Workers have done something.
    pub fn workers_ready(&mut self) {
        for report in self.hub.reports() {
            match report {
                Report::Completed(completion) => {
                    if let Some(completed) = self.hub.complete(completion) {
                        self.completed(completed);
                    }
                }
                Report::Edges { key, edges, lost } => {
                    if let Some(key) = self.hub.of_worker(key) {
                        self.hub.note_edges(key, &edges);
                        self.pass_on(key, &edges, lost);
                    }
                }
                Report::Unread { key, error } => {
                    if let Some(key) = self.hub.of_worker(key) {
                        self.hub.unread(key, &error);
                    }
                }
            }
        }
        // Whoever waited for a worker goes on.
        let waiting = self.guests.iter().filter(|(_, guest)| guest.is_waiting());
        for (key, guest) in waiting {
            let turns = if guest.passes() { &mut self.passing } else { &mut self.ready };
            turns.push(SessionKey(key));
        }
    }

    fn completed(&mut self, completed: crate::hub::Completed) {
        if completed.origin == Origin::NOBODY
            && let Err(failure) = &completed.result
        {
            let level = if completed.restore { self.restore_level() } else { Level::Error };
            log::log!(level, "a line is not as it should be: {}", failure.text);
        }
        if completed.restore {
            match completed.result {
                Ok(_) => self.back(completed.hold),
                Err(_) => self.restore_later(),
            }
        } else if let Some(guest) = self.guests.get_mut(completed.origin.session.0) {
            let session = completed.origin.session;
            let mut cx = Context { hub: &mut self.hub, config: &self.config, log: &mut self.log };
            guest.session.completed(completed, &mut cx);
            self.touched.push(session);
        }
    }

    /// Those who were not done in their turn have another.
    pub fn serve_ready(&mut self) {
        while let Some(key) = self.ready.next_due() {
            self.guest_turn(key);
        }
        while let Some(key) = self.noisy.next_due() {
            self.edges_turn(key);
        }
    }

    /// Tells of chips that have gone, and sends what all have to say.
    pub fn settle(&mut self) {
        self.watch_keeper();
        if self.hub.has_gone_chips() {
            self.tell_lost();
            // They may be back already, before the watch on /dev could tell.
            self.restore();
            self.tell_lost();
        }
        for key in std::mem::take(&mut self.touched) {
            self.send(key);
        }
    }

    /// Sends what a guest's session has to say, and lets it go on where it waited for that.
    pub(super) fn send(&mut self, key: SessionKey) {
        self.begin_watch(key);
        let Some(guest) = self.guests.get_mut(key.0) else { return };
        let mut cx = Context { hub: &mut self.hub, config: &self.config, log: &mut self.log };
        let mut flushed = guest.flush(&self.registry, cx.log);
        if flushed.is_ok() && guest.session.resync(&mut cx) {
            flushed = guest.flush(&self.registry, cx.log);
        }
        if flushed.is_err() {
            // It reads no more; what it sent before is carried out first.
            guest.session.outbox = Outbox::default();
            guest.hung_up = true;
            self.go_on(key);
        } else if guest.is_waiting() && !guest.session.is_paused(cx.hub) {
            self.go_on(key);
        }
    }

    /// Ends every session, and waits until their lines are safe.
    pub fn shut_down(&mut self) {
        for (_, guest) in &mut self.guests {
            guest.session.shut_down(&mut Context {
                hub: &mut self.hub,
                config: &self.config,
                log: &mut self.log,
            });
            // A frontend that does not listen any more need not be told.
            let _ = guest.flush(&self.registry, &mut self.log);
        }
        self.hub.give_up_all();
        self.hub.finish();
        self.hub.store.end();
    }
}

fn turn_away(stream: &UnixStream, max: u32, log: &mut LogLimit) {
    let text = format!(
        "{max} sessions are served, the most this daemon may; end one, or raise max-sessions"
    );
    let code = ErrorCode::TooManySessions;
    let mut outbox = Outbox::default();
    outbox.push(&Event::Error(ErrorReport { mask: 0, code, errno: 0, text: &text }), 0);
    if let Err(error) = outbox.write(stream) {
        log::debug!("a frontend too many has gone: {error}");
    }
    if log.allows_one() {
        log::warn!("a frontend was turned away: {text}");
    }
}

#[cfg(test)]
mod tests;
