// SPDX-License-Identifier: MIT OR Apache-2.0
//! A guest whose queues run, and which writes whatever it likes into them.

use std::os::unix::fs::FileExt;
use std::thread::sleep;
use std::time::Duration;

use super::Target;
use super::monitor::{ENTRIES, GET_FEATURES, GUEST, Message, Monitor, ROOM};

/// The request and the event queue.
pub const REQUESTS: u64 = 0;
pub const EVENTS: u64 = 1;

/// Flags of descriptors.
pub const NEXT: u16 = 1;
pub const WRITE: u16 = 2;
pub const INDIRECT: u16 = 4;

/// Where buffers are in the memory.
pub const BUFFERS: u64 = 0x4_0000;

/// How often, and how long each time, to wait until the device has taken what there is.
const LOOKS: usize = 50;
const LOOK: Duration = Duration::from_micros(200);

/// A descriptor: address, length, flags, the next one.
pub type Descriptor = (u64, u32, u16, u16);

/// A guest.
pub struct Guest {
    pub monitor: Monitor,
    available: [u16; 2],
}

impl Guest {
    /// One whose queues run; `None` if the daemon has no device for it.
    pub fn start(target: &Target) -> Option<Self> {
        let mut monitor = Monitor::begin(&target.socket)?;
        for message in monitor.conversation() {
            if !monitor.send(&message) {
                return None;
            }
        }
        // Once this is answered, the others have been.
        monitor.drain();
        monitor.send(&Message::new(GET_FEATURES, &[]));
        monitor.hears().then_some(Self { monitor, available: [0; 2] })
    }

    /// Writes to its memory.
    pub fn write(&self, at: u64, bytes: &[u8]) {
        self.monitor.memory.write_all_at(bytes, at).expect("it is memory");
    }

    /// Writes a descriptor into a table.
    pub fn describe_at(&self, table: u64, index: u16, descriptor: Descriptor) {
        let (address, length, flags, next) = descriptor;
        let mut bytes = address.to_le_bytes().to_vec();
        bytes.extend(length.to_le_bytes());
        bytes.extend([flags.to_le_bytes(), next.to_le_bytes()].concat());
        self.write(table + 16 * u64::from(index), &bytes);
    }

    /// Writes descriptors into a queue's table, the first of them at its head, and makes that available.
    pub fn chain(&mut self, queue: u64, descriptors: &[Descriptor]) {
        for (index, descriptor) in (0..).zip(descriptors) {
            self.describe_at(queue * ROOM, index, *descriptor);
        }
        self.offer(queue, 0);
        self.wait(queue);
    }

    /// Makes a head available, whatever it is.
    pub fn offer(&mut self, queue: u64, head: u16) {
        let index = &mut self.available[usize::try_from(queue).expect("one of two")];
        let slot = u64::from(*index) % ENTRIES;
        *index = index.wrapping_add(1);
        let index = *index;
        self.write(queue * ROOM + 0x4000 + 4 + 2 * slot, &head.to_le_bytes());
        self.set_available(queue, index);
    }

    /// Says how many heads were made available, and kicks.
    pub fn set_available(&mut self, queue: u64, index: u16) {
        self.available[usize::try_from(queue).expect("one of two")] = index;
        self.write(queue * ROOM + 0x4000 + 2, &index.to_le_bytes());
        self.kick(queue);
    }

    /// Wakes the device.
    pub fn kick(&self, queue: u64) {
        let kick = &self.monitor.eventfds[usize::try_from(3 * queue).expect("small")];
        // It fails only where nobody has taken very many.
        let _ = kick.write(1);
    }

    /// Waits for a moment until the device has returned all that it was given.
    pub fn wait(&self, queue: u64) {
        let given = self.available[usize::try_from(queue).expect("one of two")];
        for _ in 0..LOOKS {
            let mut used = [0; 2];
            let read = self.monitor.memory.read_exact_at(&mut used, queue * ROOM + 0x5000 + 2);
            if read.is_err() || u16::from_le_bytes(used) == given {
                return;
            }
            sleep(LOOK);
        }
    }

    /// Writes a request: its type, line and value.
    pub fn request(&self, kind: u16, line: u16, value: u32) -> u64 {
        let bytes = [kind.to_le_bytes(), line.to_le_bytes()].concat();
        self.write(BUFFERS, &[bytes, value.to_le_bytes().to_vec()].concat());
        GUEST + BUFFERS
    }
}
