// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a process runs, and how much memory it has.

use std::sync::LazyLock;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use vgpio_tests::harness::process::{file, value};

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

/// Its memory.
pub fn memory(pid: Pid) -> Memory {
    let [status, rollup] = ["status", "smaps_rollup"].map(|name| file(pid, name));
    Memory {
        peak_kib: value(&status, "VmHWM"),
        resident_kib: value(&status, "VmRSS"),
        private_kib: value(&status, "RssAnon"),
        proportional_kib: rollup.exists().then(|| value(&rollup, "Pss")),
    }
}
