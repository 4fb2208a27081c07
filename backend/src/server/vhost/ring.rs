// SPDX-License-Identifier: MIT OR Apache-2.0
//! One virtqueue, with the descriptors by which both sides wake one another.

use std::collections::VecDeque;
use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering;

use mio::unix::SourceFd;
use mio::{Interest, Registry};
use virtio_queue::{Queue, QueueOwnedT, QueueT};
use vm_memory::{Bytes, GuestAddress};

use super::chain::{Again, Chain, Memory};
use super::error::Refused;
use super::eventfd::Eventfd;
use super::track::Track;
use crate::hub::SessionKey;
use crate::token::Source;

/// Most entries of a queue: what QEMU sets for every vhost-user device.
pub const MAX_SIZE: u16 = 1024;

/// A virtqueue.
#[derive(Debug)]
pub struct Ring {
    queue: Queue,
    kick: Option<Kick>,
    call: Option<Eventfd>,
    error: Option<Eventfd>,
    is_enabled: bool,
    /// Whether it is within the guest's memory.
    is_mapped: bool,
    /// Whether something was returned since the driver was told.
    has_news: bool,
    /// Whether it goes on where another daemon was, which may have taken chains and not returned them.
    is_strange: bool,
    /// What was returned last, as the used ring has it, and the driver when it goes on.
    last: Option<[u32; 2]>,
    /// Whether a chain was taken since it was started.
    has_taken: bool,
    /// What tells another daemon which chains are out.
    track: Option<Track>,
    /// Chains that another daemon had taken and not returned.
    taken: VecDeque<u16>,
}

/// What the driver wakes the daemon by.
#[derive(Debug)]
struct Kick {
    eventfd: Eventfd,
    registry: Registry,
}

/// The driver has broken its ring: there is no going on with it.
#[derive(Debug)]
pub struct Broken;

impl Ring {
    pub fn new() -> Self {
        let queue = Queue::new(MAX_SIZE).expect("a power of two");
        Self {
            queue,
            kick: None,
            call: None,
            error: None,
            is_enabled: false,
            is_mapped: false,
            has_news: false,
            is_strange: false,
            last: None,
            has_taken: false,
            track: None,
            taken: VecDeque::new(),
        }
    }

    pub fn set_size(&mut self, size: u32) -> Result<(), Refused> {
        self.stopped()?;
        let size = u16::try_from(size).map_err(|_| Refused::Size(size))?;
        self.queue.try_set_size(size).map_err(|_| Refused::Size(size.into()))
    }

    /// Where the table of descriptors, the available and the used ring are.
    pub fn set_addresses(&mut self, addresses: [GuestAddress; 3]) -> Result<(), Refused> {
        self.stopped()?;
        let [table, available, used] = addresses;
        let set = self.queue.try_set_desc_table_address(table);
        set.and_then(|()| self.queue.try_set_avail_ring_address(available))
            .and_then(|()| self.queue.try_set_used_ring_address(used))
            .map_err(|_| Refused::Address)
    }

    /// What a running ring was found to be must stay so.
    fn stopped(&self) -> Result<(), Refused> {
        if self.is_started() { Err(Refused::Running) } else { Ok(()) }
    }

    /// The entry of the available ring that is next.
    pub fn next(&self) -> u16 {
        self.queue.next_avail()
    }

    pub fn set_next(&mut self, next: u16) {
        self.is_strange = next != 0 && (self.is_strange || next != self.next());
        self.queue.set_next_avail(next);
    }

    /// Whether another daemon may have taken chains that it did not return.
    pub fn is_strange(&self) -> bool {
        self.is_strange
    }

    pub fn set_event_idx(&mut self, negotiated: bool) {
        self.queue.set_event_idx(negotiated);
    }

    pub fn enable(&mut self, enabled: bool) {
        self.is_enabled = enabled;
    }

    /// Starts the ring: from here on a kick of the driver wakes the session. Returns whether it is not the
    /// ring that was served before, for a driver that resets the device begins with rings of zeros
    /// (virtio 1.3, section 4.1.5.1.3.1).
    pub fn start(
        &mut self,
        memory: &Memory,
        eventfd: Eventfd,
        session: SessionKey,
        registry: &Registry,
    ) -> Result<bool, Refused> {
        self.stop();
        let kick = Kick { eventfd, registry: registry.try_clone()? };
        self.queue.set_ready(true);
        let started = self.begin(memory, &kick, session);
        if started.is_ok() {
            self.kick = Some(kick);
        } else {
            self.stop();
        }
        started
    }

    fn begin(
        &mut self,
        memory: &Memory,
        kick: &Kick,
        session: SessionKey,
    ) -> Result<bool, Refused> {
        self.remap(memory);
        if !self.is_mapped {
            return Err(Refused::Address);
        }
        let used = self.queue.used_idx(memory, Ordering::Acquire).map_err(|_| Refused::Address)?;
        let is_new = self.last.is_some_and(|last| {
            used.0 != self.queue.next_used() || self.last_returned(memory) != Some(last)
        });
        self.queue.set_next_used(used.0);
        let available = self.queue.avail_idx(memory, Ordering::Acquire);
        let available = available.map_err(|_| Refused::Address)?;
        self.is_strange &= available != used;
        self.recover(used.0, available.0)?;
        let token = Source::Session(session).token();
        let fd = kick.eventfd.as_raw_fd();
        kick.registry.register(&mut SourceFd(&fd), token, Interest::READABLE)?;
        Ok(is_new)
    }

    /// The entry of the used ring before the next.
    fn last_returned(&self, memory: &Memory) -> Option<[u32; 2]> {
        let index = self.queue.next_used().wrapping_sub(1) % self.queue.size();
        let at = self.queue.used_ring().checked_add(4 + 8 * u64::from(index))?;
        memory.read_obj(GuestAddress(at)).ok()
    }

    /// Whether it has taken a chain since it was started.
    pub fn has_taken(&self) -> bool {
        self.has_taken
    }

    /// Finds the chains that another daemon had taken. Each that was taken has been returned or is one of
    /// these, so it is known where to go on, whatever the monitor says.
    fn recover(&mut self, used: u16, available: u16) -> Result<(), Refused> {
        let Some(track) = &mut self.track else { return Ok(()) };
        if let Some(taken) = track.recover(self.queue.size(), used, available)? {
            let count = u16::try_from(taken.len()).map_err(|_| Refused::Inflight)?;
            self.queue.set_next_avail(used.wrapping_add(count));
            self.taken = taken.into();
            self.is_strange = false;
        }
        Ok(())
    }

    /// From here on it is kept there which chains are out.
    pub fn set_track(&mut self, track: Track) {
        self.track = Some(track);
    }

    /// The driver has begun anew: no chain is out.
    pub fn forget(&mut self) {
        self.taken.clear();
        self.last = None;
        if !self.is_started() {
            self.queue.set_next_avail(0);
        }
        if let Some(track) = &mut self.track {
            track.clear();
        }
    }

    /// The next chain that another daemon had taken and not returned.
    pub fn again(&mut self, memory: &Memory) -> Result<Option<Again>, Broken> {
        match self.taken.front() {
            Some(&head) if self.is_running() => {
                self.taken.pop_front();
                Again::new(memory, &self.queue, head).map(Some).ok_or(Broken)
            }
            _ => Ok(None),
        }
    }

    /// The guest's memory is another. Monitors take regions away and add them anew while a ring runs: until
    /// it is there as a whole, it is not served.
    pub fn remap(&mut self, memory: &Memory) {
        self.is_mapped = self.queue.is_valid(memory);
    }

    /// Stops the ring; returns the entry that is next.
    pub fn stop(&mut self) -> u16 {
        self.kick = None;
        self.has_taken = false;
        self.queue.set_ready(false);
        self.next()
    }

    pub fn set_call(&mut self, call: Option<Eventfd>) {
        self.call = call;
        // What was returned while nobody could be told is told now; by the event index, it was told.
        signal(self.call.as_ref());
    }

    pub fn set_error(&mut self, error: Option<Eventfd>) {
        self.error = error;
    }

    /// Whether the monitor has started it.
    pub fn is_started(&self) -> bool {
        self.queue.ready()
    }

    /// Whether chains may be taken and returned.
    pub fn is_running(&self) -> bool {
        self.queue.ready() && self.is_enabled && self.is_mapped
    }

    /// Whether the driver has made a chain available that may be taken.
    pub fn has_chain(&self, memory: &Memory) -> Result<bool, Broken> {
        let available = || self.queue.avail_idx(memory, Ordering::Acquire).map_err(|_| Broken);
        Ok(self.is_running() && available()?.0 != self.next())
    }

    /// The next chain that the driver has made available.
    pub fn pop<'m>(&mut self, memory: &'m Memory) -> Result<Option<Chain<'m>>, Broken> {
        if !self.has_chain(memory)? {
            return Ok(None);
        }
        let chain = self.queue.iter(memory).map_err(|_| Broken)?.next();
        let chain = chain.filter(|chain| chain.head_index() < self.queue.size()).ok_or(Broken)?;
        if let Some(track) = &mut self.track {
            track.take(chain.head_index());
        }
        self.has_taken = true;
        Ok(Some(chain))
    }

    /// Returns a chain, into which `written` bytes were written.
    pub fn complete(&mut self, memory: &Memory, head: u16, written: u32) -> Result<(), Broken> {
        if let Some(track) = &self.track {
            track.before_return(head);
        }
        self.queue.add_used(memory, head, written).map_err(|_| Broken)?;
        if let Some(track) = &self.track {
            track.after_return(head, self.queue.next_used());
        }
        self.last = Some([head.into(), written]);
        self.has_news = true;
        Ok(())
    }

    /// Asks to be kicked; returns whether there is something already.
    pub fn await_kick(&mut self, memory: &Memory) -> Result<bool, Broken> {
        Ok(self.is_running() && self.queue.enable_notification(memory).map_err(|_| Broken)?)
    }

    /// Tells the driver of what was returned, if it wants to know.
    pub fn notify(&mut self, memory: &Memory) -> Result<(), Broken> {
        if self.is_running()
            && std::mem::take(&mut self.has_news)
            && self.queue.needs_notification(memory).map_err(|_| Broken)?
        {
            signal(self.call.as_ref());
        }
        Ok(())
    }

    /// Stops the ring for good, and tells the virtual machine monitor so: the device needs to be reset.
    pub fn fail(&mut self) {
        self.stop();
        signal(self.error.as_ref());
    }
}

impl Drop for Kick {
    fn drop(&mut self) {
        // The other side has the descriptor too: closing it here would not end the watch.
        if let Err(error) = self.registry.deregister(&mut SourceFd(&self.eventfd.as_raw_fd())) {
            log::debug!("a queue was not watched any more: {error}");
        }
    }
}

fn signal(eventfd: Option<&Eventfd>) {
    if let Some(eventfd) = eventfd {
        eventfd.signal();
    }
}
