// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask blinky` without a terminal.
#![allow(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::io::{self, BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn blinky(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.arg("blinky").args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

/// `0.123456 LED1 on`: the time in microseconds, and the rest.
fn parse(line: &str) -> (u64, &str) {
    let (time, change) = line.split_once(' ').unwrap();
    let (seconds, micros) = time.split_once('.').unwrap();
    assert_eq!(micros.len(), 6, "{line}");
    (seconds.parse::<u64>().unwrap() * 1_000_000 + micros.parse::<u64>().unwrap(), change)
}

#[test]
fn two_cycles_are_twelve_changes_in_order() {
    let output = blinky(&["--cycles", "2"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{text}\n{log}", output.status);
    let (times, changes): (Vec<_>, Vec<_>) = text.lines().map(parse).unzip();
    let round = ["LED1 on", "LED1 off", "LED2 on", "LED2 off", "LED3 on", "LED3 off"];
    assert_eq!(changes, [round, round].concat());
    assert!(times.is_sorted(), "{text}");
}

#[test]
fn a_recording_has_all_three_lights_and_the_button() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("blinky.svg");
    let output = blinky(&["--cycles", "2", "--record", file.to_str().unwrap()]);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{log}", output.status);
    let picture = std::fs::read_to_string(file).unwrap();
    for seen in ["LED1 on", "LED2 on", "LED3 on", "BUTTON pressed", "interrupt raised"] {
        assert!(picture.contains(seen), "{seen}");
    }
}

#[test]
fn no_cycles_are_refused() {
    let output = blinky(&["--cycles", "0"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn an_interrupted_run_says_so_and_fails() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["blinky", "--cycles", "1000000"]).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    kill(pid, Signal::SIGINT).unwrap();
    io::copy(&mut out, &mut io::sink()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("interrupted after 0 of 1000000 rounds"), "{log}");
}
