// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client in Python that was written from `docs/protocol.md` alone.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde::de::IgnoredAny;
use vgpio_backend::control::api::{LineName, OffsetOrName};
use vgpio_backend::control::{Command as Ask, PressLevel};
use vgpio_tests::harness::{Daemon, Outside, Simulated, Watcher};

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python")
}

fn python() -> Command {
    let mut python = Command::new("python3");
    python.current_dir(scripts()).env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null());
    python
}

fn named(name: &str) -> LineName {
    LineName { chip: None, line: OffsetOrName::Text(name.to_owned()), by_name: true }
}

#[test]
fn its_own_tests_pass() {
    let mut python = python();
    let output = python.args(["-m", "unittest", "discover", "--pattern", "test_*.py"]).output();
    let output = output.expect("python3 is there; install it");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("Ran 0 tests"), "{said}");
}

/// `blink_and_button.py` while it runs.
struct Script {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Script {
    fn start(daemon: &Daemon, lines: &[&str]) -> Self {
        let mut child = python()
            .args(["blink_and_button.py", "--period", "0.01", "--timeout", "20", "--socket"])
            .arg(daemon.socket())
            .args(lines)
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is there; install it");
        let stdout = child.stdout.take().expect("it is piped");
        Self { child, said: BufReader::new(stdout).lines() }
    }

    fn next(&mut self) -> String {
        let line = self.said.next().expect("it says on its standard error why it failed");
        line.expect("a pipe can be read")
    }
}

fn blinks_and_sees_the_button(lend: [&str; 2], lines: &[&str]) {
    let mut options = Simulated::new().options();
    options.extend(lend.map(Into::into));
    let daemon = Daemon::start(&options);
    let mut outside = Watcher::start(&daemon, vec![named("LED1")]);
    let mut script = Script::start(&daemon, lines);
    for level in [1, 0].repeat(3) {
        assert_eq!(script.next(), format!("LED {level}"));
        assert_eq!(outside.change().level, level);
    }
    assert_eq!(script.next(), "READY");
    let press = Ask::Press { pad: named("BUTTON"), level: Some(PressLevel::High), for_ms: 20 };
    let _: IgnoredAny = daemon.ask(&press);
    for level in ["1", "0"] {
        let said = script.next();
        let words: Vec<_> = said.split(' ').collect();
        assert_eq!(words[..3], ["EDGE", "2", level], "{said}");
    }
    assert!(script.child.wait().expect("it is a child").success());
}

#[test]
fn it_blinks_an_led_and_sees_a_button_of_an_export() {
    blinks_and_sees_the_button(
        ["--export", "board=e6055400.gpio,gpios=LED1:LED2:BUTTON"],
        &["--export", "board", "--led", "0", "--button", "2"],
    );
}

#[test]
fn it_blinks_an_led_and_sees_a_button_of_a_line_map() {
    blinks_and_sees_the_button(
        ["--gpiodev", "e6055400.gpio,vgpios=0:1:2,gpios=11:12:21"],
        &["--map", "e6055400.gpio,vgpios=0:1:2,gpios=11:12:21", "--led", "0", "--button", "2"],
    );
}
