// SPDX-License-Identifier: MIT OR Apache-2.0
//! What only a chip of the host can do to the daemon, and independent looks at what the daemon does
//! to it.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;

use nix::time::{ClockId, clock_gettime};
use rustix::process::{Resource, Rlimit, getrlimit, prlimit};
use vgpio::client::{Event, State};
use vgpio_protocol::{ErrorCode, Event as Message, Reason};
use vgpio_tests::harness::examples::{encode, examples, written};
use vgpio_tests::harness::{
    Daemon, Guest, LABEL, Outside, Traced, Wire, command_of, eventually, export, folder, map,
    options, program,
};

type GpioSim = vgpio_tests::harness::GpioSim;

/// A user without rights: `nobody` on most systems.
const NOBODY: u32 = 65534;

fn open_daemon() -> Daemon {
    Daemon::start(&["--allow-line-maps"])
}

/// Sends the messages of an example of `docs/errors.md`, and checks the error that comes of them.
/// `last` is called before the last message.
fn check_example(daemon: &Daemon, title: &str, last: impl FnOnce(&mut Wire)) {
    let all = examples("Wire, with a chip of the host");
    let example = all.iter().find(|example| example.title == title).expect("it is in the page");
    let mut wire = Wire::connect(daemon);
    let mut messages: Vec<_> = (1..).zip(&example.input).map(|(i, line)| encode(line, i)).collect();
    let message = messages.pop().expect("there is one");
    wire.send_bytes(&messages.concat());
    last(&mut wire);
    wire.send_bytes(&message);
    assert_eq!(written(wire.error(), !wire.goes_on()), example.output);
}

/// Runs one of libgpiod's tools and returns what it says, if it succeeds.
fn tool(name: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(name).args(arguments).output();
    let output = output.unwrap_or_else(|e| panic!("{name} is in the rig: {e}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Another program that holds a line until it is killed.
struct Other(Child);

impl Other {
    fn hold(world: &mut GpioSim, offset: u32) -> Self {
        let child = Command::new("gpiomon")
            .args(["--consumer", "other-program", "--chip"])
            .arg(world.device())
            .arg(offset.to_string())
            .stdout(Stdio::null())
            .spawn()
            .expect("gpiomon is in the rig");
        eventually("gpiomon has the line", || world.info(offset).consumer);
        Self(child)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        self.0.kill().expect("it is a child");
        self.0.wait().expect("it is a child");
    }
}

#[test]
fn each_set_of_eight_lines_is_one_ioctl() {
    let mut world = GpioSim::new();
    let traced = Traced::start(&["--allow-line-maps"]);
    let mut guest = Guest::attach(&traced.daemon, map(&format!("{LABEL},gpios=8-15,init=low")));
    let lines = [8, 9, 10, 11, 12, 13, 14, 15];
    for pattern in [0xff, 0x00, 0xa5, 0x5a].repeat(25) {
        guest.set(0xff, pattern);
        assert_eq!(world.levels(&lines), pattern);
    }
    assert_eq!(traced.stop(), 100);
}

#[test]
fn libgpiods_tools_see_what_the_daemon_did() {
    let world = GpioSim::new();
    let daemon = open_daemon();
    let keys = "gpios=7,init=high,active-low=on,drive=open-drain,bias=pull-up";
    let _output = Guest::attach(&daemon, map(&format!("{LABEL},{keys}")));
    let _input = Guest::attach(&daemon, map(&format!("{LABEL},gpios=BUTTON,debounce=5ms")));
    let chip = world.name();
    let said = tool("gpioinfo", &["--chip", chip, "7"]).expect("the line is there");
    let words = ["output", "active-low", "open-drain", "pull-up", "vgpio:guest"];
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
    let said = tool("gpioinfo", &["--chip", chip, "21"]).expect("the line is there");
    let words = ["BUTTON", "input", "both", "5ms", "vgpio:guest"];
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
    let refused = tool("gpioget", &["--chip", chip, "7"]).expect_err("the daemon has the line");
    assert!(refused.contains("busy"), "{refused}");
}

#[test]
fn libgpiods_tools_get_the_lines_that_a_client_gave_back() {
    let mut world = GpioSim::new();
    let daemon = open_daemon();
    let guest = Guest::attach(&daemon, map(&format!("{LABEL},gpios=7,bias=pull-up")));
    drop(guest);
    eventually("it is given back", || world.info(7).consumer.is_none().then_some(()));
    let said = tool("gpioget", &["--numeric", "--chip", world.name(), "7"]);
    assert_eq!(said.expect("the line is free").trim(), "1");
}

#[test]
fn edges_have_the_kernels_time() {
    let mut world = GpioSim::new();
    let daemon = open_daemon();
    let mut guest = Guest::attach(&daemon, map(&format!("{LABEL},gpios=21")));
    let now = || {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("the clock is there");
        u64::try_from(std::time::Duration::from(now).as_nanos()).expect("it fits")
    };
    for high in [true, false].repeat(50) {
        let before = now();
        world.pull(21, high);
        let after = now();
        let edge = guest.edge();
        assert!((before..=after).contains(&edge.timestamp_ns), "{before} {edge:?} {after}");
    }
}

#[test]
fn a_label_that_no_chip_has_is_refused_naming_those_there_are() {
    let _world = GpioSim::new();
    check_example(&open_daemon(), "A chip that is not there", |_| {});
}

#[test]
fn a_client_waits_for_a_chip_that_is_not_there_yet() {
    let mut world = GpioSim::new();
    world.remove();
    let daemon = Daemon::start(&["--export", &format!("led={LABEL},gpios=LED1")]);
    let mut guest = Guest::new(options(daemon.socket(), export("led")));
    guest.client.configure_directions(1, 1, 1);
    guest.client.connect().expect("the daemon listens");
    let refused = guest.event("a refusal", |event| match event {
        Event::Disconnected { error, retry: true } => Some(error.chain()),
        _ => None,
    });
    assert!(refused.contains("there is no such chip"), "{refused}");
    world.bring_back();
    guest.sync();
    assert!(world.level(11));
}

#[test]
fn a_line_of_another_program_is_refused_naming_it() {
    let mut world = GpioSim::new();
    let daemon = open_daemon();
    let other = Other::hold(&mut world, 7);
    check_example(&daemon, "A line that another program holds", |_| {});
    // Nothing of what was refused is held, and others are served.
    assert_eq!(world.info(6).consumer, None);
    let mut guest = Guest::attach(&daemon, map(&format!("{LABEL},gpios=6")));
    guest.drive(1, 1);
    drop(other);
    let mut guest = Guest::attach(&daemon, map(&format!("{LABEL},gpios=7")));
    guest.drive(1, 1);
    assert_eq!(world.levels(&[6, 7]), 0b11);
}

#[test]
fn a_chip_that_the_daemons_user_may_not_open_is_refused_saying_so() {
    let mut world = GpioSim::new();
    let folder = Rc::new(folder());
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).expect("it is ours");
    // Where the program is, that user may not be able to go.
    let copy = folder.path().join("vgpiod");
    fs::copy(program(), &copy).expect("the folder takes it");
    let mut command = command_of(&copy, folder.path(), &["--allow-line-maps"]);
    command.uid(NOBODY).gid(NOBODY);
    set_mode(&world.device(), 0o600);
    let daemon = Daemon::start_by(&folder, command);
    check_example(&daemon, "A chip that this user may not open", |_| {});
    // Once the user may, it works.
    set_mode(&world.device(), 0o666);
    let mut guest = Guest::attach(&daemon, map(&format!("{LABEL},gpios=7")));
    guest.drive(1, 1);
    assert!(world.level(7));
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("the device is there");
}

/// What a client is told when the chip goes, and when it is back.
fn told_lost(guest: &mut Guest) -> (u64, String) {
    guest.event("lines lost", |event| match event {
        Event::Lost { mask, text } => Some((*mask, text.clone())),
        _ => None,
    })
}

fn told_restored(guest: &mut Guest) -> u64 {
    guest.event("lines restored", |event| match event {
        Event::Restored { mask } => Some(*mask),
        _ => None,
    })
}

#[test]
fn a_chip_that_goes_and_comes_back_keeps_its_lines_and_leaves_others_alone() {
    let mut world = GpioSim::new();
    let mut elsewhere = GpioSim::labelled("elsewhere");
    let daemon = open_daemon();
    let mut guest = Guest::attach(&daemon, map(&format!("{LABEL},gpios=5:6:7")));
    let mut other = Guest::attach(&daemon, map("elsewhere,gpios=5:6"));
    guest.drive(0b011, 0b001);
    for _ in 0..3 {
        world.remove();
        let text = "gpiochip e6055400.gpio was removed; its lines are taken again when it is back";
        assert_eq!(told_lost(&mut guest), (0b111, text.to_owned()));
        assert_eq!(guest.client.lost(), 0b111);
        assert_eq!(guest.client.state(), State::Attached);
        // The last level wins, though there is no line.
        guest.client.set(0b11, 0b10);
        guest.sync_whatever();
        let report = guest.error();
        assert_eq!((report.code, report.mask), (ErrorCode::LineLost, 0b011));
        // The other chip's client notices nothing.
        other.drive(0b01, 0b01);
        assert!(elsewhere.level(5));
        elsewhere.wiggle(6, 2);
        assert!(other.edge().active && !other.edge().active);
        other.set(0b01, 0);
        assert!(!elsewhere.level(5));

        world.bring_back();
        assert_eq!(told_restored(&mut guest), 0b111);
        assert_eq!(guest.client.lost(), 0);
        assert_eq!(world.levels(&[5, 6]), 0b10);
        guest.set(0b11, 0b01);
        assert_eq!(world.levels(&[5, 6]), 0b01);
        world.pull(7, true);
        assert!(guest.edge().active);
        world.pull(7, false);
        assert!(!guest.edge().active);
    }
    assert!(other.events().all(|event| !matches!(event, Event::Lost { .. })));
}

#[test]
fn a_chip_that_comes_back_when_there_is_no_descriptor_left_is_taken_when_there_is() {
    let mut world = GpioSim::new();
    let daemon = open_daemon();
    let mut guest = Guest::attach(&daemon, map(&format!("{LABEL},gpios=5")));
    guest.drive(1, 1);
    let pid = rustix::process::Pid::from_raw(daemon.pid().as_raw());
    let limit = |limit| prlimit(pid, Resource::Nofile, limit).expect("it is a child");
    let before = limit(Rlimit { current: Some(0), ..getrlimit(Resource::Nofile) });
    world.remove();
    told_lost(&mut guest);
    world.bring_back();
    guest.sync_whatever();
    assert_eq!((guest.client.lost(), world.info(5).consumer), (1, None));
    limit(before);
    assert_eq!(told_restored(&mut guest), 1);
    assert!(world.level(5));
}

#[test]
fn a_chip_that_a_daemon_took_over_may_come_back_under_another_number() {
    let mut world = GpioSim::new();
    let export = format!("guest={LABEL},gpios=5");
    let options = ["--keep", "keeper", "--export", &export];
    let daemon = Daemon::start(&options);
    let mut guest = Guest::attach(&daemon, self::export("guest"));
    guest.drive(1, 1);
    guest.forget();
    let _daemon = daemon.replaced(&options, Daemon::kill);
    guest.event("lines again", |event| matches!(event, Event::Connected).then_some(()));
    let number = world.name().to_owned();
    // The kernel gives a number away again only when the last descriptor of its chip is closed.
    let _held = File::open(world.device()).expect("the chip is there");
    world.remove();
    told_lost(&mut guest);
    world.bring_back();
    assert_ne!(world.name(), number);
    assert_eq!(told_restored(&mut guest), 1);
    assert!(world.level(5));
}

#[test]
fn settings_of_lost_lines_are_remembered() {
    let mut world = GpioSim::new();
    let daemon = open_daemon();
    let mut guest = Guest::attach(&daemon, map(&format!("{LABEL},gpios=5:6")));
    world.remove();
    told_lost(&mut guest);
    guest.client.configure_directions(0b11, 0b01, 0b01);
    guest.sync_whatever();
    assert_eq!(guest.error().code, ErrorCode::LineLost);
    // What is lost has no level.
    assert!(guest.client.query_levels(0b11));
    let mask = guest.event("levels", |event| match event {
        Event::Levels { values, .. } if values.reason == Reason::Reply => Some(values.mask),
        _ => None,
    });
    assert_eq!(mask, 0);
    world.bring_back();
    assert_eq!(told_restored(&mut guest), 0b11);
    assert!(world.level(5));
}

#[test]
fn a_client_that_goes_while_its_chip_is_away_leaves_the_lines_free() {
    let mut world = GpioSim::new();
    let daemon = open_daemon();
    let mut guest = Guest::attach(&daemon, map(&format!("{LABEL},gpios=5,init=high")));
    world.remove();
    told_lost(&mut guest);
    drop(guest);
    eventually("it has gone", || daemon.status().sessions.is_empty().then_some(()));
    world.bring_back();
    let mut guest = Guest::attach(&daemon, map(&format!("{LABEL},gpios=5")));
    guest.drive(1, 1);
    assert!(world.level(5));
}

#[test]
fn a_set_of_lost_lines_gives_the_error_of_the_page() {
    let mut world = GpioSim::new();
    let daemon = open_daemon();
    check_example(&daemon, "Lines of a chip that was removed", |wire| {
        // Attached.
        wire.read(|_, event| matches!(event, Message::Values(_)).then_some(()));
        world.remove();
        wire.read(|_, event| matches!(event, Message::Lost(_)).then_some(()));
    });
}
