// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who keeps the lines: systemd, for which a stand-in is here, or a keeper.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::rc::Rc;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use vgpio_tests::harness::{
    Daemon, Guest, LABEL, Manager, Outside, command, eventually, export, folder,
};

use super::{Bench, attached_again, bench, guest, is_free, restart};
use crate::World;

/// A user without rights: `nobody` on most systems.
const NOBODY: u32 = 65534;

/// The keeper that a daemon has started.
pub fn keeper_of(daemon: &Daemon) -> Option<Pid> {
    let processes = fs::read_dir("/proc").expect("the kernel has it").flatten();
    let mut numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers
        .find(|pid: &i32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let parent = stat.rsplit_once(") S ").and_then(|(_, rest)| rest.split(' ').next());
            stat.contains("(vgpio-keeper)") && parent == Some(&daemon.pid().to_string())
        })
        .map(Pid::from_raw)
}

#[test]
fn a_keeper_that_is_killed_is_replaced_by_one_with_the_same_lines() {
    let mut bench = bench("gpios=5,safe=low", &["--sandbox", "off"]);
    let mut client = guest(&bench);
    client.drive(1, 1);
    let witness = bench.world.witness(5);
    let first = eventually("a keeper", || keeper_of(&bench.daemon));
    kill(first, Signal::SIGKILL).expect("it runs");
    eventually("another keeper", || keeper_of(&bench.daemon).filter(|pid| *pid != first));
    bench.daemon.wait_for_log("another one has its place");
    let _bench = restart(bench, &mut client, Daemon::kill);
    let seen = witness.finish();
    assert_eq!((seen.changes, seen.released), (0, 0), "{seen:?}");
}

#[test]
fn a_confined_daemon_says_that_it_has_lost_its_keeper() {
    let mut bench = bench("gpios=5,safe=low", &[]);
    let mut client = guest(&bench);
    client.drive(1, 1);
    let keeper = eventually("a keeper", || keeper_of(&bench.daemon));
    kill(keeper, Signal::SIGKILL).expect("it runs");
    bench.daemon.wait_for_log("because of the sandbox");
    client.set(1, 0);
    client.sync();
    assert!(!bench.world.level(5));
}

#[test]
fn a_daemon_without_a_keeper_leaves_safe_states_when_another_is_to_take_over() {
    let mut bench = bench("gpios=5,safe=input", &[]);
    let mut client = guest(&bench);
    client.drive(1, 1);
    let keeper = eventually("a keeper", || keeper_of(&bench.daemon));
    kill(keeper, Signal::SIGKILL).expect("it runs");
    bench.daemon.wait_for_log("because of the sandbox");
    let witness = bench.world.witness(5);
    bench.daemon.signal(Signal::SIGUSR1);
    is_free(&mut bench.world, 5);
    let seen = witness.finish();
    assert_eq!((seen.reconfigured, seen.released), (1, 1), "an input for a moment: {seen:?}");
}

#[test]
fn without_a_keeper_the_daemon_begins_anew() {
    let mut bench = bench("gpios=5,safe=low", &[]);
    let mut client = guest(&bench);
    client.drive(1, 1);
    let keeper = eventually("a keeper", || keeper_of(&bench.daemon));
    bench = restart(bench, &mut client, |daemon| {
        daemon.signal(Signal::SIGSTOP);
        kill(keeper, Signal::SIGKILL).expect("it runs");
        daemon.kill();
    });
    assert!(bench.world.level(5));
}

#[test]
fn a_user_without_rights_gets_no_line_out_of_a_keeper() {
    let mut bench = bench("gpios=5,safe=low", &[]);
    let mut client = guest(&bench);
    client.drive(1, 1);
    let folder = Rc::clone(bench.daemon.folder());
    let socket = folder.path().join("vgpiod.sock.keeper");
    let mode = fs::metadata(&socket).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
    bench = restart(bench, &mut client, |daemon| {
        daemon.kill();
        // Even where the file lets everybody in.
        for path in [folder.path(), &socket] {
            fs::set_permissions(path, Permissions::from_mode(0o777)).expect("it is ours");
        }
        for _ in 0..20 {
            let script = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); \
                          print(socket.recv_fds(s, 64, 8))";
            let mut python = Command::new("python3");
            python.args(["-c", script]).arg(&socket).uid(NOBODY).gid(NOBODY);
            let said = python.output().expect("Python is in the rig").stdout;
            let said = String::from_utf8(said).expect("text");
            assert!(said.is_empty() || said.starts_with("(b'', [],"), "{said}");
        }
    });
    assert!(bench.world.level(5));
}

/// A daemon that systemd's stand-in has started.
fn managed(manager: &Manager, world: &World, keys: &str, room: usize) -> (Daemon, Vec<String>) {
    let mut options = world.options();
    options.extend(["--export".to_owned(), format!("guest={LABEL},{keys}")]);
    let folder = Rc::new(folder());
    let daemon = Daemon::start_by(&folder, manager.start(&command(folder.path(), &options), room));
    (daemon, options)
}

#[test]
fn systemd_keeps_the_lines_where_it_has_a_store() {
    let mut world = World::new();
    let manager = Manager::new();
    let (mut daemon, options) = managed(&manager, &world, "gpios=5:6,safe=low", 16);
    let mut client = Guest::attach(&daemon, export("guest"));
    client.forget();
    client.drive(0b11, 0b01);
    eventually("it is told", || manager.is_ready().then_some(()));
    let witness = world.witness(5);
    for _ in 0..5 {
        let is_kept = || (manager.names().len() == 2).then_some(());
        eventually("a request and its record are stored", is_kept);
        let folder = Rc::clone(daemon.folder());
        daemon.kill();
        let command = command(folder.path(), &options);
        daemon = Daemon::start_by(&folder, manager.start(&command, 16));
        attached_again(&mut client);
    }
    let seen = witness.finish();
    assert_eq!((seen.changes, seen.released, seen.reconfigured), (0, 0, 0), "{seen:?}");
    assert!(!daemon.folder().path().join("vgpiod.sock.keeper").exists());
    drop(client);
    daemon.stop();
    eventually("nothing is kept", || manager.names().is_empty().then_some(()));
    is_free(&mut world, 5);
}

#[test]
fn what_systemd_has_no_room_for_is_not_kept_and_said() {
    let mut world = World::new();
    let manager = Manager::new();
    // Lines with a safe state and lines without are two requests.
    let (mut daemon, _) = managed(&manager, &world, "gpios=5,safe=low", 1);
    let mut client = Guest::attach(&daemon, export("guest"));
    client.drive(1, 1);
    let said = daemon.wait_for_log("do not outlive this daemon");
    assert!(said.contains("there are 0 requests, the most that are kept"), "{said}");
    assert!(manager.names().is_empty());
    assert!(world.level(5));
    drop(client);
    daemon.stop();
}

#[test]
fn a_service_for_which_systemd_has_no_store_has_a_keeper_and_is_told_so() {
    let mut world = World::new();
    let manager = Manager::new();
    let (daemon, _) = managed(&manager, &world, "gpios=5,safe=low", 0);
    let mut client = Guest::attach(&daemon, export("guest"));
    client.drive(1, 1);
    assert!(world.level(5));
    assert!(daemon.folder().path().join("vgpiod.sock.keeper").exists());
    assert!(manager.names().is_empty());
    drop(client);
    let said = daemon.stop().log;
    assert!(said.contains("KillMode=process"), "{said}");
}

#[test]
fn a_client_that_comes_when_another_has_just_gone_finds_the_lines_free() {
    let bench: Bench = bench("gpios=5,init=high", &[]);
    for _ in 0..50 {
        let client = guest(&bench);
        drop(client);
        bench.wait_until_gone();
    }
}
