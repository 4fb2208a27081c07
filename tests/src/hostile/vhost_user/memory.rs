// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tables of memory that cannot be.

use std::fs::File;
use std::os::fd::AsRawFd;

use fastrand::Rng;
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::super::Held;
use super::Target;
use super::guest::{EVENTS, Guest, REQUESTS};
use super::messages::each;
use super::monitor::{GUEST, Monitor, SIZE, USER, table};

/// Guests whose memory is cut short.
const GUESTS: usize = 20;
/// Bytes of a page.
const PAGE: u64 = 0x1000;
/// Bits of an address of a process (x86).
const BITS: u32 = 47;

/// Says what comes before the memory, tells of these regions in the monitor's file, and goes on as if all were well.
fn tell(monitor: &mut Monitor, regions: &[[u64; 4]], file: &File) {
    let messages = monitor.conversation();
    monitor.say(&messages[..6]);
    let fds = vec![file.as_raw_fd(); regions.len()];
    monitor.say(&[table(regions, &fds)]);
    monitor.say(&messages[7..]);
    for kick in [0, 3] {
        monitor.eventfds[kick].write(1).expect("an eventfd");
    }
}

fn file(monitor: &Monitor) -> File {
    monitor.memory.try_clone().expect("a descriptor")
}

pub fn overlapping(target: &Target, rng: &mut Rng) -> Held {
    each(target, |monitor| {
        let by = PAGE * rng.u64(..SIZE / PAGE);
        let regions = [[GUEST, SIZE, USER, 0], [GUEST + by, SIZE, USER + SIZE, 0]];
        tell(monitor, &regions, &file(monitor));
    })
}

pub fn overflowing(target: &Target, rng: &mut Rng) -> Held {
    each(target, |monitor| {
        let end = u64::MAX - PAGE * rng.u64(1..4) + 1;
        let region = match rng.u8(..3) {
            0 => [end.wrapping_sub(PAGE), SIZE, USER, 0],
            1 => [GUEST, SIZE, end.wrapping_sub(PAGE), 0],
            _ => [GUEST, SIZE, USER, end.wrapping_sub(PAGE)],
        };
        tell(monitor, &[region], &file(monitor));
    })
}

pub fn beyond(target: &Target, rng: &mut Rng) -> Held {
    each(target, |monitor| {
        let size = [SIZE + PAGE, SIZE + 1, 1 << 40, u64::MAX, u64::MAX - PAGE + 1][rng.usize(..5)];
        let offset = [0, 1, PAGE, SIZE][rng.usize(..4)];
        tell(monitor, &[[GUEST, size, USER, offset]], &file(monitor));
    })
}

pub fn empty(target: &Target, rng: &mut Rng) -> Held {
    each(target, |monitor| {
        let regions = match rng.u8(..3) {
            0 => Vec::new(),
            1 => vec![[GUEST, 0, USER, 0]],
            _ => vec![[GUEST, SIZE, USER, 0], [GUEST + SIZE, 0, USER + SIZE, 0]],
        };
        tell(monitor, &regions, &file(monitor));
    })
}

/// All addresses that a process can have, of memory that is not there: in halves, so that nothing is left.
pub fn huge(target: &Target, rng: &mut Rng) -> Held {
    let memory = File::from(memfd_create("huge", MFdFlags::MFD_CLOEXEC).expect("memory"));
    memory.set_len(1 << BITS).expect("none is needed yet");
    let mut sizes: Vec<u64> = (12..BITS).rev().map(|bits| 1 << bits).collect();
    if !target.is_shared {
        sizes.truncate(1 + rng.usize(..4));
    }
    let mut held = Held::new();
    for size in sizes.repeat(if target.is_shared { 2 } else { 1 }) {
        let Some(mut monitor) = Monitor::begin(&target.socket) else { break };
        tell(&mut monitor, &[[GUEST, size, USER, 0]], &memory);
        if target.is_shared {
            held.push(Box::new(monitor));
        }
    }
    held
}

/// The queues run when it is cut.
pub fn cut(target: &Target, rng: &mut Rng) -> Held {
    for _ in 0..GUESTS {
        let Some(guest) = Guest::start(target) else { break };
        guest.monitor.memory.set_len(PAGE * rng.u64(..16)).expect("it is not sealed");
        for queue in [REQUESTS, EVENTS] {
            guest.kick(queue);
            guest.wait(queue);
        }
        guest.monitor.finish();
    }
    Held::new()
}
