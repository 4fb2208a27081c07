// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask test`: every check and every test, on the host and in the rig.

mod machine;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use clap::ValueEnum;

use crate::cache::Cache;
use crate::command::each_line;
use crate::error::{Error, Result};
use crate::guard;
use crate::libgpiod::Libgpiod;
use crate::qemu::{self, Line};
use crate::rig::{self, Rig, search_path};
use crate::toolbox::{self, Toolbox, join};
use crate::totals::Totals;
use crate::uml;
use crate::workspace::{BACKEND, RigTarget, Workspace, executables};

pub use machine::Machine;

/// A part of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Step {
    /// cargo fmt.
    Format,
    /// cargo clippy, warnings denied.
    Lint,
    /// Rules that neither of them knows: sizes, licences, unfinished work.
    Guard,
    /// cargo test on this host.
    Host,
    /// The daemon with its second chip driver, on this host.
    Libgpiod,
    /// The tests that the series adds to QEMU's own.
    Qtest,
    /// The QEMU series: each patch applies, passes QEMU's checker and builds. Not among those that run
    /// when none is named, for it takes a quarter of an hour whenever the series changes.
    Qemu,
    /// Tests on the kernel's gpio-sim, inside user-mode Linux.
    Rig,
}

/// Runs the steps and counts.
pub struct Runner<'a> {
    cache: &'a Cache,
    workspace: &'a Workspace,
    line: &'static Line,
    totals: Totals,
    failed_checks: u64,
    summary: Vec<String>,
}

/// Runs these steps, or all, with this release line of QEMU; in the rig these tests, or all, with these arguments.
///
/// # Errors
/// Set-up fails, or a check or test fails.
pub fn run(
    cache: &Cache,
    workspace: &Workspace,
    only: &[Step],
    line: &'static Line,
    wanted: &[String],
    arguments: &[String],
) -> Result<()> {
    let mut runner = Runner {
        cache,
        workspace,
        line,
        totals: Totals::default(),
        failed_checks: 0,
        summary: Vec::new(),
    };
    let wanted_step = |step: &&Step| match only {
        [] => **step != Step::Qemu,
        only => only.contains(step),
    };
    for step in Step::value_variants().iter().filter(wanted_step) {
        let done = match step {
            Step::Format => runner.format(),
            Step::Lint => runner.lint(),
            Step::Guard => runner.guard(),
            Step::Host => runner.host(),
            Step::Libgpiod => runner.libgpiod(),
            Step::Qtest => runner.qtest(),
            Step::Qemu => runner.qemu(),
            Step::Rig => runner.rig(wanted, arguments),
        };
        match done {
            // What does not build is a failure of this checkout; the other steps still have something to say.
            Err(error @ (Error::Command { .. } | Error::Findings(_))) => {
                anstream::println!("{error}");
                runner.checked(&format!("{step:?}").to_lowercase(), false);
            }
            other => other?,
        }
    }
    runner.finish()
}

impl Runner<'_> {
    fn format(&mut self) -> Result<()> {
        self.check("format", &mut self.workspace.cargo(&["fmt", "--all", "--check"]))
    }

    fn lint(&mut self) -> Result<()> {
        let mut clippy = self.workspace.cargo(&["clippy", "--workspace", "--all-targets"]);
        // These are not among `--all-targets`, for `cargo test` leaves them out.
        for target in
            self.workspace.rig_targets().iter().filter(|target| target.features.is_empty())
        {
            clippy.args(["--test", &target.name]);
        }
        self.check("lint", clippy.args(["--", "--deny", "warnings"]))?;
        if self.workspace.has_feature(BACKEND, "libgpiod") {
            let arguments =
                ["clippy", "--package", BACKEND, "--all-targets", "--features", "libgpiod"];
            let mut clippy = self.workspace.cargo(&arguments);
            Libgpiod::build(self.cache, false)?.apply(&mut clippy)?;
            self.check("lint libgpiod", clippy.args(["--", "--deny", "warnings"]))?;
        }
        Ok(())
    }

    fn guard(&mut self) -> Result<()> {
        heading("guard");
        let findings = guard::findings(self.workspace)?;
        for finding in &findings {
            anstream::println!("{finding}");
        }
        self.checked("guard", findings.is_empty());
        Ok(())
    }

    fn host(&mut self) -> Result<()> {
        let toolbox = Toolbox::with(self.cache, toolbox::TESTS)?;
        let machine = Machine::build(self.cache, self.workspace, self.line)?;
        let mut command = self.workspace.cargo(&["test", "--workspace", "--no-fail-fast"]);
        command.envs(machine.environment());
        self.tests("host", toolbox.apply(&mut command))
    }

    fn qtest(&mut self) -> Result<()> {
        for (name, mut test) in qemu::qtests(self.cache, self.workspace, self.line)? {
            self.tests(&format!("QEMU {}: {name}", self.line.name), &mut test)?;
        }
        Ok(())
    }

    fn qemu(&mut self) -> Result<()> {
        heading("qemu");
        anstream::println!("{}", qemu::check(self.cache, self.workspace, self.line, false)?);
        self.checked(&format!("series for QEMU {}", self.line.name), true);
        Ok(())
    }

    fn libgpiod(&mut self) -> Result<()> {
        if !self.workspace.has_feature(BACKEND, "libgpiod") {
            return Ok(());
        }
        let arguments = ["test", "--package", BACKEND, "--features", "libgpiod", "--no-fail-fast"];
        let mut command = self.workspace.cargo(&arguments);
        Libgpiod::build(self.cache, false)?.apply(&mut command)?;
        self.tests("libgpiod", &mut command)
    }

    fn rig(&mut self, wanted: &[String], arguments: &[String]) -> Result<()> {
        heading("rig");
        let programs = self.rig_programs(wanted)?;
        // After them, since what tests a feature builds the daemon with it too, in the same place.
        let mut rig = prepare(self.cache, self.workspace, rig::DEADLINE)?;
        if programs.iter().any(|(target, _)| target.name.contains("guest")) {
            let machine = Machine::build(self.cache, self.workspace, self.line)?;
            rig.environment.extend(
                machine.environment().map(|(name, path)| search_path(name, path.as_os_str())),
            );
        }
        for (target, program) in programs {
            heading(&format!("rig: {} of {}", target.name, target.package));
            let command: Vec<String> = [program.to_string_lossy().into_owned()]
                .into_iter()
                .chain(arguments.iter().cloned())
                .collect();
            let name = format!("rig {}", target.name);
            match rig.run(&command) {
                Ok(finished) => {
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
                    self.count(&name, totals);
                }
                Err(
                    error @ (Error::KernelDied { .. }
                    | Error::Deadline { .. }
                    | Error::NotStarted { .. }),
                ) => {
                    anstream::println!("{error}");
                    self.count(&name, Totals { failed: 1, ..Totals::default() });
                }
                Err(error) => return Err(error),
            }
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

    /// Runs a check that passes or fails as a whole.
    fn check(&mut self, name: &str, command: &mut Command) -> Result<()> {
        heading(name);
        match each_line(name, colours(command), |line| anstream::println!("{line}")) {
            Ok(()) => self.checked(name, true),
            Err(Error::Command { .. }) => self.checked(name, false),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Runs test programs and counts.
    fn tests(&mut self, name: &str, command: &mut Command) -> Result<()> {
        heading(name);
        let mut totals = Totals::default();
        let ended = each_line(name, colours(command), |line| {
            anstream::println!("{line}");
            totals += Totals::of_line(line);
        });
        match ended {
            // It did not build, or a test program crashed.
            Err(Error::Command { .. }) if totals.failed == 0 => totals.failed = 1,
            Ok(()) if totals.passed == 0 => totals.failed += 1,
            Ok(()) | Err(Error::Command { .. }) => {}
            Err(error) => return Err(error),
        }
        self.count(name, totals);
        Ok(())
    }

    fn checked(&mut self, name: &str, good: bool) {
        self.failed_checks += u64::from(!good);
        self.summary.push(format!("{name}: {}", if good { "ok" } else { "FAILED" }));
    }

    fn count(&mut self, name: &str, totals: Totals) {
        self.totals += totals;
        let Totals { passed, failed, ignored } = totals;
        let ignored = if ignored == 0 { String::new() } else { format!(", {ignored} IGNORED") };
        self.summary.push(format!("{name}: {passed} passed, {failed} failed{ignored}"));
    }

    fn finish(self) -> Result<()> {
        heading("summary");
        for line in &self.summary {
            anstream::println!("{line}");
        }
        let failed = self.totals.failed + self.failed_checks;
        anstream::println!("{} passed, {failed} failed", self.totals.passed);
        if failed == 0 {
            Ok(())
        } else {
            Err(Error::Findings("some checks or tests failed".to_owned()))
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

fn heading(name: &str) {
    anstream::println!("\x1b[1m== {name}\x1b[0m");
}

/// The output goes through a pipe: cargo would take that for a reason to drop its colours.
fn colours(command: &mut Command) -> &mut Command {
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always")
    } else {
        command
    }
}
