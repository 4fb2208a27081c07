// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory that a virtual machine monitor shares, and its own addresses of it.

use std::fs::File;
use std::sync::Arc;

use vm_memory::{FileOffset, GuestAddress, GuestRegionCollection, GuestRegionMmap, MmapRegion};

use super::chain::Memory;
use super::error::Refused;
use super::fault::Watched;

/// Most regions of a guest's memory.
pub const MAX_REGIONS: usize = 64;

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

/// A mapped region. The mapping goes before the watch on it.
#[derive(Clone, Debug)]
struct Mapped {
    region: Region,
    mapping: Arc<GuestRegionMmap>,
    watched: Arc<Watched>,
}

/// A guest's memory, as the queues see it.
#[derive(Debug)]
pub struct Shared {
    /// All of it.
    pub memory: Memory,
    _watched: Vec<Arc<Watched>>,
}

impl Table {
    /// Maps another region.
    ///
    /// # Errors
    /// Its file is too short, or there are [`MAX_REGIONS`].
    pub fn add(&mut self, region: Region, file: File) -> Result<(), Refused> {
        if self.regions.len() >= MAX_REGIONS {
            return Err(Refused::Region);
        }
        let end = region.offset.checked_add(region.size).ok_or(Refused::Region)?;
        if file.metadata()?.len() < end {
            return Err(Refused::Region);
        }
        let size = usize::try_from(region.size).map_err(|_| Refused::Region)?;
        let mapping = MmapRegion::from_file(FileOffset::new(file, region.offset), size);
        let mapping = mapping.map_err(|_| Refused::Region)?;
        let watched = Arc::new(Watched::new(mapping.as_ptr() as usize, size)?);
        let mapping = GuestRegionMmap::new(mapping, GuestAddress(region.guest));
        let mapping = Arc::new(mapping.ok_or(Refused::Region)?);
        self.regions.push(Mapped { region, mapping, watched });
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
        let mut regions: Vec<_> =
            self.regions.iter().map(|mapped| mapped.mapping.clone()).collect();
        regions.sort_by_key(|region| vm_memory::GuestMemoryRegion::start_addr(&**region));
        let memory = GuestRegionCollection::from_arc_regions(regions);
        let watched = self.regions.iter().map(|mapped| mapped.watched.clone()).collect();
        Ok(Shared { memory: memory.map_err(|_| Refused::Region)?, _watched: watched })
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
