// SPDX-License-Identifier: MIT OR Apache-2.0
//! Thousands of connections, and a daemon that has no more file descriptors.

use std::process::Command;
use std::rc::Rc;
use std::thread;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use vgpio_tests::harness::process::idle_wakeups;
use vgpio_tests::harness::{Bench, Daemon, Outside, Wire, command, eventually, folder};
use vgpio_tests::hostile::native::{Sender, hold, knock};

use super::World;
use super::watched::Watched;

/// Sessions that the daemon may serve.
const SESSIONS: usize = 3000;
/// Descriptors that a daemon may have, which has few.
const FEW: usize = 64;

/// Lets this process, and those that it starts, have as many descriptors as the host allows.
fn many_descriptors() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("as much as is allowed");
    assert!(
        hard > SESSIONS as u64 + 200,
        "this test needs more than {hard} descriptors (ulimit -Hn)"
    );
}

#[test]
fn thousands_of_connections_are_served_and_those_too_many_are_turned_away() {
    many_descriptors();
    let most = SESSIONS.to_string();
    let mut watched = Watched::of(Bench::new(&["--allow-line-maps", "--max-sessions", &most]));
    let target = watched.target();
    let held = thread::scope(|scope| {
        let crowd = scope.spawn(|| {
            let mut crowd = hold(&target, SESSIONS / 2, true);
            crowd.extend(hold(&target, SESSIONS / 2 - 2, false));
            crowd
        });
        while !crowd.is_finished() {
            watched.is_served();
        }
        crowd.join().expect("all have connected")
    });
    assert!(knock(&target), "one more is turned away");
    assert_eq!(watched.bench.daemon.status().sessions.len(), SESSIONS);
    watched.is_served();
    watched.is_small(held.len());
    drop(held);
    watched.is_as_before();
    assert!(!knock(&target), "there is room again");
}

/// A daemon that may have few descriptors.
fn poor() -> Bench<World> {
    let folder = Rc::new(folder());
    let mut world = World::new();
    let mut options = world.options();
    options.push("--allow-line-maps".to_owned());
    let rich = command(folder.path(), &options);
    let mut poor = Command::new("sh");
    poor.args(["-c", &format!("ulimit -n {FEW}; exec \"$@\""), "sh"]);
    poor.arg(rich.get_program()).args(rich.get_args());
    for (name, value) in rich.get_envs() {
        match value {
            Some(value) => poor.env(name, value),
            None => poor.env_remove(name),
        };
    }
    let daemon = Daemon::start_by(&folder, poor);
    world.meet(&daemon);
    Bench { daemon, world, options }
}

#[test]
fn a_daemon_without_descriptors_serves_those_it_has_and_sleeps() {
    const SECONDS: u64 = 2;
    let mut watched = Watched::of(poor());
    let target = watched.target();
    let held: Vec<Sender> = hold(&target, 2 * FEW, true);
    watched.bench.daemon.wait_for_log("a connection waits: ");
    watched.is_served();
    let wakeups = idle_wakeups(watched.bench.daemon.pid(), SECONDS);
    assert!(wakeups < 100, "{wakeups} wake-ups while nothing could be done");
    drop(held);
    watched.is_as_before();
    let mut wire = Wire::connect(&watched.bench.daemon);
    wire.hello("served again");
    assert!(wire.goes_on());
    let ended = watched.stop();
    let told = ended.log.matches("a connection waits: ").count();
    // Not at each look, ten times a second, but again when some were let in.
    assert!((1..10).contains(&told), "{}", ended.log);
}

#[test]
fn who_connects_in_a_loop_does_not_fill_the_log() {
    const TIMES: usize = 400;
    let watched = Watched::open();
    let target = watched.target();
    for i in 0..TIMES {
        drop(Sender::attached(
            &target,
            if i % 2 == 0 { &target.own } else { "no-such-chip,gpios=1" },
        ));
    }
    eventually("they have gone", || {
        (watched.bench.daemon.status().sessions.len() == 2).then_some(())
    });
    let ended = watched.stop();
    let lines = ended.log.lines().count();
    assert!(lines < TIMES / 2, "{lines} lines");
    assert!(lines > 50, "some of it is told");
}
