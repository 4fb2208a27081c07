// SPDX-License-Identifier: MIT OR Apache-2.0
//! A daemon with nothing to do does nothing, and is small.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use vgpio_tests::harness::{Daemon, Guest, Outside, Simulated, eventually, map};

/// How long nothing happens.
const A_WHILE: Duration = Duration::from_secs(2);

/// What the daemon's own memory may come to, in KiB.
const SMALL_KIB: u64 = 6 * 1024;

/// How often the daemon was put on a processor: the third number of `/proc/PID/schedstat`
/// (Linux, `Documentation/scheduler/sched-stats.rst`), and how often it went to sleep by itself.
fn turns(daemon: &Daemon) -> (u64, u64) {
    let path = format!("/proc/{}/schedstat", daemon.pid());
    let text = fs::read_to_string(&path).unwrap_or_default();
    let times = text.split_whitespace().nth(2).map_or(0, |n| n.parse().expect("a number"));
    (times, daemon.proc_status("voluntary_ctxt_switches"))
}

#[test]
fn nothing_wakes_a_daemon_up_when_nothing_happens() {
    let mut world = Simulated::new();
    let mut options = world.options();
    options.push("--allow-line-maps".to_owned());
    let daemon = Daemon::start(&options);
    world.meet(&daemon);
    let mut guest = Guest::attach(&daemon, map("e6055400.gpio,gpios=11:21"));
    guest.drive(0b01, 0b01);
    world.pull(21, true);
    assert!(guest.edge().active);
    // It stays awake for a moment after such as these, and no longer.
    for i in 0..1000 {
        guest.set(0b01, i % 2);
    }
    guest.sync();
    eventually("the daemon sleeps", || daemon.sleeps().then_some(()));
    let before = turns(&daemon);
    sleep(A_WHILE);
    assert_eq!(turns(&daemon), before, "wake-ups in {A_WHILE:?}");
    assert_eq!(daemon.proc_status("Threads"), 1);
    // It still listens.
    guest.set(0b01, 0);
    assert!(!world.level(11));
}

#[test]
fn a_daemon_with_one_session_is_small() {
    let mut options = Simulated::new().options();
    options.push("--allow-line-maps".to_owned());
    let daemon = Daemon::start(&options);
    let mut guest = Guest::attach(&daemon, map("e6055400.gpio,gpios=0-31"));
    for i in 0..10_000 {
        guest.client.configure_directions(0xff, 0xff, i & 0xff);
        guest.client.set(0xff, !i & 0xff);
    }
    guest.sync();
    let (own, peak) = (daemon.proc_status("RssAnon"), daemon.proc_status("VmHWM"));
    println!("memory: {own} KiB of its own; {peak} KiB at most, with the program's own pages");
    assert!(own < SMALL_KIB, "{own} KiB");
}
