// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vgpioctl`: see and drive the GPIO lines of a running `vgpiod`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use vgpio_backend::cli::vgpioctl::Program;
use vgpio_backend::config::Env;
use vgpio_backend::ctl;

fn main() -> ExitCode {
    let program = Program::parse();
    let (mut out, mut err) = (anstream::stdout(), anstream::stderr());
    ExitCode::from(ctl::run(&program, &Env::read(), &mut out, &mut err))
}
