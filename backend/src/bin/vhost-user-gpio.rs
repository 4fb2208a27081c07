// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vhost-user-gpio`: a virtio GPIO device for one virtual machine, for those who start such programs by
//! the conventions of QEMU's `docs/interop/vhost-user.rst`.

#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use vgpio_backend::chip;
use vgpio_backend::cli::vhost_user_gpio::{NAME, Program, asks_for_capabilities, capabilities};
use vgpio_backend::cli::{end, serve, unless_closed};

fn main() -> ExitCode {
    let done = if asks_for_capabilities(std::env::args_os()) {
        unless_closed(writeln!(anstream::stdout(), "{}", capabilities()))
            .map(|()| ExitCode::SUCCESS)
            .map_err(Into::into)
    } else {
        let program = Program::parse();
        serve(&program.log, program.sandbox, || program.config(&chip::open))
    };
    end(NAME, done)
}
