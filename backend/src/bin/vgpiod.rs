// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vgpiod`: lends GPIO lines of this host to virtual machines.

#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use vgpio_backend::chip;
use vgpio_backend::cli::vgpiod::{Program, capabilities, run};
use vgpio_backend::cli::{end, serve, unless_closed};
use vgpio_backend::config::{Env, load};

fn main() -> ExitCode {
    let Program { options, command } = Program::parse();
    let mut out = anstream::stdout();
    let done = match command {
        Some(command) => run(&command, &chip::open, &Env::read(), &mut out).map(ExitCode::from),
        None if options.print_capabilities => unless_closed(writeln!(out, "{}", capabilities()))
            .map(|()| ExitCode::SUCCESS)
            .map_err(Into::into),
        None => serve(&options.log, options.sandbox, || load(&options, &chip::open, &Env::read())),
    };
    end("vgpiod", done)
}
