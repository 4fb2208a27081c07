// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory that a virtual machine monitor shares, and its own addresses of it.

use std::fs::File;
use std::sync::Arc;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use vm_memory::{FileOffset, GuestAddress, GuestRegionCollection, GuestRegionMmap, MmapRegion};

use super::chain::Memory;
use super::error::Refused;

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
    regions: Vec<(Region, Arc<GuestRegionMmap>)>,
}

impl Table {
    /// Maps another region.
    ///
    /// # Errors
    /// Its file is too short, so that an access beyond the end would end the daemon; or there are
    /// [`MAX_REGIONS`].
    pub fn add(&mut self, region: Region, file: File) -> Result<(), Refused> {
        if self.regions.len() >= MAX_REGIONS {
            return Err(Refused::Region);
        }
        let end = region.offset.checked_add(region.size).ok_or(Refused::Region)?;
        if file.metadata()?.len() < end {
            return Err(Refused::Region);
        }
        if !is_sealed(&file) {
            log::warn!(
                "a guest's memory may be cut short by its virtual machine monitor, which would end this \
                 daemon; use sealed memory (QEMU: memory-backend-memfd)"
            );
        }
        let size = usize::try_from(region.size).map_err(|_| Refused::Region)?;
        let mapped = MmapRegion::from_file(FileOffset::new(file, region.offset), size);
        let mapped = mapped.map_err(|_| Refused::Region)?;
        let mapped = GuestRegionMmap::new(mapped, GuestAddress(region.guest));
        self.regions.push((region, Arc::new(mapped.ok_or(Refused::Region)?)));
        Ok(())
    }

    /// Takes a region away.
    pub fn remove(&mut self, region: Region) {
        let is_meant = |other: &Region| other.guest == region.guest && other.size == region.size;
        self.regions.retain(|(other, _)| !is_meant(other));
    }

    /// As the queues see it.
    ///
    /// # Errors
    /// Regions overlap.
    pub fn memory(&self) -> Result<Memory, Refused> {
        let mut regions: Vec<_> = self.regions.iter().map(|(_, mapped)| mapped.clone()).collect();
        regions.sort_by_key(|region| vm_memory::GuestMemoryRegion::start_addr(&**region));
        GuestRegionCollection::from_arc_regions(regions).map_err(|_| Refused::Region)
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
        let address = self.regions.iter().find_map(|(region, _)| inside(region));
        address.map(GuestAddress).ok_or(Refused::Address)
    }
}

/// Whether the file cannot become shorter (`memfd_create(2)`).
fn is_sealed(file: &File) -> bool {
    let seals = fcntl(file, FcntlArg::F_GET_SEALS);
    seals.is_ok_and(|seals| seals & SealFlag::F_SEAL_SHRINK.bits() != 0)
}
