// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the host asks of the rig, and what the rig answers: two files in the exchange folder.
//!
//! Compiled into both sides: `xtask` writes the job and reads the outcome, `rig-init` does the reverse.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The job, written by the host before the boot.
pub const JOB_FILE: &str = "job.json";
/// The outcome, written by `rig-init` before power-off; absent after a kernel panic.
pub const OUTCOME_FILE: &str = "outcome.json";
/// Set on the kernel command line, so that `rig-init` finds the exchange folder in its environment.
pub const EXCHANGE_VARIABLE: &str = "VGPIO_RIG_EXCHANGE";
/// Number of the console (`/dev/tty1`) which the host copies to its standard output.
pub const STDOUT_CONSOLE: u32 = 1;
/// Number of the console which the host copies to its standard error.
pub const STDERR_CONSOLE: u32 = 2;

/// One command to run inside, and the world it needs.
#[derive(Debug, Deserialize, Serialize)]
pub struct Job {
    /// Program and arguments; the program is looked up in `PATH` of [`Job::environment`].
    pub arguments: Vec<String>,
    /// The whole environment of the command.
    pub environment: Vec<(String, String)>,
    /// Working directory.
    pub directory: PathBuf,
    /// Host folders that must be seen under their own path though the rig mounts an empty tmpfs above them.
    pub visible: Vec<PathBuf>,
    /// A host folder that the command may write to; all else is read-only or gone after the run.
    pub results: PathBuf,
}

/// How the command ended.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It exited with this status.
    Exited(i32),
    /// This signal ended it.
    Signalled(i32),
    /// It could not be started; the text is the chain of causes.
    NotStarted(String),
}
