// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel counts of a process (Linux, `Documentation/filesystems/proc.rst`).

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use nix::unistd::Pid;

/// A file of `/proc/PID`.
pub fn file(pid: Pid, name: &str) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join(name)
}

/// A value of such a file, in its unit: `VmHWM` of `status` in KiB.
pub fn value(path: &Path, key: &str) -> u64 {
    let text = fs::read_to_string(path).expect("the process runs");
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let value = value.unwrap_or_else(|| panic!("{} has no {key}", path.display()));
    let number = value.split_whitespace().next().expect("a value");
    number.parse().expect("a number")
}

/// Its threads.
pub fn threads(pid: Pid) -> Vec<PathBuf> {
    let folder = fs::read_dir(file(pid, "task")).expect("the process runs");
    folder.map(|thread| thread.expect("a thread").path()).collect()
}

/// How often one of its threads wakes up within so many seconds, in which nothing happens.
pub fn idle_wakeups(pid: Pid, seconds: u64) -> u64 {
    // What was begun before ends first.
    sleep(Duration::from_millis(200));
    let before = switches(pid);
    sleep(Duration::from_secs(seconds));
    switches(pid).saturating_sub(before)
}

/// How often its threads have given up or lost a CPU.
fn switches(pid: Pid) -> u64 {
    let of_thread = |thread: PathBuf| {
        let status = thread.join("status");
        value(&status, "voluntary_ctxt_switches") + value(&status, "nonvoluntary_ctxt_switches")
    };
    threads(pid).into_iter().map(of_thread).sum()
}
