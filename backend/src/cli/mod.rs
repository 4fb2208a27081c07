// SPDX-License-Identifier: MIT OR Apache-2.0
//! Command lines of both programs, and the man pages and completions made from them.

use std::fs;
use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;

mod check;
pub mod log;
pub mod vgpioctl;
pub mod vgpiod;

/// Writes the completion script of a program.
///
/// # Errors
/// When it cannot be written.
pub fn completions(shell: Shell, mut program: Command, out: &mut dyn io::Write) -> io::Result<()> {
    let name = program.get_name().to_owned();
    // The generator panics where it cannot write, so it does not write to `out` itself.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program, name, &mut script);
    out.write_all(&script)
}

/// No failure if the reader of a pipe had enough: `vgpiod man | head -1`.
///
/// # Errors
/// When `printed` failed in another way.
pub fn unless_closed(printed: io::Result<()>) -> io::Result<()> {
    printed.or_else(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    })
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
