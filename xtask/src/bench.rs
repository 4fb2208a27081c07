// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask bench`: the benchmarks of `docs/performance.md` and `docs/benchmarks.md`, on release builds.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use clap::Args;

use crate::architecture::ARM64;
use crate::cache::Cache;
use crate::command;
use crate::error::Result;
use crate::guest::{self, Boots, For};
use crate::peer::Peer;
use crate::qemu::{LINES, stock};
use crate::rig;
use crate::suite;
use crate::workspace::{BACKEND, TESTS, Workspace, executable};

/// The benchmark of the whole path.
const WHOLE_PATH: &str = "whole_path";
/// The same, from a guest in QEMU.
const GUEST_PATH: &str = "guest_path";
/// The comparison with the other backend for virtio devices.
const PEER: &str = "peer";
/// What frontends that mean harm do to others.
const HOSTILE: &str = "hostile";
/// How long a benchmark in the rig may run: guests boot there, and edges are made at a stated rate.
const RIG_DEADLINE: Duration = Duration::from_secs(3600);
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
    /// Compare with vhost-device-gpio, the other backend for virtio GPIO devices, on a mock or with --gpio-sim
    #[arg(long, conflicts_with_all = ["micro", "guest"])]
    peer: bool,
    /// Time a client while frontends mean harm; with --peer, do the same to vhost-device-gpio and see who lives
    #[arg(long, conflicts_with_all = ["micro", "guest", "gpio_sim"])]
    hostile: bool,
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
    let daemon = executable(&mut workspace.cargo(&daemon), DAEMON)?;
    let name = match options {
        Options { guest: true, .. } => GUEST_PATH,
        Options { hostile: true, .. } => HOSTILE,
        Options { peer: true, .. } => PEER,
        _ => WHOLE_PATH,
    };
    let bench = ["bench", "--package", TESTS, "--bench", name, "--no-run"];
    let bench = executable(unwinding(&mut workspace.cargo(&bench)), name)?;
    let environment = environment(cache, workspace, options)?;
    if options.gpio_sim {
        let mut rig = suite::prepare(cache, workspace, RIG_DEADLINE)?;
        let name = DAEMON.to_uppercase();
        rig.environment.retain(|(variable, _)| *variable != name);
        rig.environment.push((name, daemon.display().to_string()));
        let paths = environment.iter().map(|(name, path)| rig::search_path(name, path.as_os_str()));
        rig.environment.extend(paths);
        rig::handle_signals()?;
        let mut line = vec![bench.display().to_string(), "--gpio-sim".to_owned()];
        line.extend(options.arguments.iter().cloned());
        return Ok(rig.run(&line, rig::Output::Shown)?.status());
    }
    let mut command = Command::new(bench);
    command.envs(environment).env(DAEMON.to_uppercase(), daemon);
    if options.hostile && options.peer {
        command.arg("--peer");
    }
    run_here(command.args(&options.arguments))?;
    Ok(0)
}

/// What the benchmark needs beside the daemon; what the cache lacks of it is built.
fn environment(
    cache: &Cache,
    workspace: &Workspace,
    options: &Options,
) -> Result<Vec<(&'static str, PathBuf)>> {
    if options.guest {
        let machine = suite::Machine::build(cache, workspace, &LINES[0])?;
        return Ok(machine.environment().map(|(name, path)| (name, path.clone())).collect());
    }
    if !options.peer {
        return Ok(Vec::new());
    }
    let mut all = Peer::build(cache, workspace)?.environment(options.gpio_sim).to_vec();
    if options.hostile {
        return Ok(all);
    }
    all.push(("VGPIO_STOCK_QEMU", stock::program(cache, &ARM64, false)?));
    let guest = guest::build(cache, workspace.root(), Boots::Virtio(&ARM64), For::Tests, false)?;
    all.push(("VGPIO_VIRTIO_GUEST", guest));
    Ok(all)
}

/// Cargo lets benchmarks unwind whatever the profile says. Told so, it need not build each crate twice.
fn unwinding(cargo: &mut Command) -> &mut Command {
    cargo.env("CARGO_PROFILE_RELEASE_PANIC", "unwind")
}

/// Runs a program on this terminal.
fn run_here(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(command::start(command))?;
    command::check("the benchmark", command, status, String::new)
}
