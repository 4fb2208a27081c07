// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a daemon holds: descriptors, threads, sessions, socket files, lines.

use std::ffi::OsString;
use std::fs;

use nix::unistd::Pid;
use vgpio_tests::harness::{Daemon, GpioSim, LINES, Outside, process};

use super::STALLER;

/// What a daemon holds that has nothing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    descriptors: usize,
    threads: usize,
    sessions: usize,
    /// What is in the folder of its sockets.
    files: Vec<OsString>,
    keepers: usize,
    /// Lines of each chip that somebody holds.
    lines: [Vec<u32>; 2],
}

/// The processes that keep lines.
pub fn keepers() -> Vec<Pid> {
    let processes = fs::read_dir("/proc").expect("the kernel has it").flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_keeper = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.contains("(vgpio-keeper) ") && !stat.contains(") Z ")
    };
    numbers.filter(is_keeper).map(Pid::from_raw).collect()
}

impl Held {
    /// Whether this is what was held before, and a descriptor at most for each connection that nobody cares for.
    /// Without a keeper, which a daemon in its sandbox cannot start again, it is less.
    pub fn is_as(&self, before: &Self, stalled: usize) -> bool {
        let Self { descriptors, keepers, .. } = *before;
        self.descriptors <= descriptors + stalled
            && self.keepers <= keepers
            && Self { descriptors, keepers, ..self.clone() } == *before
    }

    pub fn of(daemon: &Daemon, chips: &mut [GpioSim; 2]) -> Self {
        let count =
            |name| fs::read_dir(process::file(daemon.pid(), name)).expect("it runs").count();
        let files = fs::read_dir(daemon.folder().path()).expect("it is there");
        let mut files: Vec<_> = files.map(|file| file.expect("a file").file_name()).collect();
        files.sort();
        let sessions = daemon.status().sessions;
        Self {
            descriptors: count("fd"),
            threads: count("task"),
            sessions: sessions.iter().filter(|session| session.name != STALLER).count(),
            files,
            keepers: keepers().len(),
            lines: chips.each_mut().map(|chip| {
                (0..LINES).filter(|offset| chip.info(*offset).consumer.is_some()).collect()
            }),
        }
    }
}
