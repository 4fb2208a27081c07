// SPDX-License-Identifier: MIT OR Apache-2.0
//! A virtqueue from the driver's side: a split ring in shared memory, which a test may also break.

use std::os::fd::AsRawFd;
use std::sync::atomic::{Ordering, fence};
use std::time::Instant;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use vhost::VringConfigData;
use vm_memory::{Bytes, GuestAddress, GuestMemory, GuestMemoryMmap};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use super::super::deadline;

/// Entries of a queue, as QEMU sets them.
pub const SIZE: u16 = 1024;
/// Where the available ring is, from the table of descriptors on.
const AVAILABLE: u64 = 0x4000;
/// Where the used ring is.
const USED: u64 = 0x5000;
/// What a queue takes of memory.
pub const ROOM: u64 = 0x8000;

const CALL: Token = Token(0);
const ERROR: Token = Token(1);

/// The chain goes on.
pub const NEXT: u16 = 1;
/// The device writes.
pub const WRITE: u16 = 2;
/// A table of descriptors.
pub const INDIRECT: u16 = 4;

/// A descriptor.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    /// Where the buffer is.
    pub address: u64,
    /// Its bytes.
    pub size: u32,
    /// [`NEXT`], [`WRITE`], [`INDIRECT`].
    pub flags: u16,
    /// The next one of its chain.
    pub next: u16,
}

/// A driver's queue.
pub struct DriverRing {
    at: u64,
    free: Vec<u16>,
    available: u16,
    seen: u16,
    /// Wakes the device.
    pub kick: EventFd,
    /// The device tells of returned buffers.
    pub call: EventFd,
    /// The device tells that the queue is broken.
    pub error: EventFd,
    poll: Poll,
}

impl DriverRing {
    /// A queue whose rings begin at this guest's address.
    pub fn new(at: u64) -> Self {
        let eventfd = || EventFd::new(EFD_NONBLOCK).expect("an eventfd");
        let (call, error, poll) = (eventfd(), eventfd(), Poll::new().expect("a poll"));
        for (eventfd, token) in [(&call, CALL), (&error, ERROR)] {
            let fd = eventfd.as_raw_fd();
            let watched = poll.registry().register(&mut SourceFd(&fd), token, Interest::READABLE);
            watched.expect("an eventfd can be watched");
        }
        Self {
            at,
            free: (0..SIZE).rev().collect(),
            available: 0,
            seen: 0,
            kick: eventfd(),
            call,
            error,
            poll,
        }
    }

    /// Where the rings are in this process, as the protocol wants it.
    pub fn config(&self, memory: &GuestMemoryMmap) -> VringConfigData {
        let here = |offset| {
            let slice =
                memory.get_slices(GuestAddress(self.at + offset), 1, vm_memory::Permissions::Read);
            let mut slices = slice.expect("it is in memory");
            let slice = slices.next().expect("a slice").expect("it is in memory");
            slice.ptr_guard().as_ptr() as u64
        };
        VringConfigData {
            queue_max_size: SIZE,
            queue_size: SIZE,
            flags: 0,
            desc_table_addr: here(0),
            used_ring_addr: here(USED),
            avail_ring_addr: here(AVAILABLE),
            log_addr: None,
        }
    }

    /// The entry of the used ring that the device would go on at.
    pub fn used_index(&self, memory: &GuestMemoryMmap) -> u16 {
        memory.load(GuestAddress(self.at + USED + 2), Ordering::Acquire).expect("in memory")
    }

    /// A free entry of the table of descriptors.
    pub fn allocate(&mut self) -> u16 {
        self.free.pop().expect("a free descriptor")
    }

    /// Writes an entry of a table of descriptors.
    pub fn describe(&self, memory: &GuestMemoryMmap, index: u16, descriptor: Descriptor) {
        describe_at(memory, self.at, index, descriptor);
    }

    /// Makes a chain of the table available; returns its head.
    pub fn chain(&mut self, memory: &GuestMemoryMmap, descriptors: &[(u64, u32, u16)]) -> u16 {
        let indices: Vec<_> = descriptors.iter().map(|_| self.allocate()).collect();
        for (i, (address, size, flags)) in descriptors.iter().enumerate() {
            let next = indices.get(i + 1).copied();
            let descriptor = Descriptor {
                address: *address,
                size: *size,
                flags: flags | if next.is_some() { NEXT } else { 0 },
                next: next.unwrap_or(0),
            };
            self.describe(memory, indices[i], descriptor);
        }
        self.offer(memory, indices[0]);
        indices[0]
    }

    /// Makes a head available, whatever it is, and wakes the device if it asks for it.
    pub fn offer(&mut self, memory: &GuestMemoryMmap, head: u16) {
        let slot = self.at + AVAILABLE + 4 + 2 * u64::from(self.available % SIZE);
        memory.write_obj(head, GuestAddress(slot)).expect("in memory");
        let index = self.available;
        self.tell_available(memory, index.wrapping_add(1));
        let asked = GuestAddress(self.at + USED + 4 + 8 * u64::from(SIZE));
        let asked: u16 = memory.load(asked, Ordering::Relaxed).expect("in memory");
        if asked == index {
            self.kick.write(1).expect("an eventfd");
        }
    }

    /// Says how many heads were made available, whether or not it is true, and wakes the device.
    pub fn set_available(&mut self, memory: &GuestMemoryMmap, index: u16) {
        self.tell_available(memory, index);
        self.kick.write(1).expect("an eventfd");
    }

    fn tell_available(&mut self, memory: &GuestMemoryMmap, index: u16) {
        self.available = index;
        let at = GuestAddress(self.at + AVAILABLE + 2);
        memory.store(index, at, Ordering::Release).expect("in memory");
        fence(Ordering::SeqCst);
    }

    /// Waits for the next chain that the device returns: its head, and how much was written.
    pub fn wait(&mut self, memory: &GuestMemoryMmap) -> (u16, u32) {
        let end = deadline();
        loop {
            if let Some(returned) = self.try_take(memory) {
                return returned;
            }
            let next = self.at + AVAILABLE + 4 + 2 * u64::from(SIZE);
            memory.write_obj(self.seen, GuestAddress(next)).expect("in memory");
            fence(Ordering::SeqCst);
            if self.used_index(memory) == self.seen {
                self.wait_until(CALL, end, "the device returns nothing");
            }
        }
    }

    /// The next chain that the device has returned.
    pub fn try_take(&mut self, memory: &GuestMemoryMmap) -> Option<(u16, u32)> {
        if self.used_index(memory) == self.seen {
            return None;
        }
        let slot = GuestAddress(self.at + USED + 4 + 8 * u64::from(self.seen % SIZE));
        let [head, written]: [u32; 2] = memory.read_obj(slot).expect("in memory");
        self.seen = self.seen.wrapping_add(1);
        let head = u16::try_from(head).expect("a head");
        self.release(memory, head);
        Some((head, written))
    }

    /// Frees the descriptors of a chain.
    fn release(&mut self, memory: &GuestMemoryMmap, head: u16) {
        let mut index = head;
        for _ in 0..SIZE {
            let at = self.at + 16 * u64::from(index);
            let flags: u16 = memory.read_obj(GuestAddress(at + 12)).expect("in memory");
            let next: u16 = memory.read_obj(GuestAddress(at + 14)).expect("in memory");
            self.free.push(index);
            if flags & NEXT == 0 || flags & INDIRECT != 0 || next >= SIZE || next == head {
                return;
            }
            index = next;
        }
    }

    /// Waits until the device says that the queue is broken.
    pub fn wait_for_error(&mut self) {
        self.wait_until(ERROR, deadline(), "the device says nothing");
    }

    fn wait_until(&mut self, token: Token, end: Instant, why: &str) {
        let mut events = Events::with_capacity(4);
        while !events.iter().any(|event| event.token() == token) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{why}");
            self.poll.poll(&mut events, Some(left)).expect("a poll");
        }
    }
}

/// Writes an entry of the table of descriptors that begins at `table`.
pub fn describe_at(memory: &GuestMemoryMmap, table: u64, index: u16, descriptor: Descriptor) {
    let at = table + 16 * u64::from(index);
    let Descriptor { address, size, flags, next } = descriptor;
    memory.write_obj(address, GuestAddress(at)).expect("in memory");
    memory.write_obj(size, GuestAddress(at + 8)).expect("in memory");
    memory.write_obj([flags, next], GuestAddress(at + 12)).expect("in memory");
}
