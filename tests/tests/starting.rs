// SPDX-License-Identifier: MIT OR Apache-2.0
//! Others who are in the way when a daemon starts, or are given more than they need.

#![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;

use nix::fcntl::{FcntlArg, FdFlag, Flock, FlockArg, fcntl};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, listen, socket,
};
use vgpio_tests::harness::{Daemon, command, eventually, folder, inheriting};

/// Starts a keeper as well.
const OPTIONS: [&str; 3] = ["--keep", "keeper", "--allow-line-maps"];

#[test]
fn whoever_locks_the_folder_of_sockets_does_not_keep_a_daemon_from_it() {
    let folder = Rc::new(folder());
    let locked = File::open(folder.path()).unwrap();
    let _locked = Flock::lock(locked, FlockArg::LockExclusive).unwrap();
    let daemon = Daemon::start_in(&folder, &OPTIONS);
    assert_eq!(daemon.status().sessions.len(), 0);
    let log = daemon.stop().log;
    assert!(log.contains("started without it"), "{log}");
}

#[test]
fn a_socket_that_lets_nobody_in_does_not_keep_a_daemon_waiting() {
    let folder = Rc::new(folder());
    let address = UnixAddr::new(&folder.path().join("vgpiod.sock.keeper")).unwrap();
    let new = || {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        socket(AddressFamily::Unix, SockType::Stream, flags, None).unwrap()
    };
    let listener = new();
    bind(listener.as_raw_fd(), &address).unwrap();
    listen(&listener, Backlog::new(0).unwrap()).unwrap();
    let first = new();
    connect(first.as_raw_fd(), &address).unwrap();
    let daemon = Daemon::start_in(&folder, &OPTIONS);
    assert_eq!(daemon.status().sessions.len(), 0);
    let log = daemon.stop().log;
    assert!(log.contains("lines do not outlive this daemon"), "{log}");
}

#[test]
fn who_may_connect_to_the_daemon_may_not_control_it() {
    let device = |folder: &Path| folder.join("device.sock");
    let folder = Rc::new(folder());
    let vhost_user = format!("{},export=lines", device(folder.path()).display());
    let lines = ["--sim", "rcar-gen3,label=sim", "--export", "lines=sim,gpios=0"];
    let options = [&OPTIONS[..], &lines, &["--vhost-user", &vhost_user]].concat();
    let daemon = Daemon::start_in(&folder, &options);
    let keeper = folder.path().join("vgpiod.sock.keeper");
    let (frontends, control) = (daemon.socket(), daemon.control_socket());
    for (path, mode) in
        [(frontends, 0o660), (device(folder.path()), 0o660), (control, 0o600), (keeper, 0o600)]
    {
        assert_eq!(path.metadata().unwrap().mode() & 0o777, mode, "{}", path.display());
    }
}

#[test]
fn a_keeper_that_has_nowhere_to_listen_is_told_with_the_reason() {
    // Room for the daemon's sockets (107 bytes, unix(7)), and none for the longer name of the keeper's.
    let length = 98 - "/vgpiod.sock".len() - std::env::temp_dir().as_os_str().len();
    let folder = tempfile::Builder::new().prefix(&"x".repeat(length)).tempdir().unwrap();
    let daemon = Daemon::start_in(&Rc::new(folder), &OPTIONS);
    let log = daemon.stop().log;
    assert!(log.contains("the keeper: cannot listen on"), "{log}");
    assert!(log.contains("path must be shorter"), "{log}");
}

#[test]
fn whoever_lies_about_descriptors_gives_the_daemon_none_of_its_own() {
    const COUNT: u32 = 40;
    let folder = Rc::new(folder());
    let notify = folder.path().join("notify");
    let _manager = UnixDatagram::bind(&notify).unwrap();
    let names: Vec<_> = (0..COUNT).map(|i| format!("vgpio-lines-{i}")).collect();
    let inner = command(folder.path(), &["--keep", "systemd", "--allow-line-maps"]);
    // Python becomes the daemon, and has its number.
    let replace = "import os, sys; os.closerange(3, 256); os.environ['LISTEN_PID'] = str(os.getpid()); \
                  os.execvp(sys.argv[1], sys.argv[1:])";
    let mut lying = Command::new("python3");
    lying.args(["-c", replace]).arg(inner.get_program());
    lying.args(inner.get_args()).stdin(Stdio::null());
    for (name, value) in inner.get_envs().filter_map(|(name, value)| Some((name, value?))) {
        lying.env(name, value);
    }
    lying.env("LISTEN_FDS", COUNT.to_string()).env("LISTEN_FDNAMES", names.join(":"));
    lying.env("NOTIFY_SOCKET", &notify).env("FDSTORE", "64");
    let daemon = Daemon::start_by(&folder, lying);
    assert_eq!(daemon.status().sessions.len(), 0);
    let log = daemon.stop().log;
    assert!(!log.contains("are given up"), "{log}");
}

#[test]
fn what_systemd_has_stored_for_another_process_is_not_the_daemons() {
    let folder = Rc::new(folder());
    let notify = folder.path().join("notify");
    let _manager = UnixDatagram::bind(&notify).unwrap();
    let (stored, _) = UnixDatagram::pair().unwrap();
    let mut inner = command(folder.path(), &["--keep", "systemd", "--allow-line-maps"]);
    inner.env("NOTIFY_SOCKET", &notify).env("FDSTORE", "64");
    inner.env("LISTEN_PID", std::process::id().to_string());
    inner.env("LISTEN_FDS", "1").env("LISTEN_FDNAMES", "vgpio-lines-7");
    let daemon = Daemon::start_by(&folder, inheriting(stored, &inner));
    let log = daemon.stop().log;
    assert!(!log.contains("are given up"), "{log}");
}

#[test]
fn a_keeper_has_nothing_that_the_daemon_has_inherited() {
    let folder = folder();
    let inherited = folder.path().join("inherited");
    let file = File::create(&inherited).unwrap();
    fcntl(file.as_fd(), FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    let daemon = Daemon::start(&OPTIONS);
    assert!(is_open(daemon.pid().as_raw(), &inherited));
    let children = format!("/proc/{0}/task/{0}/children", daemon.pid());
    let children = fs::read_to_string(children).unwrap();
    let keeper: i32 = children.trim().parse().unwrap();
    eventually("the keeper has closed it", || (!is_open(keeper, &inherited)).then_some(()));
}

/// Whether a process has a file open.
fn is_open(process: i32, file: &Path) -> bool {
    let open = fs::read_dir(format!("/proc/{process}/fd")).unwrap().flatten();
    let mut files = open.filter_map(|open| fs::read_link(open.path()).ok());
    files.any(|open| open == file)
}
