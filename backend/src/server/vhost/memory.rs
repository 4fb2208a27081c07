// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory that a virtual machine monitor shares, and its own addresses of it.
#![allow(unsafe_code)]

use std::fs::File;
use std::sync::Arc;

use nix::libc::{MAP_NORESERVE, MAP_SHARED, PROT_READ, PROT_WRITE};
use vm_memory::{GuestAddress, GuestRegionMmap, MmapRegion};

use super::chain::Memory;
use super::error::Refused;
use super::fault::Mapping;

/// Most regions of a guest's memory.
pub const MAX_REGIONS: usize = 32;

/// Most bytes of it. A process has addresses for 32 times as much, which are for all guests.
pub const MAX_BYTES: u64 = 1 << 42;

/// A region as the vhost-user protocol describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Where the guest has it.
    pub guest: u64,
    /// Bytes.
    pub size: u64,
    /// Where the virtual machine monitor has it: addresses of queues are such.
    pub user: u64,
    /// Where it begins in its file.
    pub offset: u64,
}

/// All regions, mapped.
#[derive(Debug, Default)]
pub struct Table {
    regions: Vec<Mapped>,
}

/// A mapped region. What uses the mapping goes before it.
#[derive(Clone, Debug)]
struct Mapped {
    region: Region,
    memory: Arc<GuestRegionMmap>,
    mapping: Arc<Mapping>,
}

/// A guest's memory, as the queues see it. What uses the mappings goes before them.
#[derive(Debug)]
pub struct Shared {
    /// All of it.
    pub memory: Memory,
    mappings: Vec<Arc<Mapping>>,
}

impl Shared {
    /// Whether some of it has turned out not to be there: zeros are in its place.
    pub fn is_cut(&self) -> bool {
        self.mappings.iter().any(|mapping| mapping.is_cut())
    }
}

impl Table {
    /// Maps another region.
    ///
    /// # Errors
    /// Its file is too short, or there are [`MAX_REGIONS`], or more than [`MAX_BYTES`] in all.
    pub fn add(&mut self, region: Region, file: &File) -> Result<(), Refused> {
        let others = self.regions.iter().map(|mapped| mapped.region.size);
        let all = others.fold(region.size, u64::saturating_add);
        if self.regions.len() >= MAX_REGIONS || all > MAX_BYTES {
            return Err(Refused::Region);
        }
        let end = region.offset.checked_add(region.size).ok_or(Refused::Region)?;
        if file.metadata()?.len() < end {
            return Err(Refused::Region);
        }
        let size = usize::try_from(region.size).map_err(|_| Refused::Region)?;
        let mapping = Arc::new(Mapping::new(file, region.offset, size)?);
        let (access, flags) = (PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE);
        // SAFETY: the mapping is at least as large, and whoever has the region keeps it for as long.
        let memory = unsafe { MmapRegion::build_raw(mapping.start(), size, access, flags) };
        let memory = memory.map_err(|_| Refused::Region)?;
        let memory = GuestRegionMmap::new(memory, GuestAddress(region.guest));
        let memory = Arc::new(memory.ok_or(Refused::Region)?);
        self.regions.push(Mapped { region, memory, mapping });
        Ok(())
    }

    /// Takes a region away.
    pub fn remove(&mut self, region: Region) {
        let is_meant = |other: &Region| other.guest == region.guest && other.size == region.size;
        self.regions.retain(|mapped| !is_meant(&mapped.region));
    }

    /// As the queues see it.
    ///
    /// # Errors
    /// Regions overlap.
    pub fn shared(&self) -> Result<Shared, Refused> {
        let mut regions: Vec<_> = self.regions.iter().map(|mapped| mapped.memory.clone()).collect();
        regions.sort_by_key(|region| vm_memory::GuestMemoryRegion::start_addr(&**region));
        // The last region may go before others come.
        let memory = if regions.is_empty() {
            Memory::new()
        } else {
            Memory::from_arc_regions(regions).map_err(|_| Refused::Region)?
        };
        let mappings = self.regions.iter().map(|mapped| mapped.mapping.clone()).collect();
        Ok(Shared { memory, mappings })
    }

    /// Where the guest has what the virtual machine monitor has at `user`.
    ///
    /// # Errors
    /// It is in no region.
    pub fn guest_address(&self, user: u64) -> Result<GuestAddress, Refused> {
        let inside = |region: &Region| {
            let within = user.checked_sub(region.user).filter(|within| *within < region.size)?;
            region.guest.checked_add(within)
        };
        let address = self.regions.iter().find_map(|mapped| inside(&mapped.region));
        address.map(GuestAddress).ok_or(Refused::Address)
    }
}
