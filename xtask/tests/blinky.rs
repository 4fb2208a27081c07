// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask blinky` without a terminal: with QEMU and the guest that `cargo xtask test` names, and with others in
//! QEMU's place.
#![allow(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::env;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    // As in the tests of `install`: its daemon is built in a folder of its own.
    command.env("CARGO_TARGET_DIR", env!("CARGO_TARGET_TMPDIR"));
    command.arg("blinky").args(arguments).stdin(Stdio::null());
    command
}

/// Runs it with a real guest.
fn blinky(arguments: &[&str]) -> Output {
    for name in ["VGPIO_QEMU", "VGPIO_STOCK_QEMU", "VGPIO_GUEST"] {
        let set = env::var_os(name).is_some_and(|path| !path.is_empty());
        assert!(
            set,
            "no {name}: run `cargo xtask test`, which makes QEMU and the guest and sets it"
        );
    }
    command(arguments).output().unwrap()
}

#[test]
fn an_unpatched_qemu_blinks_too_and_sees_the_button() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("blinky.svg");
    let output = blinky(&["--stock", "--cycles", "3", "--record", file.to_str().unwrap()]);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{log}", output.status);
    let picture = fs::read_to_string(file).unwrap();
    let guest = ["gpiomon --chip 0 4 &amp;", " falling gpiochip0 4", " rising gpiochip0 4"];
    for seen in ["LED1 on", "LED2 on", "LED3 on", "BUTTON pressed"].into_iter().chain(guest) {
        assert!(picture.contains(seen), "{seen}");
    }
}

#[test]
fn lines_that_an_unpatched_qemu_does_not_get_are_told_with_the_reason() {
    let mut command = command(&["--stock", "--cycles", "1"]);
    let _folder = in_place_of_qemu(&mut command, "sleep 1000");
    let output = command.output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert!(log.contains("QEMU has no lines: cannot connect to QEMU's monitor at "), "{log}");
}

/// A folder with a shell script that takes the place of QEMU, and of the guest.
fn in_place_of_qemu(command: &mut Command, script: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("qemu");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    command.env("VGPIO_QEMU", &program).env("VGPIO_STOCK_QEMU", &program);
    command.env("VGPIO_GUEST", folder.path());
    folder
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
    let output = blinky(&["--cycles", "3", "--record", file.to_str().unwrap()]);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{log}", output.status);
    let picture = fs::read_to_string(file).unwrap();
    let guest = ["guest# gpiomon BUTTON &amp;", " falling \"BUTTON\"", " rising \"BUTTON\""];
    for seen in ["LED1 on", "LED2 on", "LED3 on", "BUTTON pressed"].into_iter().chain(guest) {
        assert!(picture.contains(seen), "{seen}");
    }
}

#[test]
fn no_cycles_are_refused() {
    let output = command(&["--cycles", "0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_qemu_that_ends_is_told_with_what_it_said() {
    let mut command = command(&["--cycles", "1"]);
    let _folder = in_place_of_qemu(&mut command, "echo SeaBIOS; echo no such machine >&2; exit 3");
    let output = command.output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert!(log.contains("QEMU ended with exit status: 3"), "{log}");
    assert!(log.contains("console:\nSeaBIOS\nno such machine\n"), "{log}");
}

#[test]
fn an_interrupted_run_says_so_and_fails() {
    let mut command = command(&["--cycles", "1000000"]);
    // As silent as one whose guest hangs.
    let _folder = in_place_of_qemu(&mut command, "sleep 1000");
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.ends_with("booting the guest\n") {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "it has ended");
    }
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    kill(pid, Signal::SIGINT).unwrap();
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(rest.contains("interrupted after 0 of 1000000 rounds"), "{rest}");
}
