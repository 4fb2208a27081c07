// SPDX-License-Identifier: MIT OR Apache-2.0
//! Wrong input gives the errors that `docs/errors.md` says, word for word.

mod common;

use std::path::Path;

use clap::Parser;
use common::config::{env, no_chip};
use common::fake_host::FakeHost;
use common::{Example, assert_examples};
use vgpio_backend::cli::{vgpioctl, vgpiod, vhost_user_gpio};
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
