// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel counts of a process (Linux, `Documentation/filesystems/proc.rst`).

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use nix::unistd::Pid;

use crate::report::Memory;

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
    Memory {
        peak_kib: value(&status, "VmHWM"),
        resident_kib: value(&status, "VmRSS"),
        private_kib: value(&status, "RssAnon"),
        proportional_kib: value(&folder(pid).join("smaps_rollup"), "Pss"),
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
