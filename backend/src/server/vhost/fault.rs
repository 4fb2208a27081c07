// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mappings of memory whose owner may cut it short: an access beyond the end of its file reads zeros, and
//! does not end the daemon by SIGBUS (mmap(2)).
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::null_mut;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use nix::libc::{
    MAP_ANONYMOUS, MAP_FAILED, MAP_FIXED, MAP_NORESERVE, MAP_PRIVATE, MAP_SHARED, MFD_CLOEXEC,
    PROT_READ, PROT_WRITE, c_int, c_void, close, ftruncate, memfd_create, mmap, munmap, off_t,
    siginfo_t,
};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::statfs::{HUGETLBFS_MAGIC, TMPFS_MAGIC, fstatfs};

use super::error::Refused;
use super::memory::MAX_REGIONS;

/// Most mappings at a time, of all guests: each has its memory, and one of what is in flight.
const MAPPINGS: usize = 1024 * (MAX_REGIONS + 1);

/// A range of addresses that the handler looks after.
#[derive(Debug)]
struct Slot {
    is_taken: AtomicBool,
    is_cut: AtomicBool,
    start: AtomicUsize,
    end: AtomicUsize,
}

static SLOTS: [Slot; MAPPINGS] = [const {
    Slot {
        is_taken: AtomicBool::new(false),
        is_cut: AtomicBool::new(false),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
    }
}; MAPPINGS];

/// A mapping that the handler looks after. Whoever uses its addresses must have done when it is dropped.
#[derive(Debug)]
pub struct Mapping(&'static Slot);

impl Mapping {
    /// Maps `size` bytes of a file in memory from `offset` on.
    ///
    /// # Errors
    /// The file is of another kind, there are too many mappings, or the kernel denies one.
    pub fn new(file: &File, offset: u64, size: usize) -> Result<Self, Refused> {
        install()?;
        let kind = fstatfs(file).map_err(io::Error::from)?;
        // On a page of any other file system the event loop might wait, for ever.
        if ![TMPFS_MAGIC, HUGETLBFS_MAGIC].contains(&kind.filesystem_type()) {
            return Err(Refused::NotMemory);
        }
        // Huge pages are mapped and unmapped as a whole.
        let page = usize::try_from(kind.block_size()).map_err(|_| Refused::Region)?;
        let size = size.checked_next_multiple_of(page).ok_or(Refused::Region)?;
        let offset = off_t::try_from(offset).map_err(|_| Refused::Region)?;
        let take = |slot: &&Slot| !slot.is_taken.swap(true, Ordering::AcqRel);
        let slot = SLOTS.iter().find(take).ok_or(Refused::Region)?;
        let (access, flags) = (PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE);
        // SAFETY: the mapping is new, where the kernel has room for it.
        let start = unsafe { mmap(null_mut(), size, access, flags, file.as_raw_fd(), offset) };
        if start == MAP_FAILED {
            let error = io::Error::last_os_error();
            slot.is_taken.store(false, Ordering::Release);
            return Err(error.into());
        }
        slot.is_cut.store(false, Ordering::Release);
        slot.start.store(start as usize, Ordering::Release);
        slot.end.store(start as usize + size, Ordering::Release);
        Ok(Self(slot))
    }

    /// Where it begins.
    pub fn start(&self) -> *mut u8 {
        self.0.start.load(Ordering::Acquire) as *mut u8
    }

    /// Whether it has turned out to be larger than its file.
    pub fn is_cut(&self) -> bool {
        self.0.is_cut.load(Ordering::Acquire)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let Self(slot) = self;
        let start = slot.start.load(Ordering::Acquire);
        let size = slot.end.swap(0, Ordering::AcqRel) - start;
        // SAFETY: these are the addresses of this mapping, which nobody uses any more.
        let unmapped = unsafe { munmap(start as *mut c_void, size) };
        debug_assert_eq!(unmapped, 0, "{size} bytes at {start:#x}");
        slot.is_taken.store(false, Ordering::Release);
    }
}

/// Installs the handler, once for the process.
fn install() -> io::Result<()> {
    static ONCE: Once = Once::new();
    let mut installed = Ok(());
    ONCE.call_once(|| {
        let flags = SaFlags::SA_SIGINFO | SaFlags::SA_ONSTACK;
        let action = SigAction::new(SigHandler::SigAction(on_bus_error), flags, SigSet::empty());
        // SAFETY: the handler does only what signal-safety(7) allows: atomics and system calls.
        installed = unsafe { sigaction(Signal::SIGBUS, &action) }.map(drop);
    });
    Ok(installed?)
}

/// Puts zeros in place of a mapping that is cut short. Any other error ends the process, as without this.
extern "C" fn on_bus_error(_: c_int, info: *mut siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel passes a valid structure to a handler with SA_SIGINFO.
    let info = unsafe { &*info };
    // SAFETY: of SIGBUS the structure has an address.
    let address = unsafe { info.si_addr() } as usize;
    if SLOTS.iter().any(|slot| put_zeros(slot, address)) {
        return;
    }
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default action is no handler. The access happens again, and ends the process.
    let _ = unsafe { sigaction(Signal::SIGBUS, &default) };
}

/// Replaces the whole mapping, if the address is in it: page by page it would take as many mappings as
/// the process may have, and there are pages of many sizes.
fn put_zeros(slot: &Slot, address: usize) -> bool {
    let (start, end) = (slot.start.load(Ordering::Acquire), slot.end.load(Ordering::Acquire));
    if !(start..end).contains(&address) {
        return false;
    }
    slot.is_cut.store(true, Ordering::Release);
    map_zeros(start, end - start, MAP_PRIVATE | MAP_ANONYMOUS, -1)
        || map_new_file(start, end - start)
}

/// Where the kernel promises no more memory than it has (`vm.overcommit_memory` is 2): of a new file in
/// memory only the pages that are used count.
fn map_new_file(start: usize, size: usize) -> bool {
    let Ok(length) = off_t::try_from(size) else { return false };
    // SAFETY: the name is a string that ends.
    let file = unsafe { memfd_create(c"zeros".as_ptr(), MFD_CLOEXEC) };
    // SAFETY: it is a file of ours, or no file at all.
    let is_long = unsafe { ftruncate(file, length) } == 0;
    let mapped = is_long && map_zeros(start, size, MAP_SHARED, file);
    // SAFETY: nobody else knows it.
    let _ = unsafe { close(file) };
    mapped
}

fn map_zeros(start: usize, size: usize, kind: c_int, file: c_int) -> bool {
    let (flags, access) = (kind | MAP_FIXED | MAP_NORESERVE, PROT_READ | PROT_WRITE);
    // SAFETY: the range is that of a mapping of a guest's memory, to which there are no references, only
    // volatile accesses.
    let mapped = unsafe { mmap(start as *mut c_void, size, access, flags, file, 0) };
    mapped != MAP_FAILED
}
