// SPDX-License-Identifier: MIT OR Apache-2.0
//! The same faults to both backends for virtio GPIO devices: a new daemon for each fault, the same bytes, the same
//! driver, and as much time to recover.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;
use vgpio_tests::harness::VirtioGuest;
use vgpio_tests::harness::process::{file, threads, value};
use vgpio_tests::hostile::Fault;
use vgpio_tests::hostile::vhost_user::{
    CHAINS, DESCRIPTORS, FLOODS, HUGE, MEMORY, MESSAGES, QUEUES, STILL, Target,
};
use vgpio_virtio::Kind;

use crate::Arguments;
use crate::lender::{Chips, Lender, Who};
use crate::report::{Compared, Comparison, Outcome};

/// Runs of each fault, with other bytes.
const RUNS: u64 = 3;
/// What is said of a daemon that goes on.
const SERVES: &str = "serves";
/// How long harm may take.
const HARM: Duration = Duration::from_secs(60);
/// How long a daemon may take until it serves the next guest.
const RECOVERY: Duration = Duration::from_secs(10);
/// Between two looks at a daemon that goes on.
const LOOK: Duration = Duration::from_millis(100);

/// Each fault.
pub fn compare(arguments: &Arguments, seed: u64) -> Comparison {
    // Guests that are not served panic, which is what is looked for.
    set_hook(Box::new(|_| {}));
    let lists = [MESSAGES, DESCRIPTORS, MEMORY, HUGE, CHAINS, QUEUES, STILL, FLOODS];
    let faults = lists.into_iter().flatten().filter(|fault| fault.name.contains(&arguments.only));
    let row = |fault: &'static Fault<Target>| Compared {
        fault: fault.name,
        outcomes: Who::ALL.map(|who| worst(who, fault, seed)),
    };
    Comparison { seed, rows: faults.map(row).collect() }
}

/// What becomes of one in several runs: the first in which it does not go on to serve, else the last.
fn worst(who: Who, fault: &'static Fault<Target>, seed: u64) -> Outcome {
    let mut outcome = of(who, fault, seed);
    for run in 1..RUNS {
        if outcome.end != SERVES {
            break;
        }
        outcome = of(who, fault, seed.wrapping_add(run));
    }
    outcome
}

fn of(who: Who, fault: &'static Fault<Target>, seed: u64) -> Outcome {
    let lender = Lender::start(who, &Chips::new(false, "hostile", 1));
    let (pid, socket) = (lender.pid(), lender.sockets[0].clone());
    assert!(serves(&socket), "{} serves nobody from the start", who.name());
    let before = Had::of(pid);
    let ended = harm(fault, &socket, seed);
    let during = Had::of(pid);
    let served = serves(&socket);
    // What was begun before has time to end, whoever serves.
    sleep(LOOK);
    let after = Had::of(pid);
    let end = match (died(pid), served) {
        (Some(how), _) => how,
        (None, true) if ended => SERVES.to_owned(),
        (None, true) => format!("serves, harm took more than {} s", HARM.as_secs()),
        (None, false) => format!("serves nobody any more{}", lender.panic()),
    };
    // One that does not end by itself is killed; whether it does is asked elsewhere.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(lender)));
    let Had { descriptors, threads, .. } = after;
    let left = [descriptors - before.descriptors, threads - before.threads];
    Outcome { end, grown_kib: during.own_kib - before.own_kib, left }
}

/// Does harm, and waits until it is done. What it holds is let go then. False: it takes too long.
fn harm(fault: &'static Fault<Target>, socket: &Path, seed: u64) -> bool {
    let target = Target { socket: socket.to_owned(), is_shared: false };
    let (done, is_done) = channel();
    spawn(move || {
        let held = catch_unwind(AssertUnwindSafe(|| fault.inject(&target, seed)));
        // Nobody waits any more.
        let _ = done.send(());
        sleep(LOOK);
        drop(held);
    });
    is_done.recv_timeout(HARM).is_ok()
}

/// Whether a guest that comes now is served, within the time there is.
fn serves(socket: &Path) -> bool {
    let socket = PathBuf::from(socket);
    let (done, is_done) = channel();
    let end = Instant::now() + RECOVERY;
    spawn(move || {
        while Instant::now() < end {
            if catch_unwind(|| sets_a_line(&socket)).is_ok() {
                // Nobody waits any more.
                let _ = done.send(());
                return;
            }
            sleep(LOOK);
        }
    });
    is_done.recv_timeout(RECOVERY).is_ok()
}

fn sets_a_line(socket: &Path) {
    let mut guest = VirtioGuest::start_of_another(socket);
    guest.ask(Kind::SetValue, 0, 0);
    guest.ask(Kind::SetDirection, 0, 1);
    for level in [1, 0] {
        guest.ask(Kind::SetValue, 0, level);
        assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 1);
    }
}

/// What a process has; nothing if it has ended.
struct Had {
    own_kib: i64,
    descriptors: i64,
    threads: i64,
}

impl Had {
    fn of(pid: Pid) -> Self {
        let none = Self { own_kib: 0, descriptors: 0, threads: 0 };
        if died(pid).is_some() {
            return none;
        }
        let signed = |count: usize| i64::try_from(count).unwrap();
        let own_kib = i64::try_from(value(&file(pid, "status"), "RssAnon")).unwrap();
        let descriptors = fs::read_dir(file(pid, "fd")).map_or(0, |fds| signed(fds.count()));
        Self { own_kib, descriptors, threads: signed(threads(pid).len()) }
    }
}

/// How a process has ended, if it has: its parent has yet to be told (`proc(5)`, `/proc/PID/stat`).
fn died(pid: Pid) -> Option<String> {
    let stat = fs::read_to_string(file(pid, "stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<_> = rest.split_whitespace().collect();
    if fields.first() != Some(&"Z") {
        return None;
    }
    let status = fields.last()?.parse().ok()?;
    Some(match WaitStatus::from_raw(pid, status) {
        Ok(WaitStatus::Signaled(_, signal, _)) => format!("ended by {}", Signal::as_str(signal)),
        Ok(WaitStatus::Exited(_, code)) => format!("ended with status {code}"),
        _ => "ended".to_owned(),
    })
}
