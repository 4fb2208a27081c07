// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds QEMU with the series of `qemu-patches`, and checks that series patch by patch.

pub mod agree;
mod build;
mod check;
mod libraries;
mod line;
mod source;
pub mod stock;
mod vgpio;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use tempfile::TempDir;

use crate::architecture::{ARM64, X86_64};
use crate::cache::{Cache, create_dir, key, read, write};
use crate::command::run as run_program;
use crate::error::{Error, Result};
use crate::toolbox::{self, Toolbox};
use crate::workspace::Workspace;

use build::Build;
use libraries::Libraries;
pub use line::{LINES, Line, parser};
use source::Source;
use vgpio::Vgpio;

/// Raised when the steps of this module change what comes out.
const RECIPE: &str = "3";

/// The program that the qtests run on, and the qtest that also has boards of another one.
const PROGRAM: &str = build::PROGRAMS[0];
const ALSO_ON: (&str, &str) = ("gpiodev-generic-test", build::PROGRAMS[1]);
/// How long a qtest may take; they take seconds.
const QTEST_SECONDS: &str = "300";

/// What to do with QEMU.
#[derive(Args)]
pub struct Options {
    /// The release line
    #[arg(long, value_name = "LINE", value_parser = parser(), default_value = LINES[0].name)]
    line: &'static Line,
    /// Build it again
    #[arg(long)]
    rebuild: bool,
    /// Check the series: each patch applies with git am, passes checkpatch.pl and builds
    #[arg(long, conflicts_with = "tree")]
    check: bool,
    /// Fetch the QEMU of Debian, without the series, for guests of arm64 and of 64-bit x86
    #[arg(long, conflicts_with_all = ["check", "tree", "line"])]
    stock: bool,
    /// Only leave QEMU's source with the series as git commits here, for work on the series
    #[arg(long, value_name = "DIR", conflicts_with = "rebuild")]
    tree: Option<PathBuf>,
}

/// Does it, and returns what to print: the programs' paths, the report of the check, or the tree's path.
///
/// # Errors
/// Something cannot be fetched or built, or the series fails its check.
pub fn run(cache: &Cache, workspace: &Workspace, options: &Options) -> Result<String> {
    if let Some(tree) = &options.tree {
        check::tree(cache, &Series::load(workspace, options.line)?, tree)?;
        return Ok(tree.display().to_string());
    }
    if options.stock {
        let mut programs = Vec::new();
        for guest in [&ARM64, &X86_64] {
            programs.push(stock::program(cache, guest, options.rebuild)?.display().to_string());
        }
        return Ok(programs.join("\n"));
    }
    if options.check {
        return check(cache, workspace, options.line, options.rebuild);
    }
    Ok(program(cache, workspace, options.line, options.rebuild)?.display().to_string())
}

/// The qtests that the series adds, each ready to run on the patched QEMU, with its name.
///
/// # Errors
/// As [`program`].
pub fn qtests(
    cache: &Cache,
    workspace: &Workspace,
    line: &'static Line,
) -> Result<Vec<(String, Command)>> {
    let program = program(cache, workspace, line, false)?;
    let folder = program.with_file_name("..").join(build::QTESTS);
    let command = |name: &str, on: &str| {
        let mut command = Command::new("timeout");
        command
            .arg(QTEST_SECONDS)
            .arg(folder.join(name))
            .args(["--tap", "-k"])
            .env("QTEST_QEMU_BINARY", program.with_file_name(on))
            .env("QTEST_QEMU_IMG", program.with_file_name("qemu-img"));
        command
    };
    let mut commands = Vec::new();
    for target in Series::load(workspace, line)?.qtests()? {
        let name = target.rsplit('/').next().unwrap_or(&target);
        commands.push((name.to_owned(), command(name, PROGRAM)));
        let (also, on) = ALSO_ON;
        if name == also {
            commands.push((format!("{name} on {on}"), command(name, on)));
        }
    }
    Ok(commands)
}

/// `qemu-system-aarch64`, built if the cache has none for this series, with this checkout's libvgpio.
///
/// `qemu-img` is beside it. Both run as they are, without a library path.
///
/// # Errors
/// Something cannot be fetched, or the build fails.
pub fn program(
    cache: &Cache,
    workspace: &Workspace,
    line: &'static Line,
    rebuild: bool,
) -> Result<PathBuf> {
    let series = Series::load(workspace, line)?;
    let vgpio = Vgpio::build(cache, workspace)?;
    let folder = cache.entry("qemu", &series.key(workspace)?, rebuild, |scratch, out| {
        let toolbox = Toolbox::with(cache, toolbox::QEMU)?;
        let source = Source::get(cache, &toolbox, line)?;
        let build = Build::new(cache, toolbox, &vgpio, line, scratch)?;
        source.unpack(&build.toolbox, &build.tree)?;
        for patch in &series.patches {
            build.patch(patch)?;
        }
        build.configure(&[])?;
        let qtests = series.qtests()?;
        let targets = build::PROGRAMS.into_iter().chain(qtests.iter().map(String::as_str));
        build.ninja("QEMU", &targets.collect::<Vec<_>>())?;
        build.collect(&qtests, out)?;
        write(&out.join("source.txt"), &source.origin)
    })?;
    // The library is not part of the key: whoever works on it need not build QEMU again. So each checkout
    // has its own copy of the program, with its own library.
    let own = own_copy(workspace, &folder)?;
    vgpio.install(&own.join("lib"))?;
    Ok(own.join("bin").join(PROGRAM))
}

/// Copies what the cache has into this checkout's build folder, once.
fn own_copy(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let copies = workspace.target_folder().join("qemu");
    let own = copies.join(folder.file_name().unwrap_or_default());
    if own.is_dir() {
        return Ok(own);
    }
    create_dir(&copies)?;
    let scratch = TempDir::with_prefix_in("copy-", &copies)
        .map_err(Error::file("create a folder in", &copies))?;
    let copy = scratch.path().join("qemu");
    run_program("copying QEMU", Command::new("cp").arg("--recursive").args([folder, &copy]))?;
    match fs::rename(&copy, &own) {
        // Another run was faster.
        Err(_) if own.is_dir() => Ok(own),
        renamed => renamed.map(|()| own).map_err(Error::file("put into place", &copy)),
    }
}

/// Checks the series, unless it has been found good as it is; returns the report.
///
/// # Errors
/// Something cannot be fetched, or the series fails.
pub fn check(
    cache: &Cache,
    workspace: &Workspace,
    line: &'static Line,
    again: bool,
) -> Result<String> {
    let series = Series::load(workspace, line)?;
    let folder = cache.entry("qemu-check", &series.key(workspace)?, again, |scratch, out| {
        let toolbox = Toolbox::with(cache, toolbox::QEMU)?;
        let vgpio = Vgpio::build(cache, workspace)?;
        let build = Build::new(cache, toolbox, &vgpio, line, scratch)?;
        write(&out.join("report.txt"), check::series(cache, &build, &series)?)
    })?;
    Ok(read(&folder.join("report.txt"))?.trim_end().to_owned())
}

/// The patches for a release line, in their order, without the cover letter.
struct Series {
    line: &'static Line,
    patches: Vec<PathBuf>,
}

impl Series {
    fn load(workspace: &Workspace, line: &'static Line) -> Result<Self> {
        let mut patches = files(&line.folder(workspace))?;
        patches.retain(|path| is_patch(path));
        Ok(Self { line, patches })
    }

    /// What to build for the qtests that the series adds, as their patches' summaries of new files tell.
    fn qtests(&self) -> Result<Vec<String>> {
        let mut targets = Vec::new();
        for patch in &self.patches {
            targets.extend(read(patch)?.lines().filter_map(added_qtest).map(str::to_owned));
        }
        Ok(targets)
    }

    /// Names everything that goes into the build but libvgpio's inside.
    fn key(&self, workspace: &Workspace) -> Result<String> {
        let header = workspace.root().join("frontend-pl061/include/vgpio.h");
        let mut inputs =
            vec![RECIPE.to_owned(), build::recipe(), source::pinned(self.line)?, read(&header)?];
        inputs.extend((!self.line.devices.is_empty()).then(|| self.line.devices.to_owned()));
        for patch in &self.patches {
            inputs.push(read(patch)?);
        }
        let inputs: Vec<&[u8]> = inputs.iter().map(String::as_bytes).collect();
        Ok(key(&inputs))
    }
}

/// The files of a folder, in their order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(Error::file("read", folder))?;
    let mut files = entries
        .map(|entry| Ok(entry.map_err(Error::file("read", folder))?.path()))
        .collect::<Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

/// The `tests/qtest/pl061-test` of a patch's ` create mode 100644 tests/qtest/pl061-test.c`.
fn added_qtest(line: &str) -> Option<&str> {
    let name = line.strip_prefix(" create mode 100644 ")?.strip_suffix(".c")?;
    (name.starts_with("tests/qtest/") && name.ends_with("-test")).then_some(name)
}

fn is_patch(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.extension().is_some_and(|extension| extension == "patch") && !name.starts_with("0000-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_tests_are_told_from_other_new_files() {
        let added = " create mode 100644 tests/qtest/pl061-test.c";
        assert_eq!(added_qtest(added), Some("tests/qtest/pl061-test"));
        assert_eq!(added_qtest(" create mode 100644 tests/qtest/gpiodev-mock.c"), None);
        assert_eq!(added_qtest(" tests/qtest/pl061-test.c | 12 ++"), None);
    }

    #[test]
    fn a_cover_letter_is_no_patch() {
        assert!(is_patch(Path::new("a/0001-pl061-x.patch")));
        assert!(!is_patch(Path::new("a/0000-cover-letter.patch")));
        assert!(!is_patch(Path::new("a/README.md")));
    }
}
