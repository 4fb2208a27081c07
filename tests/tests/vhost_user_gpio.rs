// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vhost-user-gpio`, the daemon with one virtio device, and devices on sockets that are inherited.

use std::fs;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::rc::Rc;

use vgpio_tests::harness::{
    self, Bench, Daemon, Ended, LABEL, Machine, Outside, Simulated, VirtioGuest, folder,
    inheriting, program,
};
use vgpio_virtio::{IrqType, Kind};

const MAP: &str = "vgpios=0:1,gpios=11:21";

/// The command that runs it in a folder, with a control socket there.
fn command(folder: &Rc<tempfile::TempDir>, options: &[&str]) -> Command {
    let program = program().with_file_name("vhost-user-gpio");
    let control = folder.path().join("control.sock").display().to_string();
    let options = [&["--control", &control], options].concat();
    harness::command_of(&program, folder.path(), &options)
}

fn map() -> String {
    format!("{LABEL},{MAP}")
}

/// Its options that lend lines of a simulated chip.
fn lending() -> Vec<String> {
    let mut options = Simulated::new().options();
    options.extend(["--gpiodev".to_owned(), map()]);
    options
}

/// One that runs.
fn start(folder: &Rc<tempfile::TempDir>, command: Command) -> Bench<Simulated> {
    let daemon = Daemon::start_by(folder, command);
    let mut world = Simulated::new();
    world.meet(&daemon);
    Bench { daemon, world, options: Vec::new() }
}

fn with_options(folder: &Rc<tempfile::TempDir>, more: &[&str]) -> Command {
    let lending = lending();
    let options: Vec<&str> =
        lending.iter().map(String::as_str).chain(more.iter().copied()).collect();
    command(folder, &options)
}

/// The guest moves a line and is interrupted by another.
fn works(bench: &mut Bench<Simulated>, guest: &mut VirtioGuest) {
    guest.ask(Kind::SetDirection, 0, 1);
    guest.ask(Kind::SetValue, 0, 1);
    assert!(bench.world.level(11));
    guest.arm(1, IrqType::EdgeRising);
    let head = guest.unmask(1);
    bench.world.pull(21, true);
    assert_eq!(guest.interrupt(1, head), 1);
}

fn run(command: Command, status: i32) -> String {
    let Ended { status: ended, log } = Daemon::run(command);
    assert_eq!(ended.code(), Some(status), "{log}");
    log
}

#[test]
fn by_a_path_monitors_are_served_until_sigterm() {
    let folder = Rc::new(folder());
    let socket = folder.path().join("guest.sock");
    let path = socket.display().to_string();
    let mut bench = start(&folder, with_options(&folder, &["--socket-path", &path]));
    assert!(!bench.daemon.socket().exists(), "it has no socket for frontends");
    assert_eq!(bench.daemon.status().socket, None);
    for _ in 0..2 {
        let mut guest = VirtioGuest::start(&socket);
        works(&mut bench, &mut guest);
        bench.world.pull(21, false);
        guest.kill();
        bench.wait_until_gone();
    }
    let ended = bench.daemon.stop();
    assert!(ended.log.contains("SIGTERM: ending"), "{}", ended.log);
    assert!(!socket.exists());
}

/// One that inherits its connection to a monitor, and serves it.
fn connected(folder: &Rc<tempfile::TempDir>) -> (Bench<Simulated>, VirtioGuest) {
    let (ours, theirs) = UnixStream::pair().expect("sockets");
    let command = with_options(folder, &["--fd", "3"]);
    let mut bench = start(folder, inheriting(theirs, &command));
    let mut guest = VirtioGuest::connected(ours);
    works(&mut bench, &mut guest);
    (bench, guest)
}

#[test]
fn on_a_connected_socket_it_ends_when_the_monitor_goes() {
    let folder = Rc::new(folder());
    let (bench, guest) = connected(&folder);
    guest.kill();
    let ended = bench.daemon.wait();
    assert!(ended.status.success(), "{}", ended.log);
    assert!(!folder.path().join("control.sock").exists());
}

#[test]
fn sigterm_ends_it_under_a_connected_monitor() {
    let folder = Rc::new(folder());
    let (bench, _guest) = connected(&folder);
    bench.daemon.stop();
}

#[test]
fn on_a_listening_socket_it_serves_one_monitor_after_the_other() {
    let folder = Rc::new(folder());
    let socket = folder.path().join("guest.sock");
    let listener = UnixListener::bind(&socket).expect("a folder for sockets");
    let command = with_options(&folder, &["--fd", "3"]);
    let mut bench = start(&folder, inheriting(listener, &command));
    for _ in 0..2 {
        let mut guest = VirtioGuest::start(&socket);
        works(&mut bench, &mut guest);
        bench.world.pull(21, false);
        guest.kill();
        bench.wait_until_gone();
    }
}

#[test]
fn an_export_of_a_file_is_lent_and_nothing_else_of_it() {
    let folder = Rc::new(folder());
    let path = |name: &str| folder.path().join(name);
    let text = format!(
        "socket = {native:?}\ncontrol = {control:?}\n\
         [[sim]]\nmodel = \"rcar-gen3\"\nlabel = \"{LABEL}\"\n\
         [[export]]\nname = \"other\"\nmap = \"no-such-chip,gpios=1\"\n\
         [[export]]\nname = \"guest\"\nmap = \"{map}\"\n\
         [[vhost-user]]\nsocket = {door:?}\nexport = \"other\"\n",
        native = path("vgpiod.sock"),
        control = path("other.sock"),
        map = map(),
        door = path("door.sock"),
    );
    fs::write(path("vgpio.toml"), text).expect("a folder for files");
    let [file, socket] = ["vgpio.toml", "guest.sock"].map(|name| path(name).display().to_string());
    let options = ["--config", &file, "--export", "guest", "--socket-path", &socket];
    let mut bench = start(&folder, command(&folder, &options));
    for other in ["vgpiod.sock", "other.sock", "door.sock"] {
        assert!(!path(other).exists(), "{other}");
    }
    works(&mut bench, &mut VirtioGuest::start(&path("guest.sock")));
}

#[test]
fn what_cannot_be_lent_fails_early() {
    let folder = Rc::new(folder());
    let socket = folder.path().join("guest.sock").display().to_string();
    let chip = command(&folder, &["--gpiodev", "no-such-chip,gpios=1", "--socket-path", &socket]);
    assert!(run(chip, 1).starts_with("vhost-user-gpio: "));
    assert!(!folder.path().join("guest.sock").exists());
    let nowhere = "/nonexistent/vgpio.toml";
    let options = ["--config", nowhere, "--export", "guest", "--socket-path", &socket];
    assert!(run(command(&folder, &options), 1).contains(nowhere));
}

#[test]
fn a_descriptor_that_is_no_such_socket_is_refused() {
    let folder = Rc::new(folder());
    let file = fs::File::open("/dev/null").expect("it is there");
    let (datagram, _other) = std::os::unix::net::UnixDatagram::pair().expect("sockets");
    let loose = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let inherited: [std::os::fd::OwnedFd; 3] = [file.into(), datagram.into(), loose.into()];
    for fd in inherited {
        let log = run(inheriting(fd, &with_options(&folder, &["--fd", "3"])), 1);
        assert!(log.contains("no Unix stream socket that listens or is connected"), "{log}");
    }
    let log = run(with_options(&folder, &["--fd", "77"]), 1);
    assert!(log.contains("file descriptor 77"), "{log}");
}

#[test]
fn sockets_of_its_own_are_not_taken_for_inherited_ones() {
    let folder = Rc::new(folder());
    for fd in 3..12 {
        let log = run(with_options(&folder, &["--fd", &fd.to_string()]), 1);
        assert!(log.contains(&format!("file descriptor {fd} is no Unix stream socket")), "{log}");
    }
}

#[test]
fn a_connected_monitor_without_a_device_is_a_failure() {
    let folder = Rc::new(folder());
    let map = format!("{LABEL},gpios=11,vgpios=0");
    let lines = ["--config", "FILE", "--export", "guest"];
    let text = format!(
        "[[sim]]\nmodel = \"rcar-gen3\"\nlabel = \"{LABEL}\"\n\
         [[export]]\nname = \"guest\"\nmap = \"{map}\"\nusers = [{}]\n",
        u32::MAX
    );
    let file = folder.path().join("vgpio.toml");
    fs::write(&file, text).expect("a folder for files");
    let file = file.display().to_string();
    let mut options = lines.to_vec();
    options[1] = &file;
    options.extend(["--fd", "3"]);
    let (_ours, theirs) = UnixStream::pair().expect("sockets");
    let log = run(inheriting(theirs, &command(&folder, &options)), 1);
    assert!(log.contains("got no device"), "{log}");
}

#[test]
fn a_guest_of_qemu_works_on_a_connection_that_both_inherit() {
    let folder = Rc::new(folder());
    let (ours, theirs) = UnixStream::pair().expect("sockets");
    let command = with_options(&folder, &["--fd", "3"]);
    let mut bench = start(&folder, inheriting(theirs, &command));
    let mut vm = Machine::virtio_connected(ours).boot();
    vm.run("gpioset --daemonize LED1=1");
    bench.sees(11, true);
    vm.quit();
    let ended = bench.daemon.wait();
    assert!(ended.status.success(), "{}", ended.log);
}

#[test]
fn a_guest_of_qemu_works_on_a_socket_that_vgpiod_inherits() {
    let folder = Rc::new(folder());
    let mut options = Simulated::new().options();
    options.extend(["--export".to_owned(), format!("guest={}", map())]);
    options.extend(["--vhost-user", "fd=3,export=guest"].map(str::to_owned));
    let socket = folder.path().join("guest.sock");
    let listener = UnixListener::bind(&socket).expect("a folder for sockets");
    let command = harness::command(folder.path(), &options);
    let mut bench = start(&folder, inheriting(listener, &command));
    let mut vm = Machine::virtio(&[&socket]).boot();
    vm.run("gpioset --daemonize LED1=1");
    bench.sees(11, true);
    vm.quit();
    bench.wait_until_gone();
    // The other kind of socket, without a virtual machine.
    let (ours, theirs) = UnixStream::pair().expect("sockets");
    bench.daemon.stop();
    let mut bench = start(&folder, inheriting(theirs, &command));
    works(&mut bench, &mut VirtioGuest::connected(ours));
    bench.wait_until_gone();
    bench.daemon.status();
}
