// SPDX-License-Identifier: MIT OR Apache-2.0
//! The targets as programs of libFuzzer, built by plain cargo.

use std::path::PathBuf;
use std::process::Command;

use cargo_metadata::TargetKind;

use crate::command::{output, run};
use crate::error::{Error, Result};
use crate::workspace::{Workspace, executables};

/// The crate with the targets.
const PACKAGE: &str = "vgpio-fuzz";
/// Its feature that brings libFuzzer.
const FEATURE: &str = "libfuzzer";

/// What has code count its edges and tell libFuzzer of its comparisons: as cargo-fuzz does. Stable compilers take it.
const COVERAGE: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    --cfg fuzzing";
/// What stable compilers do not take.
const ADDRESS: &str = " -Zsanitizer=address";

/// The names of the targets.
///
/// # Errors
/// The workspace has no such crate.
pub fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let members = workspace.members();
    let package = members.iter().find(|member| member.name == PACKAGE);
    let package = package.ok_or_else(|| Error::Findings(format!("there is no crate {PACKAGE}")))?;
    let programs = package.targets.iter().filter(|target| target.is_kind(TargetKind::Bin));
    Ok(programs.map(|target| target.name.clone()).collect())
}

/// Builds targets; returns their names and programs.
///
/// # Errors
/// One does not build.
pub fn programs(workspace: &Workspace, names: &[String]) -> Result<Vec<(String, PathBuf)>> {
    let has_nightly = run("looking for nightly", rustup().args(["rustc", "--version"])).is_ok();
    let mut cargo = if has_nightly {
        let mut cargo = rustup();
        cargo.arg("cargo").current_dir(workspace.root());
        cargo
    } else {
        anstream::eprintln!(
            "no nightly toolchain, so without AddressSanitizer, which finds misuse of memory in the C interface; \
             to have it: rustup toolchain install nightly"
        );
        workspace.cargo(&[])
    };
    let host = output("asking for the host", Command::new("rustc").arg("-vV"))?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    // With a target named, build scripts are not instrumented.
    cargo.args(["build", "--package", PACKAGE, "--features", FEATURE, "--profile", "fuzz"]);
    cargo.args(["--target", host, "--target-dir"]).arg(workspace.target_folder().join("fuzz"));
    for name in names {
        cargo.args(["--bin", name]);
    }
    let flags = [COVERAGE, ADDRESS].into_iter().take(if has_nightly { 2 } else { 1 });
    cargo.env("RUSTFLAGS", flags.collect::<String>()).env_remove("CARGO_ENCODED_RUSTFLAGS");
    executables("building the targets", &mut cargo)
}

/// A program of the nightly toolchain.
fn rustup() -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly"]);
    command
}
