// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks the series as QEMU's maintainers would: patch by patch.

use std::path::Path;
use std::process::Command;

use crate::cache::Cache;
use crate::command::{each_line, output, run};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::toolbox::{self, Toolbox};

use super::build::{Build, PROGRAMS};
use super::{Series, Source};

const STEP: &str = "putting QEMU's source under git";

/// Checks every patch; returns a report of the good end.
///
/// # Errors
/// Something cannot be fetched, or a patch fails; then all findings on it are in the error.
pub fn series(cache: &Cache, build: &Build<'_>, series: &Series) -> Result<String> {
    let git = Git { toolbox: &build.toolbox, tree: &build.tree };
    let source = Source::get(cache, &build.toolbox, series.line)?;
    source.unpack(&build.toolbox, &build.tree)?;
    git.commit("QEMU as released")?;
    // First of all patches what takes no time.
    let mut report = source.origin;
    for patch in &series.patches {
        let name = patch.file_name().unwrap_or_default().to_string_lossy();
        git.apply(patch)?;
        let lines = checkpatch(build, patch)?.to_string();
        report.extend([&*name, ": applies, ", &lines, " lines pass checkpatch.pl\n"]);
    }
    build_each(build, &git)?;
    report.push_str("each patch builds, without a warning\n");
    Ok(report)
}

/// Leaves QEMU's source with the series as commits in `folder`.
///
/// # Errors
/// The folder is there already, something cannot be fetched, or a patch does not apply.
pub fn tree(cache: &Cache, series: &Series, folder: &Path) -> Result<()> {
    if folder.exists() {
        return Err(Error::Findings(format!("{} is there already", folder.display())));
    }
    let toolbox = Toolbox::with(cache, toolbox::QEMU)?;
    Source::get(cache, &toolbox, series.line)?.unpack(&toolbox, folder)?;
    let git = Git { toolbox: &toolbox, tree: folder };
    git.commit("QEMU as released")?;
    for patch in &series.patches {
        git.apply(patch)?;
    }
    Ok(())
}

/// Builds QEMU as released, then with one patch more at a time, all with warnings as errors.
fn build_each(build: &Build<'_>, git: &Git<'_>) -> Result<()> {
    let commits = git.series()?;
    git.checkout("base")?;
    // In a git tree QEMU would switch this on by itself when meson runs again, and build everything anew.
    build.configure(&["--enable-werror"])?;
    build.ninja("QEMU without the series", &PROGRAMS)?;
    let mut featured = build.has_feature()?;
    for (index, commit) in commits.iter().enumerate() {
        git.checkout(commit)?;
        if !featured && build.has_feature()? {
            build.enable_feature()?;
            featured = true;
        }
        let label = format!("QEMU with {} of {} patches", index + 1, commits.len());
        build.ninja(&label, &PROGRAMS)?;
    }
    Ok(())
}

/// Runs QEMU's own checker, whose warnings count too; returns the number of lines that it checked.
fn checkpatch(build: &Build<'_>, patch: &Path) -> Result<u64> {
    let mut perl = build.command("perl");
    perl.args(["scripts/checkpatch.pl", "--no-color"]).arg(patch).current_dir(&build.tree);
    let mut text = String::new();
    let ended = each_line("checkpatch.pl", &mut perl, |line| text.extend([line, "\n"]));
    let total = text.lines().find_map(totals);
    match (ended, total) {
        (Ok(()), Some([0, 0, lines])) => Ok(lines),
        (Ok(()) | Err(Error::Command { .. }), _) => Err(Error::Findings(text)),
        (Err(error), _) => Err(error),
    }
}

/// The errors, warnings and lines of `total: 0 errors, 0 warnings, 12 lines checked`.
fn totals(line: &str) -> Option<[u64; 3]> {
    let rest = line.strip_prefix("total: ")?;
    let mut counts = rest.split(", ").map(|part| part.split(' ').next()?.parse().ok());
    Some([counts.next()??, counts.next()??, counts.next()??])
}

/// A tree under git.
struct Git<'a> {
    toolbox: &'a Toolbox,
    tree: &'a Path,
}

impl Git<'_> {
    /// Makes a repository of the tree as it is.
    fn commit(&self, message: &str) -> Result<()> {
        let progress = Progress::new("QEMU as a git tree", 0, "");
        run(STEP, &mut self.git(&["init", "--quiet"]))?;
        run(STEP, &mut self.git(&["add", "--all"]))?;
        run(STEP, &mut self.git(&["commit", "--quiet", "--message", message]))?;
        run(STEP, &mut self.git(&["tag", "base"]))?;
        progress.finish();
        Ok(())
    }

    fn apply(&self, patch: &Path) -> Result<()> {
        let name = patch.file_name().unwrap_or_default().to_string_lossy();
        run(&format!("git am {name}"), self.git(&["am", "--quiet"]).arg(patch))
    }

    /// The commits of the series, in their order.
    fn series(&self) -> Result<Vec<String>> {
        let list = ["rev-list", "--reverse", "base..HEAD"];
        let commits = output("listing the series", &mut self.git(&list))?;
        Ok(commits.lines().map(str::to_owned).collect())
    }

    fn checkout(&self, commit: &str) -> Result<()> {
        run(STEP, &mut self.git(&["checkout", "--quiet", commit]))
    }

    /// Independent of the user's own settings: no signing, no hooks.
    fn git(&self, arguments: &[&str]) -> Command {
        let mut git = Command::new("git");
        let someone = [
            ("GIT_AUTHOR_NAME", "vgpio"),
            ("GIT_AUTHOR_EMAIL", "vgpio@localhost"),
            ("GIT_COMMITTER_NAME", "vgpio"),
            ("GIT_COMMITTER_EMAIL", "vgpio@localhost"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_SYSTEM", "/dev/null"),
        ];
        git.args(arguments).envs(someone).current_dir(self.tree);
        // Set where this is run from a hook of another repository.
        git.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").env_remove("GIT_INDEX_FILE");
        self.toolbox.apply(&mut git);
        git
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkers_totals() {
        assert_eq!(totals("total: 1 errors, 2 warnings, 345 lines checked"), Some([1, 2, 345]));
        assert_eq!(totals("WARNING: line over 80 characters"), None);
    }
}
