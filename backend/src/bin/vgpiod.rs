// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vgpiod`: lends GPIO lines of this host to virtual machines.

#![forbid(unsafe_code)]

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use vgpio_backend::chain;
use vgpio_backend::chip;
use vgpio_backend::cli::vgpiod::{Options, Program, capabilities, run};
use vgpio_backend::cli::{log, unless_closed};
use vgpio_backend::config::{Env, load};
use vgpio_backend::server::Server;

fn main() -> ExitCode {
    let Program { options, command } = Program::parse();
    let mut out = anstream::stdout();
    let done = match command {
        Some(command) => run(&command, &chip::open, &Env::read(), &mut out)
            .map(ExitCode::from)
            .map_err(Into::into),
        None if options.print_capabilities => unless_closed(writeln!(out, "{}", capabilities()))
            .map(|()| ExitCode::SUCCESS)
            .map_err(Into::into),
        None => serve(&options),
    };
    done.unwrap_or_else(|error: Box<dyn Error>| {
        // When even this cannot be said, the exit status says it.
        let _ = writeln!(log::stderr(), "vgpiod: {}", chain(error.as_ref()));
        ExitCode::FAILURE
    })
}

fn serve(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    log::start(options.log_level());
    if let Err(errno) = raise_descriptor_limit() {
        ::log::warn!("fewer frontends can be served than might be: RLIMIT_NOFILE: {errno}");
    }
    let config = load(options, &chip::open, &Env::read())?;
    Server::new(config)?.run()?;
    Ok(ExitCode::SUCCESS)
}

/// A session takes up to four descriptors, that of a virtual machine monitor eleven, and the soft limit
/// is 1024 for the sake of programs that use `select(2)`. This one does not, so it takes what it may have.
fn raise_descriptor_limit() -> nix::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
}
