// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory whose owner cuts it short: an access beyond the end of its file reads zeros, and does not end the
//! daemon by SIGBUS (mmap(2)).
#![allow(unsafe_code)]

use std::io;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use nix::libc::{
    MAP_ANONYMOUS, MAP_FAILED, MAP_FIXED, MAP_PRIVATE, PROT_READ, PROT_WRITE, c_int, c_void, mmap,
    siginfo_t,
};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use super::error::Refused;

/// Most mappings at a time, of all guests.
const MAPPINGS: usize = 4096;
/// The smallest page of any Linux; larger ones are whole numbers of it.
const PAGE: usize = 4096;

/// A range of addresses that the handler looks after.
struct Slot {
    is_taken: AtomicBool,
    start: AtomicUsize,
    end: AtomicUsize,
}

static SLOTS: [Slot; MAPPINGS] = [const {
    Slot { is_taken: AtomicBool::new(false), start: AtomicUsize::new(0), end: AtomicUsize::new(0) }
}; MAPPINGS];

/// Has the handler look after a mapping, which must be gone when this is dropped.
#[derive(Debug)]
pub struct Watched {
    slot: usize,
}

impl Watched {
    /// Looks after `size` bytes from the address `start` on.
    ///
    /// # Errors
    /// There are too many, or the kernel denies a handler.
    pub fn new(start: usize, size: usize) -> Result<Self, Refused> {
        install()?;
        let take = |slot: &Slot| !slot.is_taken.swap(true, Ordering::AcqRel);
        let slot = SLOTS.iter().position(take).ok_or(Refused::Region)?;
        if let Some(range) = SLOTS.get(slot) {
            range.start.store(start, Ordering::Release);
            range.end.store(start.saturating_add(size), Ordering::Release);
        }
        Ok(Self { slot })
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(range) = SLOTS.get(self.slot) {
            range.end.store(0, Ordering::Release);
            range.is_taken.store(false, Ordering::Release);
        }
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

/// Puts a page of zeros where a watched mapping has none. Any other error ends the process, as without this.
extern "C" fn on_bus_error(_: c_int, info: *mut siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel passes a valid structure to a handler with SA_SIGINFO.
    let info = unsafe { &*info };
    // SAFETY: of SIGBUS the structure has an address.
    let address = unsafe { info.si_addr() } as usize;
    let within = |slot: &Slot| {
        (slot.start.load(Ordering::Acquire)..slot.end.load(Ordering::Acquire)).contains(&address)
    };
    if SLOTS.iter().any(within) && put_zeros(address & !(PAGE - 1)) {
        return;
    }
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default action is no handler. The access happens again, and ends the process.
    let _ = unsafe { sigaction(Signal::SIGBUS, &default) };
}

fn put_zeros(page: usize) -> bool {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    // SAFETY: the page is within a mapping of a guest's memory, to which there are no references, only
    // volatile accesses. It is unmapped with it.
    let mapped = unsafe { mmap(page as *mut c_void, PAGE, PROT_READ | PROT_WRITE, flags, -1, 0) };
    mapped != MAP_FAILED
}
