// SPDX-License-Identifier: MIT OR Apache-2.0
//! What configurations are checked against.

use clap::Parser;
use vgpio_backend::chip::{Cause, Chip, ChipError};
use vgpio_backend::cli::vgpiod;
use vgpio_backend::config::Env;

/// The environment of a user.
pub fn env() -> Env {
    Env { runtime_dir: Some("/run/user/1000".into()), ..Env::default() }
}

/// Opens chips of a host that has another one only.
pub fn no_chip(chip: &str) -> Result<Box<dyn Chip>, ChipError> {
    Err(ChipError {
        chip: chip.into(),
        offsets: vec![],
        what: "cannot open it",
        cause: Cause::NoChip { available: vec!["pinctrl".into()] },
    })
}

/// Runs `vgpiod check ARGS FILE` on a text; status and output.
pub fn run_check(args: &str, text: &str) -> (u8, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("vgpio.toml");
    std::fs::write(&file, text).unwrap();
    let args = format!("vgpiod check {args} {}", file.display());
    let program = vgpiod::Program::try_parse_from(args.split_whitespace()).unwrap();
    let mut out = Vec::new();
    let status =
        vgpiod::run(&program.command.unwrap(), &no_chip, &Env::default(), &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    (status, out.replace(&file.display().to_string(), "FILE"))
}
