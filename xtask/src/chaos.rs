// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask chaos`: whatever can fail does, again and again, below guests that have lines.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use clap::Args;

use crate::cache::Cache;
use crate::error::Result;
use crate::qemu::LINES;
use crate::rig::{self, Output, search_path};
use crate::suite::{self, Machine};
use crate::workspace::{TESTS, Workspace, executable};

const TEST: &str = "gpio_sim_guest_chaos";
/// Time to boot, and for one fault: a QEMU that is killed takes some seconds to boot again.
const BOOT: Duration = Duration::from_secs(600);
const FAULT: Duration = Duration::from_secs(5);

/// What the user wants.
#[derive(Args)]
pub struct Options {
    /// How many faults
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    faults: u32,
    /// Draw them in the order of an earlier run, which told its seed; as a rule in a new one
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
}

/// Runs the test of this name in the rig. Returns its exit status.
///
/// # Errors
/// Something that it needs cannot be built, or the rig fails.
pub fn run(cache: &Cache, workspace: &Workspace, options: &Options) -> Result<u8> {
    let build = ["test", "--no-run", "--package", TESTS, "--test", TEST];
    let program = executable(&mut workspace.cargo(&build), TEST)?;
    let mut rig = suite::prepare(cache, workspace, BOOT + FAULT * options.faults)?;
    let machine = Machine::build(cache, workspace, &LINES[0])?;
    let paths = machine.environment().map(|(name, path)| search_path(name, path.as_os_str()));
    rig.environment.extend(paths);
    let mut set = |name: &str, value: String| rig.environment.push((name.to_owned(), value));
    set("VGPIO_CHAOS_FAULTS", options.faults.to_string());
    let seed = options.seed.unwrap_or_else(|| RandomState::new().hash_one(()));
    set("VGPIO_CHAOS_SEED", seed.to_string());
    rig::handle_signals()?;
    let command = [program.display().to_string(), "--nocapture".to_owned()];
    Ok(rig.run(&command, Output::Shown)?.status())
}
