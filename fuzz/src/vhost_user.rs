// SPDX-License-Identifier: MIT OR Apache-2.0
//! A virtual machine monitor and its guest's virtqueues, on a daemon in this process: any messages, any memory.

mod guest;

use std::fs;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use arbitrary::Unstructured;
use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;
use vgpio_backend::config::{
    Access, Config, DEFAULT_GRACE, ExportConfig, ExportLine, Keep, Listen, Policy, SimConfig,
    VhostUserConfig,
};
use vgpio_backend::server::{Server, ServerError};
use vgpio_protocol::LineMap;
use vgpio_rcar::Generation;

use guest::Guest;

/// Longer than a thread takes to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// The vhost-user protocol, virtqueues in a guest's memory, and what is left when the monitor goes.
///
/// # Panics
/// The daemon does, or ends with an error; it returns what it was not given, or not as the standard says.
pub fn vhost_user(input: &[u8]) {
    // They take turns: on one processor each is woken at once.
    let mut here_only = CpuSet::new();
    here_only.set(sched_getcpu().expect("a processor")).expect("it is one");
    sched_setaffinity(Pid::from_raw(0), &here_only).expect("it may run where it does");
    let (here, there) = UnixStream::pair().expect("sockets");
    // A daemon that serves this one monitor, and ends when it has gone.
    let daemon = thread::spawn(move || {
        let server = Server::new(config(there.as_raw_fd()), Vec::new())?;
        // It has a descriptor of its own by now.
        drop(there);
        server.run()
    });
    let mut guest = Guest::new(here);
    let mut input = Unstructured::new(input);
    while !input.is_empty() && guest.step(&mut input).is_some() {}
    drop(guest);
    match daemon.join().expect("the daemon does not panic") {
        Ok(()) | Err(ServerError::NoDevice) => {}
        Err(error) => panic!("{error}"),
    }
    let end = Instant::now() + PATIENCE;
    while threads() > 0 {
        assert!(Instant::now() < end, "a monitor's thread is left");
        thread::yield_now();
    }
}

/// How many threads of monitors there are.
fn threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("this process");
    let names =
        tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.trim_end() == "vhost-user").count()
}

fn config(fd: RawFd) -> Config {
    let sim = SimConfig {
        model: Generation::Gen3,
        label: "block".into(),
        names: vec![(1, "BUTTON".into())],
        pulls: Vec::new(),
        levels: Vec::new(),
        // What the guest drives on one line makes interrupts of another.
        wires: vec![(0, 1)],
    };
    let map: LineMap = "block,vgpios=0:1:2:9,gpios=0:1:2:3".parse().expect("a line map");
    let lines = ExportLine::of_map(map).collect();
    Config {
        socket: None,
        control: None,
        max_sessions: 2,
        policy: Policy::default(),
        sims: vec![sim],
        chips: Vec::new(),
        exports: vec![ExportConfig {
            name: "e".into(),
            lines,
            access: Access::default(),
            watchdog: None,
        }],
        vhost_users: vec![VhostUserConfig { socket: Listen::Fd(fd), export: "e".into() }],
        keep: Keep::Off,
        grace: DEFAULT_GRACE,
    }
}
