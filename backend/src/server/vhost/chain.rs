// SPDX-License-Identifier: MIT OR Apache-2.0
//! Descriptor chains of a guest, which may be anything: read and written within bounds, without allocating.

use std::sync::Arc;

use vgpio_virtio::RESPONSE_SIZE;
use virtio_queue::desc::split::Descriptor;
use virtio_queue::{DescriptorChain, Queue, QueueOwnedT, QueueT};
use vm_memory::{Bytes, GuestAddress, GuestMemory, GuestMemoryMmap, GuestRegionMmap, Permissions};

use super::ring::Broken;

/// A guest's memory.
pub type Memory = GuestMemoryMmap<()>;

/// A chain in a guest's memory.
pub type Chain<'m> = DescriptorChain<&'m Memory>;

/// No chain may have more descriptors than its queue has entries (virtio 1.3, section 2.7.5.3.1); those
/// of an indirect table are not counted by the iterator.
const LONGEST: usize = super::ring::MAX_SIZE as usize;

/// Where the device may write its answer: the first bytes of a chain's writable part.
#[derive(Clone, Copy, Debug, Default)]
pub struct Space {
    pieces: [(GuestAddress, u32); RESPONSE_SIZE],
    count: usize,
    /// Bytes of the whole writable part, as far as they are in memory.
    pub size: u64,
}

/// A chain, looked through once.
#[derive(Debug)]
pub struct Read<const N: usize> {
    /// What the driver says, if it is exactly `N` bytes in front of the writable part.
    pub bytes: Option<[u8; N]>,
    /// Where the answer goes.
    pub space: Space,
    /// Descriptors that were looked at.
    pub descriptors: u32,
}

/// A chain that was taken by another daemon. Its place in the available ring may be that of another by now,
/// so it is taken from a ring that is ours, behind the guest's memory.
#[derive(Debug)]
pub struct Again {
    memory: Memory,
    queue: Queue,
}

impl Again {
    /// The chain of this queue that begins with this descriptor.
    pub fn new(memory: &Memory, queue: &Queue, head: u16) -> Option<Self> {
        use vm_memory::GuestMemoryBackend as _;
        const SIZE: usize = 4096;
        let end = memory.last_addr().0.checked_add(1)?;
        let at = GuestAddress(end.checked_next_multiple_of(SIZE as u64)?);
        let region = GuestRegionMmap::from_range(at, SIZE, None).ok()?;
        let memory = memory.insert_region(Arc::new(region)).ok()?;
        let ring = [0, 1, head].map(u16::to_le);
        memory.write_obj(ring, at).ok()?;
        let mut again = Queue::new(queue.max_size()).ok()?;
        again.try_set_size(queue.size()).ok()?;
        again.try_set_desc_table_address(GuestAddress(queue.desc_table())).ok()?;
        again.try_set_avail_ring_address(at).ok()?;
        again.set_ready(true);
        Some(Self { memory, queue: again })
    }

    /// The chain, and the memory that it is in.
    pub fn chain(&mut self) -> Result<(&Memory, Chain<'_>), Broken> {
        let Self { memory, queue } = self;
        let memory = &*memory;
        let chain = queue.iter(memory).ok().and_then(|mut chains| chains.next());
        Ok((memory, chain.ok_or(Broken)?))
    }
}

/// Looks through a chain.
pub fn read<const N: usize>(memory: &Memory, chain: Chain<'_>) -> Read<N> {
    let mut bytes = [0; N];
    let (mut size, mut is_good, mut descriptors) = (0, true, 0);
    let mut space = Space::default();
    for descriptor in chain.take(LONGEST) {
        descriptors += 1;
        if descriptor.is_write_only() {
            space.add(memory, descriptor.addr(), descriptor.len());
            continue;
        }
        let end = size + descriptor.len() as usize;
        let read = bytes
            .get_mut(size..end)
            .is_some_and(|to| memory.read_slice(to, descriptor.addr()).is_ok());
        is_good &= read && space.size == 0;
        size = end.min(N);
    }
    Read { bytes: Some(bytes).filter(|_| is_good && size == N), space, descriptors }
}

/// Writes all of `parts` to the writable part of a chain; returns how many bytes found room there.
pub fn write(memory: &Memory, chain: Chain<'_>, parts: [&[u8]; 2]) -> u32 {
    let [mut rest, mut then] = parts;
    let mut written = 0;
    for descriptor in chain.take(LONGEST).filter(Descriptor::is_write_only) {
        let (mut address, mut room) = (descriptor.addr(), descriptor.len() as usize);
        while room > 0 {
            if rest.is_empty() {
                (rest, then) = (then, &[]);
            }
            let (piece, left) = rest.split_at(room.min(rest.len()));
            if piece.is_empty() || memory.write_slice(piece, address).is_err() {
                return written;
            }
            let size = piece.len();
            (rest, room) = (left, room - size);
            address = GuestAddress(address.0.saturating_add(size as u64));
            written = u32::try_from(size).unwrap_or(0).saturating_add(written);
        }
    }
    written
}

impl Space {
    fn add(&mut self, memory: &Memory, address: GuestAddress, size: u32) {
        if size == 0 || !memory.check_range(address, size as usize, Permissions::Write) {
            return;
        }
        if let Some(piece) = self.pieces.get_mut(self.count) {
            *piece = (address, size);
            self.count += 1;
        }
        self.size += u64::from(size);
    }

    /// Writes as much of `bytes` as there is room for; returns how much that is.
    pub fn write(&self, memory: &Memory, bytes: &[u8]) -> u32 {
        let mut rest = bytes;
        for (address, size) in self.pieces.iter().take(self.count) {
            let (piece, left) = rest.split_at(rest.len().min(*size as usize));
            if memory.write_slice(piece, *address).is_err() {
                break;
            }
            rest = left;
        }
        u32::try_from(bytes.len() - rest.len()).unwrap_or(0)
    }
}
