// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vhost-user-gpio` follows the conventions of QEMU's `docs/interop/vhost-user.rst` and `vhost-user.json`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::path::Path;
use std::process::{Command, Output};

use clap::{CommandFactory, Parser};
use common::config::no_chip;
use serde_json::Value;
use vgpio_backend::cli::vhost_user_gpio::{Program, capabilities, description};
use vgpio_backend::config::{Listen, VhostUserConfig};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vhost-user-gpio")).args(arguments).output().unwrap()
}

#[test]
fn capabilities_are_printed_whatever_else_is_said() {
    for arguments in [
        &["--print-capabilities"][..],
        &["--socket-path", "--print-capabilities"],
        &["--no-such-option", "--fd=x", "--print-capabilities", "--socket-path=/a", "and more"],
    ] {
        let Output { status, stdout, stderr } = run(arguments);
        assert!(status.success() && stderr.is_empty(), "{arguments:?}");
        let value: Value = serde_json::from_slice(&stdout).unwrap();
        assert_eq!(value, serde_json::json!({"type": "gpio"}), "VHostUserBackendCapabilities");
    }
    assert_eq!(run(&[]).status.code(), Some(2));
}

#[test]
fn the_description_has_the_fields_of_the_schema() {
    let value: Value = serde_json::from_str(&description(Path::new("/usr/bin/x"))).unwrap();
    let mut fields = value.as_object().unwrap().clone();
    let mut text = |name: &str| fields.remove(name).unwrap().as_str().unwrap().to_owned();
    assert!(!text("description").is_empty());
    assert_eq!(text("binary"), "/usr/bin/x");
    let kind = text("type");
    let capabilities: Value = serde_json::from_str(&capabilities()).unwrap();
    assert_eq!(capabilities["type"], *kind);
    // `tags` is the only other one that VhostUserBackend may have, and nobody may need it.
    assert!(fields.is_empty(), "{fields:?}");
}

#[test]
fn the_socket_is_a_path_or_a_descriptor_and_the_lines_are_those_given() {
    let config = |arguments: &str| {
        let words = format!("vhost-user-gpio --sim rcar-gen3,label=sim {arguments}");
        Program::try_parse_from(words.split_whitespace()).unwrap().config(&no_chip).unwrap()
    };
    let device = |socket| VhostUserConfig { socket, export: "sim".into() };
    let made = config("--gpiodev sim,gpios=1:2 --socket-path /run/a.sock");
    assert_eq!(made.vhost_users, [device(Listen::Path("/run/a.sock".into()))]);
    assert_eq!((made.socket, made.control), (None, None));
    assert_eq!(made.exports[0].lines.len(), 2);
    let made = config("--gpiodev sim,gpios=1 --fd=3 --control /run/c.sock");
    assert_eq!(made.vhost_users, [device(Listen::Fd(3))]);
    assert_eq!(made.control, Some("/run/c.sock".into()));
}

#[test]
fn the_examples_of_help_are_right() {
    Program::command().debug_assert();
    let help = Program::command().render_help().to_string().replace("\\\n", " ");
    let examples: Vec<_> = help.lines().filter(|l| l.starts_with("    vhost-user-gpio ")).collect();
    assert_eq!(examples.len(), 3);
    for example in examples {
        Program::try_parse_from(example.split_whitespace()).unwrap();
    }
}
