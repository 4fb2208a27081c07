// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask bench`: the benchmarks of `docs/performance.md`, on release builds.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::cache::Cache;
use crate::command;
use crate::error::{Error, Result};
use crate::rig;
use crate::suite;
use crate::workspace::{BACKEND, TESTS, Workspace, executables};

/// The benchmark of the whole path.
const WHOLE_PATH: &str = "whole_path";
/// The same, from a guest in QEMU.
const GUEST_PATH: &str = "guest_path";
/// The daemon's program.
const DAEMON: &str = "vgpiod";
/// Those of single parts: crate and name.
const MICRO: [(&str, &str); 3] =
    [("vgpio-protocol", "codec"), (BACKEND, "chips"), ("vgpio-pl061", "client")];

/// What is to be timed.
#[derive(Args)]
pub struct Options {
    /// Use the kernel's gpio-sim, in the rig, in place of the simulated block
    #[arg(long, conflicts_with = "micro")]
    gpio_sim: bool,
    /// Time single parts: codec, chips, client
    #[arg(long)]
    micro: bool,
    /// Time a guest in QEMU: sets of a line with and without the host's behind it, and a button
    #[arg(long, conflicts_with_all = ["micro", "gpio_sim"])]
    guest: bool,
    /// Arguments for the benchmark: --json, --samples N; --help lists them
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<String>,
}

/// Builds and runs; returns the exit status.
///
/// # Errors
/// It does not build, cannot be run, or fails.
pub fn run(cache: &Cache, workspace: &Workspace, options: &Options) -> Result<u8> {
    if options.micro {
        for (package, name) in MICRO {
            let arguments = ["bench", "--package", package, "--bench", name, "--"];
            run_here(unwinding(workspace.cargo(&arguments).args(&options.arguments)))?;
        }
        return Ok(0);
    }
    let daemon = ["build", "--release", "--package", BACKEND, "--bin", DAEMON];
    let daemon = build(&mut workspace.cargo(&daemon), DAEMON)?;
    let name = if options.guest { GUEST_PATH } else { WHOLE_PATH };
    let bench = ["bench", "--package", TESTS, "--bench", name, "--no-run"];
    let bench = build(unwinding(&mut workspace.cargo(&bench)), name)?;
    if options.gpio_sim {
        let mut rig = suite::prepare(cache, workspace, rig::DEADLINE)?;
        let name = DAEMON.to_uppercase();
        rig.environment.retain(|(variable, _)| *variable != name);
        rig.environment.push((name, daemon.display().to_string()));
        rig::handle_signals()?;
        let mut line = vec![bench.display().to_string(), "--gpio-sim".to_owned()];
        line.extend(options.arguments.iter().cloned());
        return Ok(rig.run(&line)?.status());
    }
    let mut command = Command::new(bench);
    if options.guest {
        command.envs(suite::Machine::build(cache, workspace)?.environment());
    }
    run_here(command.env(DAEMON.to_uppercase(), daemon).args(&options.arguments))?;
    Ok(0)
}

/// Cargo lets benchmarks unwind whatever the profile says. Told so, it need not build each crate twice.
fn unwinding(cargo: &mut Command) -> &mut Command {
    cargo.env("CARGO_PROFILE_RELEASE_PANIC", "unwind")
}

fn build(cargo: &mut Command, name: &str) -> Result<PathBuf> {
    let built = executables(&format!("building {name}"), cargo)?;
    let found = built.into_iter().find(|(built, _)| built == name);
    found.map(|(_, path)| path).ok_or_else(|| Error::Findings(format!("cargo built no {name}")))
}

/// Runs a program on this terminal.
fn run_here(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(command::start(command))?;
    command::check("the benchmark", command, status, String::new)
}
