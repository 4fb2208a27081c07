// SPDX-License-Identifier: MIT OR Apache-2.0
//! Command lines of the programs, and the man pages and completions made from them.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::config::{Config, ConfigError};
use crate::keep::left_with_systemd;
use crate::sandbox::Sandbox;
use crate::server::Server;

pub mod attach_qtest;
mod check;
pub mod log;
pub mod vgpioctl;
pub mod vgpiod;
pub mod vhost_user_gpio;

/// Runs a daemon until it ends, with a log and a sandbox of what these options say.
///
/// # Errors
/// The configuration is wrong, or the daemon cannot start or go on.
pub fn serve(
    log: &log::LogOptions,
    sandbox: Sandbox,
    config: impl FnOnce() -> Result<Config, ConfigError>,
) -> Result<ExitCode, Box<dyn Error>> {
    // Before there are others that a wrong LISTEN_FDS could mean.
    let left = left_with_systemd();
    log::start(log.level());
    if let Err(errno) = raise_descriptor_limit() {
        ::log::warn!("fewer frontends can be served than might be: RLIMIT_NOFILE: {errno}");
    }
    let config = config()?;
    let folders = config.folders();
    let server = Server::new(config, left)?;
    sandbox.enter(&folders)?;
    server.run()?;
    Ok(ExitCode::SUCCESS)
}

/// A session takes up to six descriptors, that of a virtual machine monitor thirteen, and the soft limit
/// is 1024 for the sake of programs that use `select(2)`. This one does not, so it takes what it may have.
fn raise_descriptor_limit() -> nix::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard { setrlimit(Resource::RLIMIT_NOFILE, hard, hard) } else { Ok(()) }
}

/// The exit status of a program, which says on standard error why it failed, if it did.
#[must_use]
pub fn end(program: &str, done: Result<ExitCode, Box<dyn Error>>) -> ExitCode {
    done.unwrap_or_else(|error| {
        // When even this cannot be said, the exit status says it.
        let _ = writeln!(log::stderr(), "{program}: {}", crate::chain(error.as_ref()));
        ExitCode::FAILURE
    })
}

/// Writes the completion script of a program.
///
/// # Errors
/// When it cannot be written.
pub fn completions(shell: Shell, mut program: Command, out: &mut dyn Write) -> io::Result<()> {
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
pub fn man(program: Command, out: &mut dyn Write) -> io::Result<()> {
    clap_mangen::Man::new(program).render(out)
}

/// The programs.
#[must_use]
pub fn programs() -> [Command; 3] {
    [vgpiod::Program::command(), vgpioctl::Program::command(), vhost_user_gpio::Program::command()]
}

/// Writes the man pages of the programs and of their subcommands to a folder: `vgpiod.1`,
/// `vgpioctl.1`, `vgpioctl-get.1`, ...
///
/// # Errors
/// When one cannot be written.
pub fn write_man(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for program in programs() {
        clap_mangen::generate_to(program.disable_help_subcommand(true), dir)?;
    }
    Ok(())
}
