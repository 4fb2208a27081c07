// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a process runs, and what the kernel counts of it (Linux,
//! `Documentation/filesystems/proc.rst`).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::report::Memory;

/// On which CPU a process runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The client's.
    Near,
    /// Another, if there is one.
    Far,
}

impl Place {
    /// Those that differ here.
    pub fn all() -> &'static [Self] {
        if CPUS.is_some() { &[Self::Near, Self::Far] } else { &[Self::Near] }
    }

    /// For the name of a figure.
    pub fn cpus(self) -> &'static str {
        match self {
            Self::Far if CPUS.is_some() => "2 CPUs",
            _ => "1 CPU",
        }
    }
}

/// The first two CPUs that this program may use, if there are two.
static CPUS: LazyLock<Option<[usize; 2]>> = LazyLock::new(|| {
    let allowed = sched_getaffinity(Pid::this()).unwrap();
    let mut cpus = (0..CpuSet::count()).filter(|&cpu| allowed.is_set(cpu).unwrap());
    Some([cpus.next()?, cpus.next()?])
});

/// Keeps a process on a CPU. Else it is a matter of luck, for the daemon and for the bare socket
/// apart, on which one it wakes up.
pub fn pin(pid: Pid, place: Place) {
    let Some([near, far]) = *CPUS else { return };
    let mut set = CpuSet::new();
    set.set(if place == Place::Near { near } else { far }).unwrap();
    sched_setaffinity(pid, &set).unwrap();
}

/// A value of such a file, in its unit.
fn value(path: &Path, key: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let value = value.unwrap_or_else(|| panic!("{} has no {key}", path.display()));
    value.split_whitespace().next().unwrap().parse().unwrap()
}

fn folder(pid: Pid) -> PathBuf {
    Path::new("/proc").join(pid.to_string())
}

/// Its memory.
pub fn memory(pid: Pid) -> Memory {
    let status = folder(pid).join("status");
    let rollup = folder(pid).join("smaps_rollup");
    Memory {
        peak_kib: value(&status, "VmHWM"),
        resident_kib: value(&status, "VmRSS"),
        private_kib: value(&status, "RssAnon"),
        proportional_kib: rollup.exists().then(|| value(&rollup, "Pss")),
    }
}

/// How often one of its threads wakes up within so many seconds, in which nothing happens.
pub fn idle_wakeups(pid: Pid, seconds: u64) -> u64 {
    // What was begun before ends first.
    sleep(Duration::from_millis(200));
    let before = switches(pid);
    sleep(Duration::from_secs(seconds));
    switches(pid) - before
}

/// How often its threads have given up or lost a CPU.
fn switches(pid: Pid) -> u64 {
    let threads = fs::read_dir(folder(pid).join("task")).unwrap();
    let of_thread = |status: &Path| {
        value(status, "voluntary_ctxt_switches") + value(status, "nonvoluntary_ctxt_switches")
    };
    threads.map(|thread| of_thread(&thread.unwrap().path().join("status"))).sum()
}
