// SPDX-License-Identifier: MIT OR Apache-2.0
//! Command lines of both programs, and the man pages and completions made from them.

use std::fs;
use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;

mod check;
pub mod vgpioctl;
pub mod vgpiod;

/// Writes the completion script of a program.
pub fn completions(shell: Shell, mut program: Command, out: &mut dyn io::Write) {
    let name = program.get_name().to_owned();
    clap_complete::generate(shell, &mut program, name, out);
}

/// Writes the man page of a program.
///
/// # Errors
/// When it cannot be written.
pub fn man(program: Command, out: &mut dyn io::Write) -> io::Result<()> {
    clap_mangen::Man::new(program).render(out)
}

/// Writes the man pages of both programs and of their subcommands to a folder: `vgpiod.1`,
/// `vgpioctl.1`, `vgpioctl-get.1`, ...
///
/// # Errors
/// When one cannot be written.
pub fn write_man(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for program in [vgpiod::Program::command(), vgpioctl::Program::command()] {
        clap_mangen::generate_to(program.disable_help_subcommand(true), dir)?;
    }
    Ok(())
}
