// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bad messages give the errors that `docs/errors.md` says, word for word, and the daemon goes on
//! serving others.

use std::collections::HashSet;
use std::fs;
use std::rc::Rc;

use nix::sys::signal::Signal;
use vgpio_protocol::{ErrorCode, Request};
use vgpio_tests::harness::examples::{Example, encode, examples, written};
use vgpio_tests::harness::{Daemon, Guest, Outside, Simulated, Wire, eventually, export, folder};

/// What the section `Wire` says of the daemon.
const CONFIG: &str = r#"
max-sessions = 3

[[export]]
name = "leds"
map = "e6055400.gpio,gpios=LED1:LED2"

[[export]]
name = "button"
map = "e6055400.gpio,gpios=BUTTON,shared=on"

[[export]]
name = "relay"
map = "e6055400.gpio,gpios=7"

[[export]]
name = "private"
map = "e6055400.gpio,gpios=8"
users = [4294967294]

[[export]]
name = "slow"
map = "e6055400.gpio,gpios=9,min-hold=4000s"

[[export]]
name = "watched"
map = "e6055400.gpio,gpios=10"
watchdog = "100ms"

[[export]]
name = "no-chip"
map = "/dev/no-such-gpiochip,gpios=3"

[[export]]
name = "no-gpiochip"
map = "/dev/null,gpios=3"

[[export]]
name = "no-path"
map = "/dev/null/gpiochip0,gpios=3"
"#;

fn start() -> Daemon {
    let folder = Rc::new(folder());
    let config = folder.path().join("vgpio.toml");
    fs::write(&config, CONFIG).expect("the folder takes it");
    let mut options = Simulated::new().options();
    let config = config.display().to_string();
    options.extend(["--config", &config, "--gpiodev", "e6055400.gpio,gpios=3:4"].map(Into::into));
    Daemon::start_in(&folder, &options)
}

/// Sends the messages, and writes down what comes of them.
fn play(daemon: &Daemon, input: &[String]) -> String {
    let mut wire = Wire::connect(daemon);
    for (seq, line) in (1..).zip(input) {
        wire.send_bytes(&encode(line, seq));
    }
    let told = wire.error();
    let ends = told.as_ref().is_some_and(|_| !wire.goes_on());
    if let Some(told) = &told {
        assert_eq!(told.code.is_fatal(), ends, "{told:?}");
    }
    without_other_chips(&written(told, ends))
}

/// The host may have chips beside the simulated one.
fn without_other_chips(given: &str) -> String {
    const SIMULATED: &str = "there are: e6055400.gpio";
    match given.split_once(&format!("{SIMULATED}, ")) {
        Some((start, _)) => format!("{start}{SIMULATED}"),
        None => given.to_owned(),
    }
}

/// Brings about what is wrong with no message, and writes down what comes of it.
fn bring_about(daemon: &Daemon, condition: &str) -> String {
    let mut others = Vec::new();
    if condition == "# three sessions are served" {
        // One is there.
        others.extend([export("leds"), export("button")].map(|lines| Guest::attach(daemon, lines)));
    }
    let mut wire = Wire::connect(daemon);
    if condition == "# PING is answered once" {
        wire.hello_to_be_watched("guest");
        wire.attach("watched");
        wire.send(Request::Pong);
    }
    if condition == "# the daemon ends" {
        wire.hello("guest");
        wire.attach("leds");
        assert!(wire.sync());
        daemon.signal(Signal::SIGTERM);
    }
    let told = wire.error();
    let ends = told.as_ref().is_some_and(|_| wire.error().is_none());
    written(told, ends)
}

fn check(example: &Example, given: &str) -> Option<String> {
    (given != example.output).then(|| {
        let Example { title, input, output } = example;
        format!("### {title}\n{}\ngives\n{given}\nnot\n{output}\n", input.join("\n"))
    })
}

#[test]
fn bad_messages_give_the_errors_of_the_page() {
    let daemon = start();
    let mut other = Guest::attach(&daemon, export("relay"));
    let mut wrong = Vec::new();
    for (i, example) in examples("Wire").iter().enumerate() {
        wrong.extend(check(example, &play(&daemon, &example.input)));
        // Whatever was sent, others are served, and the lines are free for the next.
        other.drive(1, u64::from(i % 2 == 0));
        eventually("only the other is left", || {
            (daemon.status().sessions.len() == 1).then_some(())
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn sessions_that_cannot_be_served_are_told_so() {
    let mut wrong = Vec::new();
    for example in examples("Wire, without a wrong message") {
        let daemon = start();
        let other = Guest::attach(&daemon, export("relay"));
        wrong.extend(check(&example, &bring_about(&daemon, &example.input[0])));
        drop(other);
        if example.input[0] == "# the daemon ends" {
            assert!(daemon.wait().status.success());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_page_has_an_example_of_every_code() {
    let sections = ["Wire", "Wire, without a wrong message", "Wire, with a chip of the host"];
    let all: Vec<_> = sections.iter().flat_map(|section| examples(section)).collect();
    let code = |example: &Example| {
        let (name, _) = example.output.split_once(' ').expect("a code");
        name.to_owned()
    };
    let shown: HashSet<String> = all.iter().map(code).collect();
    let missing: Vec<_> =
        ErrorCode::ALL.iter().filter(|code| !shown.contains(code.name())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
