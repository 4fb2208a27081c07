// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where threads run.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Which processor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// That of the daemon and its well-behaved client.
    Near,
    /// Another, if there is one.
    Far,
}

/// Keeps a thread, or a process that has one thread, on a processor; 0 is the calling one.
pub fn pin(pid: Pid, place: Place) {
    let mut only = CpuSet::new();
    only.set(usize::from(place == Place::Far)).unwrap();
    // With one processor all share it.
    if sched_getaffinity(Pid::this()).is_ok_and(|_| CpuSet::count() > 1) {
        let _ = sched_setaffinity(pid, &only);
    }
}
