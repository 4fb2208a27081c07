// SPDX-License-Identifier: MIT OR Apache-2.0
//! A guest with a virtio GPIO device: its queues on one side, an ordinary session on the other.

use std::io::{self, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use vgpio_protocol::{Event, Frame, Reason, Values};
use vgpio_virtio::{Device, EVENT_QUEUE, QUEUES, REQUEST_QUEUE, greeting};

use super::call::Asker;
use super::control;
use super::inflight::Inflight;
use super::memory::Shared;
use super::ring::{Broken, Ring};
use super::serve::{self, Held, SHARE};
use crate::server::guest::Turn;
use crate::session::{Context, LogLimit, Session};

/// What the session of such a guest calls itself.
const NAME: &str = "virtio";

/// A virtual machine monitor's connection, and its guest's device.
pub struct Vmm {
    /// To be said to the session first.
    greeting: Vec<u8>,
    /// Once the session has its lines.
    pub(super) device: Option<Device<Held>>,
    pub(super) memory: Option<Shared>,
    /// What outlives this daemon.
    pub(super) inflight: Option<Inflight>,
    pub(super) rings: [Ring; QUEUES],
    /// The request that the session is carrying out.
    pub(super) pending: Option<Held>,
    /// The queue that was found broken between turns.
    broken: Option<usize>,
    connection: UnixStream,
    /// For the thread that serves the connection, until it is started.
    asker: Option<Asker>,
    /// Whether the session's word on its lines has come: the monitor may ask once it is known what they are at first.
    is_settled: bool,
    is_refused: bool,
}

impl Vmm {
    /// A guest whose lines are those of an export. Nothing is read from the connection before it has them.
    #[must_use]
    pub fn new(export: &str, connection: UnixStream, asker: Asker) -> Self {
        let mut messages = Vec::new();
        greeting(NAME, export, &mut messages);
        Self {
            greeting: messages,
            device: None,
            memory: None,
            inflight: None,
            rings: [Ring::new(), Ring::new()],
            pending: None,
            broken: None,
            connection,
            asker: Some(asker),
            is_settled: false,
            is_refused: false,
        }
    }

    /// Whether it got its lines.
    #[must_use]
    pub fn has_device(&self) -> bool {
        self.device.is_some()
    }

    /// Edges that the guest was too slow for.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.device.as_ref().map_or(0, Device::dropped)
    }

    /// Whether the session has something to carry out.
    #[must_use]
    pub fn has_messages(&self) -> bool {
        !self.messages().is_empty()
    }

    fn messages(&self) -> &[u8] {
        self.device.as_ref().map_or(&self.greeting, Device::messages)
    }

    /// Serves the queues, until they are empty or have had their share of a turn.
    pub fn turn(&mut self, session: &mut Session, cx: &mut Context<'_>) -> Turn {
        let mut share = SHARE;
        self.start(session, cx.log);
        if let Some(queue) = self.broken.take() {
            self.fail(queue, session, cx.log);
        }
        let turn = loop {
            self.post(session, cx);
            if self.is_refused || session.is_closed() {
                return Turn::Gone;
            }
            if share == 0 {
                break Turn::More;
            }
            match self.deliver().and_then(|()| self.serve()) {
                Ok(0) if self.is_starting() => break Turn::More,
                Ok(0) => break Turn::Idle,
                Ok(cost) => share = share.saturating_sub(cost),
                Err(queue) => self.fail(queue, session, cx.log),
            }
        };
        if let Err(queue) = self.notify() {
            self.fail(queue, session, cx.log);
        }
        self.save();
        if self.is_cut() {
            if cx.log.allows_one() {
                log::warn!("session {}: closed: its memory was cut short", session.id());
            }
            return Turn::Gone;
        }
        turn
    }

    /// Takes what the session has to say. Returns whether the guest may go on with what waited for it.
    ///
    /// # Errors
    /// The session has no lines for the guest.
    pub fn flush(&mut self, session: &mut Session, log: &mut LogLimit) -> io::Result<bool> {
        let waited = self.is_waiting();
        session.outbox.write(&mut Inbox(self))?;
        if self.is_refused {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let broken = self.deliver().and_then(|()| self.notify()).err();
        if let Some(queue) = broken {
            self.fail(queue, session, log);
        }
        self.save();
        let goes_on = (waited && !self.is_waiting()) || broken.is_some() || self.is_cut();
        Ok(goes_on || self.has_messages() || self.is_starting())
    }

    /// Whether its virtual machine monitor is to be listened to, and is not yet.
    pub fn is_starting(&self) -> bool {
        self.is_settled && self.asker.is_some()
    }

    /// Listens to its virtual machine monitor, if that is due.
    fn start(&mut self, session: &Session, log: &mut LogLimit) {
        let due = self.asker.take_if(|_| self.is_settled).zip(self.device.as_ref());
        let Some((asker, device)) = due else { return };
        let connection = self.connection.try_clone();
        let started = connection.and_then(|it| control::start(it, asker, device.config()));
        if let Err(error) = started {
            self.refuse(&error, session, log);
        }
    }

    fn refuse(&mut self, error: &io::Error, session: &Session, log: &mut LogLimit) {
        if log.allows_one() {
            log::warn!("session {}: no virtio device: {error}", session.id());
        }
        self.is_refused = true;
    }

    /// Whether requests wait for the session.
    fn is_waiting(&self) -> bool {
        self.pending.is_some() || self.device.as_ref().is_some_and(Device::is_restoring)
    }

    /// Whether memory has turned out not to be there.
    fn is_cut(&self) -> bool {
        self.memory.as_ref().is_some_and(Shared::is_cut)
            || self.inflight.as_ref().is_some_and(Inflight::is_cut)
    }

    /// Keeps what the guest has made of its lines. What it is told of them comes before: a daemon that is
    /// killed between leaves an interrupt twice, and none out.
    fn save(&mut self) {
        if let (Some(inflight), Some(device)) = (&mut self.inflight, &self.device) {
            inflight.save(device.saved());
        }
    }

    /// Has the session carry out what it is asked, as far as it takes it.
    fn post(&mut self, session: &mut Session, cx: &mut Context<'_>) {
        while self.has_messages() && !session.is_paused(cx.hub) {
            let used = session.consume(self.messages(), cx);
            match &mut self.device {
                Some(device) => device.sent(used),
                None => _ = self.greeting.drain(..used),
            }
            if let Err(error) = session.outbox.write(&mut Inbox(self)) {
                self.refuse(&error, session, cx.log);
            }
        }
    }

    /// Serves one chain; returns what it cost, 0 when there is none. An error names the queue.
    fn serve(&mut self) -> Result<u32, usize> {
        let (Some(Shared { memory, .. }), Some(device)) = (&self.memory, &mut self.device) else {
            return Ok(0);
        };
        if device.is_restoring() {
            return Ok(0);
        }
        let [requests, events] = &mut self.rings;
        let in_requests = |_: Broken| REQUEST_QUEUE;
        let in_events = |_: Broken| EVENT_QUEUE;
        let is_free = self.pending.is_none();
        let is_asked = is_free && requests.has_chain(memory).map_err(in_requests)?;
        // Buffers come back in any order: which of them another daemon has returned, nobody knows.
        if events.is_running() && events.is_strange() {
            return Err(EVENT_QUEUE);
        }
        if let Some(mut again) = events.again(memory).map_err(in_events)? {
            let (memory, chain) = again.chain().map_err(in_events)?;
            return serve::event(device, events, memory, chain).map_err(in_events);
        }
        // A buffer that came before a request that disarms its line is to go back before the response.
        if let Some(chain) = events.pop(memory).map_err(in_events)? {
            return serve::event(device, events, memory, chain).map_err(in_events);
        }
        if is_free && let Some(mut again) = requests.again(memory).map_err(in_requests)? {
            let (memory, chain) = again.chain().map_err(in_requests)?;
            let kept = self.inflight.as_mut();
            let (cost, held) = serve::request(device, &mut self.rings, memory, chain, kept)?;
            self.pending = held;
            return Ok(cost);
        }
        if is_asked && let Some(chain) = requests.pop(memory).map_err(in_requests)? {
            let kept = self.inflight.as_mut();
            let (cost, held) = serve::request(device, &mut self.rings, memory, chain, kept)?;
            self.pending = held;
            return Ok(cost);
        }
        Ok(0)
    }

    /// Whether the driver has made something available, which it need not have told, or its memory is gone.
    #[must_use]
    pub fn has_rung(&self) -> bool {
        let Some(Shared { memory, .. }) = &self.memory else { return false };
        let [requests, events] = &self.rings;
        let has_chain = |ring: &Ring| ring.has_chain(memory).unwrap_or(true);
        self.broken.is_some()
            || self.is_cut()
            || (self.is_served() && has_chain(events))
            || (!self.is_waiting() && has_chain(requests))
    }

    /// Whether chains are taken from the queues: not before the lines are what another daemon has left.
    fn is_served(&self) -> bool {
        self.device.as_ref().is_some_and(|device| !device.is_restoring())
    }

    /// Has the driver tell from now on when it makes something available. False if it has done so meanwhile.
    pub fn sleep(&mut self) -> bool {
        let is_served = self.is_served();
        let Some(Shared { memory, .. }) = self.memory.as_ref().filter(|_| is_served) else {
            return true;
        };
        let [requests, events] = &mut self.rings;
        // No request is taken before that which is being carried out is answered.
        let requests = self.pending.is_none().then_some((requests, REQUEST_QUEUE));
        for (ring, index) in requests.into_iter().chain([(events, EVENT_QUEUE)]) {
            match ring.await_kick(memory) {
                Ok(false) => {}
                Ok(true) => return false,
                Err(Broken) => {
                    self.broken = Some(index);
                    return false;
                }
            }
        }
        true
    }

    /// Takes a message of the session.
    fn hear(&mut self, seq: u64, event: &Event<'_>) -> io::Result<()> {
        match (&mut self.device, event) {
            (Some(device), _) => {
                device.event(seq, event);
                let is_first = |values: &Values| values.reason == Reason::Attached;
                self.is_settled |= matches!(event, Event::Values(values) if is_first(values))
                    || matches!(event, Event::Error(_));
            }
            (None, Event::Attached(lines)) => {
                self.device = Some(Device::new(lines).map_err(io::Error::other)?);
            }
            (None, Event::Error(_)) => self.is_refused = true,
            (None, _) => {}
        }
        Ok(())
    }

    /// Returns to the guest what is due, as far as its queues run. An error names the queue.
    fn deliver(&mut self) -> Result<(), usize> {
        let (Some(device), Some(Shared { memory, .. })) = (&mut self.device, &self.memory) else {
            return Ok(());
        };
        serve::give_back(device, &mut self.rings, memory).map_err(|_| EVENT_QUEUE)?;
        let [requests, _] = &mut self.rings;
        if requests.is_running()
            && let Some(held) = self.pending
            && let Some(response) = device.take_response()
        {
            self.pending = None;
            // Once the guest knows that it is done, it must not be forgotten.
            if let Some(inflight) = &mut self.inflight {
                inflight.save(device.saved());
            }
            let written = held.space.write(memory, &response.encode());
            requests.complete(memory, held.head, written).map_err(|_| REQUEST_QUEUE)?;
        }
        Ok(())
    }

    /// Tells the driver of what was returned. An error names the queue.
    fn notify(&mut self) -> Result<(), usize> {
        let Some(Shared { memory, .. }) = &self.memory else { return Ok(()) };
        let [requests, events] = &mut self.rings;
        requests.notify(memory).map_err(|_| REQUEST_QUEUE)?;
        events.notify(memory).map_err(|_| EVENT_QUEUE)
    }

    fn fail(&mut self, index: usize, session: &Session, log: &mut LogLimit) {
        if let Some(ring) = self.rings.get_mut(index) {
            ring.fail();
        }
        if log.allows_one() {
            let id = session.id();
            log::warn!("session {id}: queue {index} is broken; the driver must reset the device");
        }
    }
}

impl Drop for Vmm {
    fn drop(&mut self) {
        // Ends the thread, whatever it waits for. Where the other side has gone, it has ended.
        let _ = self.connection.shutdown(Shutdown::Both);
    }
}

/// Where a session writes its messages, which always come whole.
struct Inbox<'v>(&'v mut Vmm);

impl Write for Inbox<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let frame = Frame::split(bytes).map_err(io::Error::other)?;
        let frame = frame.ok_or(io::ErrorKind::UnexpectedEof)?;
        let event = Event::decode(&frame).map_err(io::Error::other)?;
        if let Some(event) = &event {
            self.0.hear(frame.seq, event)?;
        }
        Ok(frame.size())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
