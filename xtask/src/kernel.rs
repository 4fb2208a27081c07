// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds a Linux kernel from the distribution's source package.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::available_parallelism;

use crate::apt::{Apt, describe};
use crate::cache::{Cache, create_dir, file_id, key, read, write};
use crate::command::{each_line, run};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::toolbox::{self, Tool, Toolbox};

/// The source package. Its minor updates are taken whenever the kernel is built, not waited for.
const PACKAGE: &str = "linux-source-6.12";
/// Raised when the steps below change what comes out.
const RECIPE: &str = "1";
/// Files in the source archive, about; for the progress display alone.
const SOURCE_FILES: u64 = 92_000;

/// A kernel that is to be built.
pub struct Kernel<'a> {
    /// What it is called in the cache.
    pub name: &'a str,
    /// What make is told: `ARCH=um`.
    pub arguments: &'a [String],
    /// Options beyond those of `allnoconfig`, in files that are read as one.
    pub fragments: &'a [PathBuf],
    /// Folder of changes to the source.
    pub patches: Option<&'a Path>,
    /// What it takes beside the tools of [`toolbox::KERNEL`].
    pub tools: &'a [Tool],
    /// Whether make builds its tool objtool, which takes libelf.
    pub objtool: bool,
    /// What is made, and is kept under this name.
    pub target: &'a str,
    /// Where make leaves it.
    pub image: &'a str,
    /// What make prints for this configuration, in lines; for the progress display alone.
    pub build_lines: u64,
}

/// The folder with the kernel and its `config`, built if the cache has none for this configuration and these
/// patches.
///
/// # Errors
/// The source or a tool cannot be had, an option of the fragment cannot be set, or the build fails.
pub fn build(cache: &Cache, kernel: &Kernel, rebuild: bool) -> Result<PathBuf> {
    let patches = kernel.patches.map(patches).transpose()?.unwrap_or_default();
    let options = kernel.fragments.iter().map(|file| read(file)).collect::<Result<String>>()?;
    let mut inputs = vec![RECIPE.to_owned()];
    inputs.extend(pinned()?);
    inputs.push(options.clone());
    for patch in &patches {
        inputs.push(read(patch)?);
    }
    let inputs: Vec<&[u8]> = inputs.iter().map(String::as_bytes).collect();
    cache.entry(kernel.name, &key(&inputs), rebuild, |scratch, out| {
        let tools = [toolbox::KERNEL, kernel.tools].concat();
        let toolbox = Toolbox::with(cache, &tools)?;
        let libelf = if kernel.objtool { toolbox.libelf(cache)? } else { None };
        let build = Build { toolbox, libelf, kernel, tree: scratch.join("linux") };
        let archive = archive(cache, scratch)?;
        build.untar(&archive.path)?;
        build.patch(&patches)?;
        build.configure(&options)?;
        build.make()?;
        for (from, to) in [(kernel.image, kernel.target), (".config", "config")] {
            let from = build.tree.join(from);
            fs::copy(&from, out.join(to)).map_err(Error::file("copy", &from))?;
        }
        write(&out.join("source.txt"), archive.origin)
    })
}

fn patches(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(Error::file("read", folder))?;
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut patches: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|e| e == "patch")).collect();
    patches.sort();
    Ok(patches)
}

/// The archive that the user names, if one is named.
fn own_source() -> Option<PathBuf> {
    env::var_os("VGPIO_LINUX_SOURCE").map(PathBuf::from)
}

/// Names the source, without having it.
///
/// # Errors
/// The archive that the user names cannot be read.
pub fn pinned() -> Result<[String; 2]> {
    let own = own_source().map(|path| file_id(&path)).transpose()?.unwrap_or_default();
    Ok([PACKAGE.to_owned(), own])
}

/// The kernel's source as it was fetched.
pub struct Archive {
    /// The file.
    pub path: PathBuf,
    /// Name and checksum, for the records.
    pub origin: String,
}

/// The source, fetched into `scratch` unless the user names an archive.
///
/// # Errors
/// It cannot be had.
pub fn archive(cache: &Cache, scratch: &Path) -> Result<Archive> {
    if let Some(path) = own_source() {
        let origin = format!("{}\n", path.display());
        return Ok(Archive { path, origin });
    }
    let no_package = || Error::NoPackage { package: PACKAGE.to_owned() };
    let package = Apt::open(cache, None)?.ok_or_else(no_package)?.fetch_alone(PACKAGE, scratch)?;
    let origin = describe(std::slice::from_ref(&package))?;
    let unpacked = scratch.join("package");
    let mut dpkg = Command::new("dpkg-deb");
    run("unpacking the kernel source", dpkg.arg("-x").args([&package, &unpacked]))?;
    Ok(Archive { path: unpacked.join(format!("usr/src/{PACKAGE}.tar.xz")), origin })
}

struct Build<'a> {
    toolbox: Toolbox,
    /// Where the library is, if it is needed and not where compilers look.
    libelf: Option<PathBuf>,
    kernel: &'a Kernel<'a>,
    tree: PathBuf,
}

impl Build<'_> {
    fn untar(&self, archive: &Path) -> Result<()> {
        create_dir(&self.tree)?;
        let mut progress = Progress::new("kernel source", SOURCE_FILES, "files");
        let mut tar = Command::new("tar");
        tar.args(["--extract", "--verbose", "--strip-components=1", "--file"])
            .arg(archive)
            .current_dir(&self.tree);
        each_line("unpacking the kernel source", self.toolbox.apply(&mut tar), |_| {
            progress.step();
        })?;
        progress.finish();
        Ok(())
    }

    fn patch(&self, patches: &[PathBuf]) -> Result<()> {
        for file in patches {
            let mut patch = Command::new("patch");
            patch
                .args(["--strip=1", "--forward", "--batch", "--input"])
                .arg(file)
                .current_dir(&self.tree);
            run("patching the kernel", self.toolbox.apply(&mut patch))?;
        }
        Ok(())
    }

    fn configure(&self, options: &str) -> Result<()> {
        let wanted = self.tree.join("wanted.config");
        write(&wanted, options)?;
        run(
            "configuring the kernel",
            self.make_command().arg("allnoconfig").env("KCONFIG_ALLCONFIG", &wanted),
        )?;
        let missing = missing_options(options, &read(&self.tree.join(".config"))?);
        if missing.is_empty() { Ok(()) } else { Err(Error::KernelConfig { missing }) }
    }

    fn make(&self) -> Result<()> {
        let jobs = available_parallelism().map_or(1, usize::from);
        let mut progress = Progress::new("kernel", self.kernel.build_lines, "files");
        each_line(
            "building the kernel",
            self.make_command().arg(format!("-j{jobs}")).arg(self.kernel.target),
            |_| {
                progress.step();
            },
        )?;
        progress.finish();
        Ok(())
    }

    fn make_command(&self) -> Command {
        let mut make = Command::new("make");
        // Fixed, so that the same inputs give the same program.
        let fixed = [("KBUILD_BUILD_USER", "vgpio"), ("KBUILD_BUILD_HOST", "rig"), ("LC_ALL", "C")];
        make.args(self.kernel.arguments)
            .current_dir(&self.tree)
            .envs(fixed)
            .env_remove("MAKEFLAGS");
        if let Some(libelf) = self.libelf.as_ref().map(|prefix| prefix.display()) {
            let machine = env::consts::ARCH;
            make.arg(format!("HOSTCFLAGS=-I{libelf}/include"));
            make.arg(format!("HOSTLDFLAGS=-L{libelf}/lib/{machine}-linux-gnu"));
        }
        self.toolbox.apply(&mut make);
        make
    }
}

/// The lines of the fragment that the final configuration does not have.
fn missing_options(fragment: &str, config: &str) -> Vec<String> {
    let wanted = fragment.lines().filter(|line| line.starts_with("CONFIG_"));
    wanted.filter(|line| !config.lines().any(|set| set == *line)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::missing_options;

    #[test]
    fn an_option_that_was_dropped_is_named() {
        let fragment = "# comment\nCONFIG_A=y\nCONFIG_B=y\nCONFIG_C=\"x\"\n";
        let config = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=\"y\"\n";
        assert_eq!(missing_options(fragment, config), ["CONFIG_B=y", "CONFIG_C=\"x\""]);
    }
}
