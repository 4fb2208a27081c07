// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where threads run.

use std::process::Command;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::{Pid, gettid};

/// Which processor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// That of the daemon.
    Near,
    /// Another, if there is one, that of its clients.
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

/// Which of the threads of a processor runs (`sched(7)`).
#[derive(Clone, Copy)]
pub enum Turn {
    /// As soon as it can, whoever else there is: `SCHED_FIFO`.
    First,
    /// When there is nobody else: `SCHED_IDLE`.
    Last,
}

/// Says when the calling thread runs. Threads that it starts are as any other.
pub fn run(turn: Turn) {
    let [policy, priority] = match turn {
        Turn::First => ["--fifo", "1"],
        Turn::Last => ["--idle", "0"],
    };
    let thread = gettid().to_string();
    let mut chrt = Command::new("chrt");
    chrt.args(["--reset-on-fork", policy, "--pid", priority, &thread]);
    if !chrt.status().is_ok_and(|status| status.success()) {
        eprintln!("without CAP_SYS_NICE and chrt(1), figures are also of who is given a processor");
    }
}
