// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long a well-behaved client waits until a line is set, with nobody else at work, and while somebody means harm.

use std::hint::spin_loop;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::Pid;
use vgpio_ring::Reader;
use vgpio_tests::figures::percentile;
use vgpio_tests::harness::{Daemon, Guest, LABEL, eventually, export, folder};
use vgpio_tests::hostile::vhost_user::{
    CHAINS, DESCRIPTORS, FLOODS, HUGE, MEMORY, MESSAGES, QUEUES, STILL,
};
use vgpio_tests::hostile::{Fault, Held, native, vhost_user};

use crate::Arguments;
use crate::process::{Place, Turn, pin, run};
use crate::report::{Latencies, Latency, Round};

/// Between two samples, as a guest has other things to do.
const PAUSE: Duration = Duration::from_micros(200);
/// Until harm has begun, and what was begun before has ended.
const SETTLE: Duration = Duration::from_millis(50);
/// Sessions for thousands of connections.
const SESSIONS: usize = 4000;

/// A daemon, and its well-behaved client.
struct Bench {
    daemon: Daemon,
    client: Guest,
    folder: PathBuf,
    level: u64,
}

/// What the client is disturbed by.
type Harm<'a> = Box<dyn Fn(u64) -> Held + Sync + 'a>;

/// Each fault of both protocols.
pub fn measure(arguments: &Arguments, seed: u64) -> Latencies {
    let done = AtomicBool::new(false);
    scope(|scope| {
        for place in [Place::Near, Place::Far] {
            let done = &done;
            scope.spawn(move || keep_awake(place, done));
        }
        let rows = rows(arguments, seed);
        done.store(true, Ordering::Relaxed);
        Latencies { seed, samples: arguments.samples, rounds: arguments.rounds, rows }
    })
}

/// Keeps a processor busy that would sleep otherwise: how long it takes to wake one up is another matter, in a virtual
/// machine above all.
fn keep_awake(place: Place, done: &AtomicBool) {
    pin(Pid::from_raw(0), place);
    run(Turn::Last);
    while !done.load(Ordering::Relaxed) {
        spin_loop();
    }
}

fn rows(arguments: &Arguments, seed: u64) -> Vec<Latency> {
    let mut bench = Bench::start();
    let native = bench.native();
    let device = bench.device();
    let mut rows = Vec::new();
    for (kind, name, harm) in all(&native, &device) {
        if name.contains(&arguments.only) {
            let rounds = (0..arguments.rounds)
                .map(|round| bench.round(&harm, arguments, seed + round as u64));
            rows.push(Latency::new(kind, name, &rounds.collect::<Vec<_>>()));
        }
    }
    rows
}

fn all<'a>(
    native: &'a native::Target,
    device: &'a vhost_user::Target,
) -> Vec<(&'static str, &'static str, Harm<'a>)> {
    fn of<'a, T: Sync>(
        kind: &'static str,
        faults: &[&'static [Fault<T>]],
        target: &'a T,
    ) -> Vec<(&'static str, &'static str, Harm<'a>)> {
        let row = |fault: &'static Fault<T>| {
            let harm: Harm<'a> = Box::new(|seed| fault.inject(target, seed));
            (kind, fault.name, harm)
        };
        faults.iter().copied().flatten().map(row).collect()
    }
    fn for_a_while(work: fn()) -> Harm<'static> {
        Box::new(move |_| {
            let end = Instant::now() + SETTLE;
            while Instant::now() < end {
                work();
            }
            Held::new()
        })
    }
    let busy = for_a_while(spin_loop);
    // What the daemon is asked for, of the kernel alone.
    let elsewhere = for_a_while(|| drop((UnixStream::pair().unwrap(), Reader::new().unwrap())));
    let crowd: Harm = Box::new(|_| {
        let crowd = native::hold(native, SESSIONS - 10, true);
        crowd.into_iter().map(|sender| Box::new(sender) as _).collect()
    });
    let mut all = vec![
        ("none", "a thread that only computes", busy),
        ("none", "a thread that makes sockets and rings of its own", elsewhere),
    ];
    let lists = [native::BYTES, native::STILL, native::FLOODS, native::RINGS, native::DESCRIPTORS];
    all.extend(of("native", &lists, native));
    all.push(("native", "4,000 connections", crowd));
    let lists = [MESSAGES, DESCRIPTORS, MEMORY, HUGE, CHAINS, QUEUES, STILL, FLOODS];
    all.extend(of("vhost-user", &lists, device));
    all
}

impl Bench {
    fn start() -> Self {
        let folder = Rc::new(folder());
        let device = format!("{},export=device", folder.path().join("device").display());
        let export_of = |name: &str, keys: &str| format!("{name}={LABEL},{keys}");
        let (lamp, lent) =
            (export_of("lamp", "gpios=12,init=low"), export_of("device", "gpios=8:9,vgpios=0:1"));
        let (sim, sessions) = (format!("rcar-gen3,label={LABEL}"), SESSIONS.to_string());
        let options = [
            ["--sim", &sim],
            ["--export", &lamp],
            ["--export", &lent],
            ["--vhost-user", &device],
            ["--max-sessions", &sessions],
        ];
        let options = [&options.concat()[..], &["--allow-line-maps"]].concat();
        let daemon = Daemon::start_in(&folder, &options);
        pin(daemon.pid(), Place::Near);
        let client = Guest::attach(&daemon, export("lamp"));
        Self { daemon, client, folder: folder.path().to_owned(), level: 0 }
    }

    fn native(&self) -> native::Target {
        native::Target {
            socket: self.daemon.socket(),
            own: format!("{LABEL},gpios=6:7"),
            shared: format!("{LABEL},gpios=21,shared=on"),
        }
    }

    fn device(&self) -> vhost_user::Target {
        vhost_user::Target { socket: Path::new(&self.folder).join("device"), is_shared: false }
    }

    /// A quiet round, and one in which harm is done all the time.
    fn round(&mut self, harm: &Harm<'_>, arguments: &Arguments, seed: u64) -> Round {
        let quiet = self.sample(arguments.samples);
        let done = AtomicBool::new(false);
        let harmed = scope(|scope| {
            scope.spawn(|| harm_until(&done, harm, seed));
            sleep(SETTLE);
            let harmed = self.sample(arguments.samples);
            done.store(true, Ordering::Relaxed);
            harmed
        });
        eventually("those who meant harm are gone", || {
            (self.daemon.status().sessions.len() == 1).then_some(())
        });
        sleep(SETTLE);
        Round { quiet, harmed }
    }

    /// Sets a line so often; returns how long it took until it was set, p50 and p99, in nanoseconds.
    fn sample(&mut self, samples: usize) -> [u64; 2] {
        let mut took: Vec<_> = (0..samples).map(|_| self.set()).collect();
        [50, 99].map(|percent| percentile(&mut took, percent))
    }

    fn set(&mut self) -> u64 {
        sleep(PAUSE);
        self.level ^= 1;
        let (level, client) = (self.level, &mut self.client.client);
        let start = Instant::now();
        let token = client.batch(|client| {
            client.set(1, level);
            client.sync()
        });
        while !client.is_synced(token) {
            let fd = client.as_fd().unwrap();
            let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
            poll(&mut fds, PollTimeout::NONE).unwrap();
            client.process(&mut |_| {});
        }
        u64::try_from(start.elapsed().as_nanos()).unwrap()
    }
}

/// Does harm again and again, or as long as what was done holds.
fn harm_until(done: &AtomicBool, harm: &Harm<'_>, seed: u64) {
    // What is measured is the daemon, not who is given its processor.
    pin(Pid::from_raw(0), Place::Far);
    let mut held = Held::new();
    for more in 0.. {
        if done.load(Ordering::Relaxed) {
            return;
        }
        if held.is_empty() {
            held = harm(seed.wrapping_add(more));
        } else {
            sleep(SETTLE / 10);
        }
    }
}
