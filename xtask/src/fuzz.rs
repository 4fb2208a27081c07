// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask fuzz`: every target with libFuzzer for a while, and what came of it.

mod build;
mod report;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use clap::{Args, value_parser};

use crate::cache::create_dir;
use crate::command::each_line;
use crate::error::{Error, Result};
use crate::workspace::Workspace;
use report::Report;

/// Seconds that one input may take, which is a finding, too.
const TIMEOUT: u32 = 20;
/// Mebibytes that a target may take.
const MEMORY: u32 = 2048;

/// What is to be fuzzed.
#[derive(Args)]
pub struct Options {
    /// How long each target runs
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u32).range(1..=100_000))]
    minutes: u32,
    /// Run only this target; may be given several times
    #[arg(long, value_name = "TARGET")]
    only: Vec<String>,
    /// Print the targets and run none
    #[arg(long, conflicts_with = "only")]
    list: bool,
    /// Run a target on this file alone, as a finding or a seed is
    #[arg(long, value_name = "FILE", requires = "only")]
    replay: Option<PathBuf>,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
    /// Arguments for libFuzzer; `-help=1` lists them
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<String>,
}

/// Builds the targets and runs them.
///
/// # Errors
/// They do not build, or one has found something.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let all = build::targets(workspace)?;
    if options.list {
        for name in &all {
            anstream::println!("{name}");
        }
        return Ok(());
    }
    if let Some(unknown) = options.only.iter().find(|name| !all.contains(name)) {
        let text = format!("there is no target {unknown}; there are {}", all.join(", "));
        return Err(Error::Findings(text));
    }
    let wanted: Vec<_> = all
        .into_iter()
        .filter(|name| options.only.is_empty() || options.only.contains(name))
        .collect();
    let programs = build::programs(workspace, &wanted)?;
    if let Some(file) = &options.replay {
        return programs.iter().try_for_each(|(_, program)| replay(program, file));
    }
    let mut reports = Vec::new();
    for (name, program) in &programs {
        let report = fuzz(workspace, options, name, program)?;
        if !options.json {
            anstream::println!("{report}");
        }
        reports.push(report);
    }
    if options.json {
        anstream::println!("{}", report::json(&reports)?);
    }
    match reports.iter().filter(|report| report.has_failed()).count() {
        0 => Ok(()),
        failed => Err(Error::Findings(format!("{failed} of {} targets failed", reports.len()))),
    }
}

fn replay(program: &Path, file: &Path) -> Result<()> {
    let mut command = Command::new(program);
    let show = |line: &str| anstream::println!("{line}");
    each_line("replaying", environment(command.arg(file)), show)
}

fn fuzz(workspace: &Workspace, options: &Options, name: &str, program: &Path) -> Result<Report> {
    let folder = |kind: &str| workspace.target_folder().join("fuzz").join(kind).join(name);
    let (corpus, findings) = (folder("corpus"), folder("findings"));
    create_dir(&corpus)?;
    create_dir(&findings)?;
    let own = workspace.root().join("fuzz");
    let mut command = Command::new(program);
    command
        .args([&corpus, &own.join("seeds").join(name)])
        .arg(format!("-max_total_time={}", options.minutes * 60))
        .args(["-max_len=1024", "-len_control=0"])
        .arg(format!("-timeout={TIMEOUT}"))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .arg(format!("-artifact_prefix={}/", findings.display()))
        .arg("-print_final_stats=1");
    let dictionary = own.join("dictionaries").join(format!("{name}.dict"));
    if dictionary.is_file() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    let mut report = Report::new(name);
    let started = Instant::now();
    let command = environment(command.args(&options.arguments));
    let ended = each_line(&format!("fuzzing {name}"), command, |line| report.read(line));
    report.seconds = started.elapsed().as_secs();
    match ended {
        Ok(()) => Ok(report),
        Err(Error::Command { tail, .. }) => {
            report.failed(tail);
            Ok(report)
        }
        Err(error) => Err(error),
    }
}

fn environment(command: &mut Command) -> &mut Command {
    command.env("RUST_BACKTRACE", "1").env("ASAN_OPTIONS", "detect_odr_violation=0")
}
