// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the kernel's own programs that use GPIO lines: its tools, and the helpers of its self-tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::architecture::Architecture;
use crate::cache::{Cache, create_dir, key, write};
use crate::command::run;
use crate::error::Result;
use crate::kernel;
use crate::progress::Progress;
use crate::toolbox::{self, Toolbox};

/// Their folders in the kernel's source.
const TOOLS: &str = "tools/gpio";
const HELPERS: &str = "tools/testing/selftests/gpio";
/// The programs, each of one file, and what some have in common.
const PROGRAMS: [(&str, &str, Option<&str>); 7] = [
    (TOOLS, "gpio-event-mon", Some(COMMON)),
    (TOOLS, "gpio-hammer", Some(COMMON)),
    (TOOLS, "gpio-watch", None),
    (TOOLS, "lsgpio", Some(COMMON)),
    (HELPERS, "gpio-chip-info", None),
    (HELPERS, "gpio-line-name", None),
    (HELPERS, "gpio-mockup-cdev", None),
];
const COMMON: &str = "gpio-utils.c";
/// Raised when the steps below change what comes out.
const RECIPE: &str = "1";

/// The names of the programs.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROGRAMS.iter().map(|(_, name, _)| *name)
}

/// The folder with the programs, built for this architecture if the cache has none.
///
/// # Errors
/// The source or a tool cannot be had, or a program does not build.
pub fn build(cache: &Cache, architecture: &Architecture, rebuild: bool) -> Result<PathBuf> {
    let compiler = architecture.compiler();
    let mut inputs = vec![RECIPE.to_owned(), compiler.0.to_owned()];
    inputs.extend(kernel::pinned()?);
    inputs.extend(names().map(str::to_owned));
    let inputs: Vec<&[u8]> = inputs.iter().map(String::as_bytes).collect();
    cache.entry("kernel-tools", &key(&inputs), rebuild, |scratch, out| {
        let toolbox = Toolbox::with(cache, &[toolbox::KERNEL, &[compiler]].concat())?;
        let archive = kernel::archive(cache, scratch)?;
        let progress = Progress::new("the kernel's GPIO tools", 0, "");
        let tree = scratch.join("linux");
        unpack(&toolbox, &archive.path, &tree)?;
        for (folder, name, common) in PROGRAMS {
            let folder = tree.join(folder);
            let mut command = Command::new(compiler.0);
            // Static: built against the host's C library, run beside the guest's.
            command.args(["-O2", "-static", "-s", "-D_GNU_SOURCE", "-o"]).arg(out.join(name));
            command.arg(folder.join(name).with_extension("c"));
            command.args(common.map(|file| folder.join(file)));
            run(&format!("compiling the kernel's {name}"), toolbox.apply(&mut command))?;
        }
        progress.finish();
        write(&out.join("source.txt"), archive.origin)
    })
}

fn unpack(toolbox: &Toolbox, archive: &Path, tree: &Path) -> Result<()> {
    create_dir(tree)?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--strip-components=1", "--wildcards", "--file"]).arg(archive);
    tar.args([TOOLS, HELPERS].map(|folder| format!("*/{folder}/*"))).current_dir(tree);
    run("unpacking the kernel's GPIO tools", toolbox.apply(&mut tar))
}
