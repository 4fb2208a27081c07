// SPDX-License-Identifier: MIT OR Apache-2.0
//! Test programs inside user-mode Linux: each boots a kernel of its own, which has one CPU, so as many run at a time
//! as this host has CPUs.

use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Machine, Runner, heading};
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::libgpiod::Libgpiod;
use crate::rig::{self, Finished, Output, Rig, search_path};
use crate::toolbox::{self, Toolbox, join};
use crate::totals::Totals;
use crate::uml;
use crate::workspace::{RigTarget, Workspace, executables};

/// What came of a test program, and how long it took.
type Ended = (RigTarget, Result<Finished>, Duration);

impl Runner<'_> {
    pub(super) fn rig(&mut self, wanted: &[String], arguments: &[String]) -> Result<()> {
        heading("rig");
        let mut programs = self.rig_programs(wanted)?;
        // The longest first, so that one CPU is not left with them at the end.
        programs.sort_by_key(|(target, _)| !target.name.contains("guest"));
        // After them, since what tests a feature builds the daemon with it too, in the same place.
        let mut rig = prepare(self.cache, self.workspace, rig::DEADLINE)?;
        if programs.iter().any(|(target, _)| target.name.contains("guest")) {
            let machine = Machine::build(self.cache, self.workspace, self.line)?;
            rig.environment.extend(
                machine.environment().map(|(name, path)| search_path(name, path.as_os_str())),
            );
        }
        let at_a_time = thread::available_parallelism().map_or(1, NonZero::get).min(programs.len());
        // Several at a time are shown one after the other, a single one as it runs.
        let output = if at_a_time == 1 { Output::Shown } else { Output::Kept };
        if output == Output::Kept {
            heading(&format!("rig: {} programs, {at_a_time} at a time", programs.len()));
        }
        let waiting = Mutex::new(programs.into_iter());
        thread::scope(|scope| {
            let (sender, ended) = channel();
            for _ in 0..at_a_time {
                let (sender, rig, waiting) = (sender.clone(), &rig, &waiting);
                scope.spawn(move || run_each(rig, waiting, arguments, output, &sender));
            }
            drop(sender);
            ended.iter().try_for_each(|ended| self.rig_ended(ended, output))
        })
    }

    fn rig_ended(&mut self, (target, ended, took): Ended, output: Output) -> Result<()> {
        let name = format!("rig {}", target.name);
        heading(&format!("rig: {} of {}", target.name, target.package));
        match ended {
            Ok(finished) => {
                if output == Output::Kept {
                    // The user may have closed the output; the others go on.
                    let _ = std::io::stdout().write_all(&finished.stdout);
                    let _ = std::io::stderr().write_all(&finished.stderr);
                }
                let mut totals = Totals::of_output(&finished.stdout);
                // A program that ends badly, or runs nothing, has failed whatever it printed.
                let nothing = totals.passed + totals.failed == 0;
                if nothing || (finished.status() != 0 && totals.failed == 0) {
                    anstream::println!(
                        "{}: {:?}, with no failed test to show for it",
                        target.name,
                        finished.outcome
                    );
                    totals.failed += 1;
                }
                self.count(&name, totals, took);
            }
            Err(
                error @ (Error::KernelDied { .. }
                | Error::Deadline { .. }
                | Error::NotStarted { .. }),
            ) => {
                anstream::println!("{error}");
                self.count(&name, Totals { failed: 1, ..Totals::default() }, took);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Builds the rig's test programs, one cargo run for each set of features.
    fn rig_programs(&self, wanted: &[String]) -> Result<Vec<(RigTarget, PathBuf)>> {
        let mut by_features: BTreeMap<(String, Vec<String>), Vec<RigTarget>> = BTreeMap::new();
        let mut targets = self.workspace.rig_targets();
        targets.retain(|target| wanted.is_empty() || wanted.contains(&target.name));
        if targets.is_empty() {
            return Err(Error::Findings(format!(
                "no test of the rig is named {}",
                wanted.join(", ")
            )));
        }
        for target in targets {
            by_features
                .entry((target.package.clone(), target.features.clone()))
                .or_default()
                .push(target);
        }
        let mut programs = Vec::new();
        for ((package, features), targets) in by_features {
            let mut command = self.workspace.cargo(&["test", "--no-run", "--package", &package]);
            if !features.is_empty() {
                command.arg("--features").arg(features.join(","));
                Libgpiod::build(self.cache, false)?.apply(&mut command)?;
            }
            for target in &targets {
                command.args(["--test", &target.name]);
            }
            let mut built = executables("building the rig's tests", &mut command)?;
            for target in targets {
                let index = built.iter().position(|(name, _)| *name == target.name);
                let index = index
                    .ok_or_else(|| Error::Findings(format!("cargo built no {}", target.name)))?;
                programs.push((target, built.swap_remove(index).1));
            }
        }
        Ok(programs)
    }
}

/// Runs the next program, until none is left or nobody wants to know.
fn run_each(
    rig: &Rig,
    waiting: &Mutex<impl Iterator<Item = (RigTarget, PathBuf)>>,
    arguments: &[String],
    output: Output,
    to: &Sender<Ended>,
) {
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    while let Some((target, program)) = next() {
        let started = Instant::now();
        let command: Vec<String> = [program.to_string_lossy().into_owned()]
            .into_iter()
            .chain(arguments.iter().cloned())
            .collect();
        let ended = rig.run(&command, output);
        if to.send((target, ended, started.elapsed())).is_err() {
            return;
        }
    }
}

/// The rig with everything its tests may call: the daemon, libgpiod's tools, strace, Python.
///
/// # Errors
/// Something of it cannot be built or fetched.
pub fn prepare(cache: &Cache, workspace: &Workspace, deadline: Duration) -> Result<Rig> {
    let kernel = uml::kernel(cache, workspace.root(), false)?;
    let toolbox = Toolbox::with(cache, toolbox::TESTS)?;
    let libgpiod = Libgpiod::build(cache, false)?;
    let mut libraries = vec![libgpiod.libraries()];
    libraries.extend(toolbox.libraries());
    let mut programs = vec![libgpiod.programs()];
    programs.extend(std::env::split_paths(&toolbox.path()));
    let path = std::env::join_paths(programs).map_err(Error::format("PATH"))?;
    let results = workspace.target_folder().join("rig");
    let mut environment = vec![
        search_path("VGPIO_RIG_RESULTS", results.as_os_str()),
        ("VGPIO_RIG".to_owned(), "1".to_owned()),
        search_path("PATH", &path),
        search_path("LD_LIBRARY_PATH", &join("LD_LIBRARY_PATH", &libraries)),
    ];
    // Tests that need the daemon fail for want of these; all others, and other commands, can still run.
    let programs = workspace.backend_programs().unwrap_or_else(|error| {
        anstream::eprintln!("{error}: VGPIOD and VGPIOCTL are not set in the rig");
        Vec::new()
    });
    for (name, program) in programs {
        if let Some(folder) = program.parent() {
            environment.push(search_path("VGPIO_BIN_DIR", folder.as_os_str()));
        }
        environment.push(search_path(&name.to_uppercase(), program.as_os_str()));
    }
    Ok(Rig {
        kernel,
        init: workspace.rig_init()?,
        environment,
        visible: vec![
            workspace.root().to_owned(),
            workspace.target_folder().to_owned(),
            cache.root().to_owned(),
        ],
        results,
        deadline,
    })
}
