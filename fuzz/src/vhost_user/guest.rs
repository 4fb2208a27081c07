// SPDX-License-Identifier: MIT OR Apache-2.0
//! The monitor's side of the connection, and the guest's memory.

use std::fs::File;
use std::io::IoSlice;
use std::net::Shutdown;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use arbitrary::Unstructured;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use vgpio_virtio::{FEATURE_IRQ, QUEUES};
use vhost::vhost_user::message::{
    VhostUserHeaderFlag, VhostUserProtocolFeatures, VhostUserVirtioFeatures,
};
use vhost::vhost_user::{Frontend, VhostUserFrontend};
use vhost::{VhostBackend, VhostUserMemoryRegionInfo, VringConfigData};
use vm_memory::{
    Bytes, FileOffset, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestRegionMmap,
};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use crate::some_bytes;

/// Bytes of memory, and where they begin.
const SIZE: usize = 0x1_0000;
const RAM: u64 = 0x4000_0000;
/// Entries of a queue.
const ENTRIES: u16 = 16;
/// A queue's table of descriptors, available and used ring, from its beginning on; and where the next one is.
const AVAILABLE: u64 = 0x400;
const USED: u64 = 0x800;
const ROOM: usize = 0x1000;
/// Where buffers are.
const BUFFERS: u64 = 0x8000;

/// Flags of a descriptor: it goes on, the device writes, it is a table.
const NEXT: u16 = 1;
const WRITE: u16 = 2;

/// A virtual machine monitor with a guest.
pub struct Guest {
    stream: UnixStream,
    frontend: Frontend,
    memory: GuestMemoryMmap,
    events: [EventFd; 2],
    queues: [Queue; QUEUES],
    /// Whether the guest's rings are where it says, and nobody but its driver has written there.
    is_sane: bool,
}

/// What the driver knows of a queue.
#[derive(Clone, Copy, Default)]
struct Queue {
    available: u16,
    used: u16,
}

impl Guest {
    pub fn new(stream: UnixStream) -> Self {
        let file = File::from(memfd_create("guest", MFdFlags::MFD_CLOEXEC).expect("memory"));
        file.set_len(SIZE as u64).expect("memory");
        let region = (GuestAddress(RAM), SIZE, Some(FileOffset::new(file, 0)));
        let memory = GuestMemoryMmap::from_ranges_with_files([region]).expect("memory");
        let eventfd = || EventFd::new(EFD_NONBLOCK).expect("an eventfd");
        let frontend = Frontend::from_stream(stream.try_clone().expect("a socket"), QUEUES as u64);
        let events = [eventfd(), eventfd()];
        Self {
            stream,
            frontend,
            memory,
            events,
            queues: [Queue::default(); QUEUES],
            is_sane: false,
        }
    }

    /// Does something; none if the daemon has closed the connection, or the input is used up.
    pub fn step(&mut self, u: &mut Unstructured<'_>) -> Option<()> {
        let queue = usize::from(u.arbitrary::<bool>().ok()?);
        match u.int_in_range(0..=18).ok()? {
            0 => self.start(u.arbitrary().ok()?)?,
            1..5 => self.request(u)?,
            5 | 6 => self.buffer(u)?,
            7 => self.chain(queue, u)?,
            8 => self.write(u)?,
            9..12 => self.turn(queue)?,
            12 => self.message(u)?,
            13 => self.frontend.get_vring_base(queue).map(drop).ok()?,
            14 => self.queue(queue, u)?,
            15 => self.device(u)?,
            16 => self.region(u)?,
            17 => self.reset()?,
            _ => self.frontend.set_vring_enable(queue, u.arbitrary().ok()?).ok()?,
        }
        Some(())
    }

    fn region_info(&self) -> VhostUserMemoryRegionInfo {
        let region: &GuestRegionMmap = self.memory.iter().next().expect("one region");
        VhostUserMemoryRegionInfo::from_guest_region(region).expect("shared memory")
    }

    /// All that a monitor does until a device runs.
    fn start(&mut self, choices: u8) -> Option<()> {
        let offered = self.frontend.get_features().ok()?;
        let protocol = self.frontend.get_protocol_features().ok()?;
        self.frontend
            .set_protocol_features(protocol & !VhostUserProtocolFeatures::INFLIGHT_SHMFD)
            .ok()?;
        self.frontend.set_owner().ok()?;
        self.frontend.set_hdr_flags(VhostUserHeaderFlag::NEED_REPLY);
        let mut features = offered;
        for (bit, feature) in [(1, FEATURE_IRQ), (2, 1 << 29), (4, 1 << 28)] {
            features &= if choices & bit != 0 { !feature } else { u64::MAX };
        }
        self.frontend
            .set_features(features | VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits())
            .ok()?;
        self.frontend.set_mem_table(&[self.region_info()]).ok()?;
        self.memory.write_slice(&[0; QUEUES * ROOM], GuestAddress(RAM)).expect("in memory");
        self.queues = [Queue::default(); QUEUES];
        self.is_sane = true;
        for queue in 0..QUEUES {
            self.frontend.set_vring_num(queue, ENTRIES).ok()?;
            self.frontend.set_vring_base(queue, 0).ok()?;
            self.frontend.set_vring_addr(queue, &self.addresses(queue, 0)).ok()?;
            self.frontend.set_vring_call(queue, &self.events[0]).ok()?;
            self.frontend.set_vring_kick(queue, &self.events[1]).ok()?;
            self.frontend.set_vring_enable(queue, true).ok()?;
        }
        Some(())
    }

    fn addresses(&self, queue: usize, wrong: u64) -> VringConfigData {
        let here = self.region_info().userspace_addr + at(queue).wrapping_add(wrong);
        VringConfigData {
            queue_max_size: ENTRIES,
            queue_size: ENTRIES,
            flags: 0,
            desc_table_addr: here,
            used_ring_addr: here + USED,
            avail_ring_addr: here + AVAILABLE,
            log_addr: None,
        }
    }

    /// A request as a driver makes it, and its response.
    fn request(&mut self, u: &mut Unstructured<'_>) -> Option<()> {
        let (kind, gpio, value) = (
            u.int_in_range(0..=7).ok()?,
            u.int_in_range(0..=10).ok()?,
            u.int_in_range(0..=8).ok()?,
        );
        let address = BUFFERS + 0x100;
        self.put([kind, gpio], address);
        self.put::<u32>(value, address + 4);
        self.put([0xaa_u8; 2], address + 8);
        let was_sane = self.is_sane;
        self.describe(0, 0, (address, 8, NEXT, 1));
        self.describe(0, 1, (address + 8, 2, WRITE, 0));
        self.offer(0, 0);
        self.turn(0)?;
        let status: u8 = self.memory.read_obj(GuestAddress(RAM + address + 8)).expect("in memory");
        assert!(!was_sane || status <= 1 || status == 0xaa, "status {status:#x}");
        Some(())
    }

    /// A buffer for an interrupt, as a driver queues it.
    fn buffer(&mut self, u: &mut Unstructured<'_>) -> Option<()> {
        let gpio: u16 = u.int_in_range(0..=10).ok()?;
        let head = 2 * (gpio % 8);
        let address = BUFFERS + 0x200 + 16 * u64::from(gpio);
        self.put(gpio, address);
        self.describe(1, head, (address, 2, NEXT, head + 1));
        self.describe(1, head + 1, (address + 8, 1, WRITE, 0));
        self.offer(1, head);
        self.turn(1)
    }

    /// Descriptors of any content, and any head.
    fn chain(&mut self, queue: usize, u: &mut Unstructured<'_>) -> Option<()> {
        for _ in 0..u.int_in_range(0..=3_u8).ok()? {
            let [index, next, flags] = u.arbitrary::<[u8; 3]>().ok()?;
            let address = u.int_in_range(0..=0xff_u64).ok()? << 8;
            let length = u32::from(u.arbitrary::<u16>().ok()?);
            let far = u.ratio(1, 16).ok()?;
            let address = if far { u.arbitrary().ok()? } else { address };
            self.describe(
                queue,
                u16::from(index) % ENTRIES,
                (address, length, flags.into(), next.into()),
            );
        }
        let head = u.arbitrary::<u8>().ok()?;
        self.is_sane = false;
        self.offer(queue, head.into());
        self.turn(queue)
    }

    /// Bytes anywhere in memory.
    fn write(&mut self, u: &mut Unstructured<'_>) -> Option<()> {
        let address = u64::from(u.arbitrary::<u16>().ok()?);
        let bytes = some_bytes(u).ok()?;
        self.is_sane = false;
        // What does not fit is left out.
        let _ = self.memory.write(bytes, GuestAddress(RAM + address));
        Some(())
    }

    /// Has the daemon look at its queues: it answers when it has heard of this, and then has a turn.
    fn turn(&mut self, queue: usize) -> Option<()> {
        self.events[1].write(1).expect("an eventfd");
        for _ in 0..2 {
            self.frontend.set_vring_enable(queue, true).ok()?;
        }
        self.check(queue);
        Some(())
    }

    /// Of a driver that keeps to the rules, nothing comes back that it has not made available.
    fn check(&mut self, queue: usize) {
        let used: u16 =
            self.memory.read_obj(GuestAddress(RAM + at(queue) + USED + 2)).expect("in memory");
        let Queue { available, used: before } = self.queues[queue];
        if !self.is_sane {
            return;
        }
        let returned = used.wrapping_sub(before);
        assert!(returned <= available.wrapping_sub(before), "{returned} chains came back");
        for i in 0..returned {
            let entry = at(queue) + USED + 4 + 8 * u64::from(before.wrapping_add(i) % ENTRIES);
            let [head, written]: [u32; 2] =
                self.memory.read_obj(GuestAddress(RAM + entry)).expect("in memory");
            assert!(head < ENTRIES.into() && written <= 2, "{written} bytes in chain {head}");
        }
        self.queues[queue].used = used;
    }

    /// A message of any type, content and length, with or without descriptors.
    fn message(&mut self, u: &mut Unstructured<'_>) -> Option<()> {
        let (kind, flags) =
            (u32::from(u.int_in_range(0..=48_u8).ok()?), u32::from(u.arbitrary::<u8>().ok()?));
        let with = u.int_in_range(0..=3_u8).ok()?;
        let payload = some_bytes(u).ok()?;
        let length = u32::try_from(payload.len()).ok()?;
        // Of another length it is the last, for the daemon waits for the rest.
        let wrong: u32 = if u.ratio(1, 8).ok()? { u.arbitrary().ok()? } else { length };
        let header = [kind, flags & 0x0c | 1, wrong].map(u32::to_le_bytes).concat();
        let file = OwnedFd::from(File::open("/dev/null").expect("it is there"));
        let both = [self.events[0].as_raw_fd(), file.as_raw_fd()];
        let passed = [&[][..], &both[..1], &both[1..], &both][usize::from(with)];
        let rights = [ControlMessage::ScmRights(passed)];
        let rights = if passed.is_empty() { &[][..] } else { &rights };
        let parts = [IoSlice::new(&header), IoSlice::new(payload)];
        self.is_sane = false;
        let sent =
            sendmsg::<()>(self.stream.as_raw_fd(), &parts, rights, MsgFlags::MSG_NOSIGNAL, None);
        (sent.is_ok() && wrong == length).then_some(())
    }

    /// What a queue is told while it runs or not.
    fn queue(&mut self, queue: usize, u: &mut Unstructured<'_>) -> Option<()> {
        let value: u16 = u.arbitrary().ok()?;
        self.is_sane = false;
        let index = usize::from(u.ratio(1, 16).ok()?) * 7 + queue;
        match u.int_in_range(0..=4).ok()? {
            0 => self.frontend.set_vring_num(index, value),
            1 => self.frontend.set_vring_base(index, value),
            2 => self.frontend.set_vring_addr(index.min(1), &self.addresses(queue, value.into())),
            3 => self.frontend.set_vring_kick(index, &self.events[usize::from(value & 1)]),
            _ => self.frontend.set_vring_err(index, &self.events[0]),
        }
        .ok()
    }

    fn device(&mut self, u: &mut Unstructured<'_>) -> Option<()> {
        self.is_sane = false;
        match u.int_in_range(0..=2).ok()? {
            0 => self.frontend.set_features(u.arbitrary().ok()?),
            1 => self.frontend.reset_owner(),
            _ => self.frontend.set_mem_table(&[self.region_info()]).map(drop),
        }
        .ok()
    }

    /// A region more or less, which may be too large, misaligned or on top of another.
    fn region(&mut self, u: &mut Unstructured<'_>) -> Option<()> {
        let mut region = self.region_info();
        let wrong = u64::from(u.arbitrary::<u16>().ok()?) << u.int_in_range(0..=20).ok()?;
        match u.int_in_range(0..=3).ok()? {
            0 => region.guest_phys_addr = region.guest_phys_addr.wrapping_add(wrong),
            1 => region.memory_size = wrong,
            2 => region.mmap_offset = wrong,
            _ => region.userspace_addr = region.userspace_addr.wrapping_add(wrong),
        }
        self.is_sane = false;
        if u.arbitrary().ok()? {
            self.frontend.add_mem_region(&region).ok().map(drop)
        } else {
            self.frontend.remove_mem_region(&region).ok().map(drop)
        }
    }

    fn reset(&mut self) -> Option<()> {
        self.is_sane = false;
        self.frontend.reset_device().ok()
    }

    fn put<T: vm_memory::ByteValued>(&self, value: T, address: u64) {
        self.memory.write_obj(value, GuestAddress(RAM + address)).expect("in memory");
    }

    /// Writes a descriptor: address in the guest's memory, length, flags, next.
    fn describe(
        &self,
        queue: usize,
        index: u16,
        (address, length, flags, next): (u64, u32, u16, u16),
    ) {
        let entry = at(queue) + 16 * u64::from(index);
        self.put(RAM.wrapping_add(address), entry);
        self.put(length, entry + 8);
        self.put([flags, next], entry + 12);
    }

    fn offer(&mut self, queue: usize, head: u16) {
        let index = self.queues[queue].available;
        self.put(head, at(queue) + AVAILABLE + 4 + 2 * u64::from(index % ENTRIES));
        self.queues[queue].available = index.wrapping_add(1);
        self.put(index.wrapping_add(1), at(queue) + AVAILABLE + 2);
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // The other descriptor of the socket is the frontend's.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// Where a queue is in memory.
fn at(queue: usize) -> u64 {
    (ROOM * queue) as u64
}
