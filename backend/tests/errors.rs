// SPDX-License-Identifier: MIT OR Apache-2.0
//! Wrong input gives the errors that `docs/errors.md` says, word for word.

#![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

mod common;

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread;

use clap::Parser;
use common::config::{env, no_chip};
use common::fake_host::FakeHost;
use common::{Example, assert_examples};
use vgpio_backend::cli::{attach_qtest, vgpioctl, vgpiod, vhost_user_gpio};
use vgpio_backend::config::{self, Env};
use vgpio_backend::control::dispatch;

fn config_error(example: &Example) -> String {
    assert_eq!(example.kind, "toml");
    match config::check_text(&example.input, Path::new("FILE"), None, &env()) {
        Ok(_) => "nothing is wrong".into(),
        Err(error) => error.to_string(),
    }
}

/// `vgpiod ...`, `vgpioctl ...`, `vhost-user-gpio ...`, or one of them after `env -u XDG_RUNTIME_DIR`.
fn command_line_error(example: &Example) -> String {
    let bare = example.input.strip_prefix("env -u XDG_RUNTIME_DIR ");
    let env = if bare.is_some() { Env::default() } else { env() };
    let line = bare.unwrap_or(&example.input).replace("\\\n", " ");
    let words = line.split_whitespace();
    if line.starts_with("vgpioctl") {
        return match vgpioctl::Program::try_parse_from(words) {
            Ok(_) => "nothing is wrong".into(),
            Err(error) => error.to_string(),
        };
    }
    if line.starts_with(vhost_user_gpio::NAME) {
        return match vhost_user_gpio::Program::try_parse_from(words) {
            Ok(program) => match program.config(&no_chip) {
                Ok(_) => "nothing is wrong".into(),
                Err(error) => vgpio_backend::chain(&error),
            },
            Err(error) => error.to_string(),
        };
    }
    match vgpiod::Program::try_parse_from(words) {
        Ok(program) => match config::load(&program.options, &no_chip, &env) {
            Ok(_) => "nothing is wrong".into(),
            Err(error) => vgpio_backend::chain(&error),
        },
        Err(error) => error.to_string(),
    }
}

fn control_error(example: &Example) -> String {
    let outcome = dispatch(&example.input, &mut FakeHost::default());
    outcome.reply.unwrap_or_default()
}

/// `vgpiod attach-qtest ...` where QEMU's sockets say what the lines below it say: `qtest: ...`, `qmp: ...`.
fn qtest_error(example: &Example) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (line, said) = example.input.split_once('\n').unwrap_or((&example.input, ""));
    for name in ["qtest", "qmp"] {
        let says: Vec<_> =
            said.lines().filter_map(|said| said.strip_prefix(name)?.strip_prefix(":")).collect();
        if !says.is_empty() {
            listen(&folder.path().join(format!("{name}.sock")), &says);
        }
    }
    let prefix = format!("{}/", folder.path().display());
    let words = line.split_whitespace().map(|word| match word.strip_suffix(".sock") {
        Some(_) => format!("{prefix}{word}"),
        None => word.to_owned(),
    });
    let attach = match vgpiod::Program::try_parse_from(words).unwrap().command {
        Some(vgpiod::Command::AttachQtest(attach)) => attach,
        command => panic!("{command:?}"),
    };
    match attach_qtest::AttachQtest::run(&attach) {
        Ok(()) => "QEMU has ended".to_owned(),
        Err(error) => vgpio_backend::chain(&error).replace(&prefix, ""),
    }
}

/// Listens for one connection, says these lines, and waits until the other side has gone. A line `END` ends
/// the connection.
fn listen(path: &Path, lines: &[&str]) {
    let listener = UnixListener::bind(path).unwrap();
    let lines: Vec<_> = lines.iter().map(|line| line.trim_start()).collect();
    let text = lines.join("\n") + "\n";
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (text, ends) =
            text.strip_suffix("END\n").map_or((text.as_str(), false), |text| (text, true));
        stream.write_all(text.as_bytes()).unwrap();
        if !ends {
            // Fails when the other side has gone with something unread.
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
}

#[test]
fn what_keeps_lines_from_an_unpatched_qemu_is_told() {
    assert_examples("QEMU's qtest socket", qtest_error);
}

#[test]
fn wrong_configuration_files_are_told_all_that_is_wrong() {
    assert_examples("Configuration file", config_error);
}

#[test]
fn wrong_command_lines_are_told_what_is_wrong() {
    assert_examples("Command line", command_line_error);
}

#[test]
fn wrong_control_commands_are_refused_and_say_why() {
    assert_examples("Control socket", control_error);
}
