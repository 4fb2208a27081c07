// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds libgpiod 2.x, library and tools, from its release archive: the daemon's second chip driver is built on
//! it, and the tests take its tools as an independent check.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::available_parallelism;

use crate::apt::{Apt, describe};
use crate::cache::{Cache, create_dir, key, write};
use crate::command::{output, run};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::toolbox::{self, Toolbox, join};

/// The suite whose source package is taken: the first with libgpiod 2.x.
const SUITE: &str = "trixie";
/// Raised when the steps below change what comes out.
const RECIPE: &str = "1";

/// An installed libgpiod and what its users need beside it.
#[derive(Clone, Debug)]
pub struct Libgpiod {
    prefix: PathBuf,
    toolbox: Toolbox,
    libclang: Option<PathBuf>,
}

impl Libgpiod {
    /// The installed libgpiod, building it if the cache has none.
    ///
    /// # Errors
    /// The source or a tool cannot be had, or the build fails.
    pub fn build(cache: &Cache, rebuild: bool) -> Result<Self> {
        let toolbox = Toolbox::with(cache, toolbox::LIBGPIOD)?;
        let own = env::var_os("VGPIO_LIBGPIOD_SOURCE").map(PathBuf::from);
        let own_name = own.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        let inputs = key(&[RECIPE.as_bytes(), SUITE.as_bytes(), own_name.as_bytes()]);
        let prefix = cache.entry("libgpiod", &inputs, rebuild, |scratch, out| {
            let archive = match own {
                Some(path) => path,
                None => fetch(cache, scratch)?,
            };
            // Installed paths name the final folder, which `out` becomes.
            let prefix = cache.path(&format!("libgpiod-{inputs}"));
            compile(&toolbox, &archive, &scratch.join("source"), &prefix, out)?;
            write(&out.join("source.txt"), describe(&[archive])?)
        })?;
        let libclang = toolbox.libclang(cache)?;
        Ok(Self { prefix, toolbox, libclang })
    }

    /// The folder with gpioinfo and the other tools.
    pub fn programs(&self) -> PathBuf {
        self.prefix.join("bin")
    }

    /// The folder with the shared library.
    pub fn libraries(&self) -> PathBuf {
        self.prefix.join("lib")
    }

    /// The installed folder itself.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// Lets cargo build the crate `libgpiod` and run what links it.
    ///
    /// # Errors
    /// The C compiler does not say where its headers are.
    pub fn apply<'a>(&self, command: &'a mut Command) -> Result<&'a mut Command> {
        self.toolbox.apply(command);
        let mut libraries = vec![self.libraries()];
        libraries.extend(self.toolbox.libraries());
        command
            .env("PKG_CONFIG_PATH", join("PKG_CONFIG_PATH", &[self.libraries().join("pkgconfig")]))
            .env("LD_LIBRARY_PATH", join("LD_LIBRARY_PATH", &libraries));
        if let Some(folder) = &self.libclang {
            // A libclang without its clang has no headers of its own, such as stddef.h: the C compiler's will do.
            let headers = output(
                "asking cc for its headers",
                Command::new("cc").arg("-print-file-name=include"),
            )?;
            command
                .env("LIBCLANG_PATH", folder)
                .env("BINDGEN_EXTRA_CLANG_ARGS", format!("-isystem {}", headers.trim()));
        }
        Ok(command)
    }

    /// The same as [`Libgpiod::apply`], for a shell.
    ///
    /// # Errors
    /// As [`Libgpiod::apply`].
    pub fn shell_commands(&self) -> Result<String> {
        let mut command = Command::new("cargo");
        let mut text = String::new();
        for (name, value) in self.apply(&mut command)?.get_envs() {
            let value = value.unwrap_or_default().to_string_lossy().replace('\'', r"'\''");
            text.extend(["export ", &name.to_string_lossy(), "='", &value, "'\n"]);
        }
        Ok(text)
    }
}

fn fetch(cache: &Cache, scratch: &Path) -> Result<PathBuf> {
    let no_package = || Error::NoPackage { package: format!("libgpiod of {SUITE}") };
    Apt::open(cache, Some(SUITE))?.ok_or_else(no_package)?.fetch_source("libgpiod", scratch)
}

fn compile(
    toolbox: &Toolbox,
    archive: &Path,
    tree: &Path,
    prefix: &Path,
    out: &Path,
) -> Result<()> {
    create_dir(tree)?;
    let progress = Progress::new("libgpiod", 0, "");
    let step = "building libgpiod";
    let in_tree = |program: &str| {
        let mut command = Command::new(program);
        command.current_dir(tree);
        toolbox.apply(&mut command);
        command
    };
    run(step, in_tree("tar").args(["--extract", "--strip-components=1", "--file"]).arg(archive))?;
    let configure = ["--enable-tools", "--disable-static", "--disable-dependency-tracking"];
    run(
        step,
        in_tree("./configure").args(configure).arg(format!("--prefix={}", prefix.display())),
    )?;
    let jobs = available_parallelism().map_or(1, usize::from);
    run(step, in_tree("make").arg(format!("-j{jobs}")).env_remove("MAKEFLAGS"))?;
    let staging = tree.join("staging");
    run(
        step,
        in_tree("make")
            .arg("install")
            .arg(format!("DESTDIR={}", staging.display()))
            .env_remove("MAKEFLAGS"),
    )?;
    let installed = staging.join(prefix.strip_prefix("/").unwrap_or(prefix));
    for folder in ["bin", "lib", "include"] {
        let from = installed.join(folder);
        std::fs::rename(&from, out.join(folder)).map_err(Error::file("move", &from))?;
    }
    progress.finish();
    Ok(())
}
