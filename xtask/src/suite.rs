// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask test`: every check and every test, on the host and in the rig.

mod machine;
mod rig;

use std::io::IsTerminal;
use std::process::Command;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::cache::Cache;
use crate::command::each_line;
use crate::error::{Error, Result};
use crate::guard;
use crate::libgpiod::Libgpiod;
use crate::qemu::{self, Line};
use crate::toolbox::{self, Toolbox};
use crate::totals::Totals;
use crate::workspace::{BACKEND, Workspace};

pub use machine::Machine;
pub use rig::prepare;

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
        let started = Instant::now();
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
        self.count(name, totals, started.elapsed());
        Ok(())
    }

    fn checked(&mut self, name: &str, good: bool) {
        self.failed_checks += u64::from(!good);
        self.summary.push(format!("{name}: {}", if good { "ok" } else { "FAILED" }));
    }

    fn count(&mut self, name: &str, totals: Totals, took: Duration) {
        self.totals += totals;
        let Totals { passed, failed, ignored } = totals;
        let ignored = if ignored == 0 { String::new() } else { format!(", {ignored} IGNORED") };
        let took = took.as_secs();
        self.summary.push(format!("{name}: {passed} passed, {failed} failed{ignored} ({took} s)"));
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
