// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tools that the host lacks, unpacked into a private prefix; those that it has are used as they are.

use std::env;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt::{self, Apt};
use crate::cache::{Cache, create_dir};
use crate::command::{is_program, output, run, which};
use crate::error::{Error, Result};

/// A program and the Debian packages that have it and what it needs beside, with spaces between.
pub type Tool = (&'static str, &'static str);

/// What building a Linux kernel takes beside a C compiler.
pub const KERNEL: &[Tool] = &[
    ("flex", "flex"),
    ("bison", "bison"),
    ("m4", "m4"),
    ("bc", "bc"),
    ("make", "make"),
    ("perl", "perl"),
    ("xz", "xz-utils"),
    ("patch", "patch"),
];
/// What building libgpiod from its release archive takes beside a C compiler.
pub const LIBGPIOD: &[Tool] = &[("make", "make"), ("xz", "xz-utils"), ("pkg-config", "pkgconf")];
/// What making a guest takes; one for tests takes a C compiler for it, too.
pub const GUEST: &[Tool] = &[("xz", "xz-utils"), ("cpio", "cpio")];
/// What building QEMU and checking its series takes beside a C compiler.
pub const QEMU: &[Tool] = &[
    ("git", "git"),
    ("make", "make"),
    ("ninja", "ninja-build"),
    ("patch", "patch"),
    ("perl", "perl"),
    ("pkg-config", "pkgconf"),
    ("python3", "python3"),
    ("xz", "xz-utils"),
];
/// What the tests run.
pub const TESTS: &[Tool] =
    &[("strace", "strace"), ("python3", "python3"), ("dtc", "device-tree-compiler")];

/// Packages with pip and what it needs, which may be there for another Python than the first in `PATH`.
const PIP: [&str; 4] =
    ["python3-pip", "python3-setuptools", "python3-pkg-resources", "python3-wheel"];

/// The private prefix.
#[derive(Clone, Debug)]
pub struct Toolbox {
    prefix: PathBuf,
}

impl Toolbox {
    /// Makes sure that all these tools can be run, fetching those that are neither in `PATH` nor in the prefix.
    ///
    /// # Errors
    /// The host lacks some and has no apt, or fetching fails.
    pub fn with(cache: &Cache, tools: &[Tool]) -> Result<Self> {
        let release = apt::host_release().map_or_else(|| "other".to_owned(), |(name, _)| name);
        let toolbox =
            Self { prefix: cache.path(&format!("toolbox-{release}-{}", env::consts::ARCH)) };
        let lacking = toolbox.lacking(tools);
        if lacking.is_empty() {
            return Ok(toolbox);
        }
        let _lock = cache.lock("toolbox")?;
        let lacking = toolbox.lacking(&lacking);
        if !lacking.is_empty() {
            let apt = Apt::open(cache, None)?.ok_or_else(|| Error::NoApt {
                programs: lacking.iter().map(|&(program, _)| program.to_owned()).collect(),
            })?;
            let packages: Vec<&str> =
                lacking.iter().flat_map(|(_, packages)| packages.split(' ')).collect();
            toolbox.install(&apt, &packages)?;
            if let Some((program, packages)) = toolbox.lacking(&lacking).first() {
                let package = format!("{program} in {packages}");
                return Err(Error::NoPackage { package });
            }
        }
        Ok(toolbox)
    }

    /// Where libclang is, fetching it if the host has none. bindgen loads it to read C headers.
    ///
    /// # Errors
    /// As [`Toolbox::with`].
    pub fn libclang(&self, cache: &Cache) -> Result<Option<PathBuf>> {
        if env::var_os("LIBCLANG_PATH").is_some() || host_libclang() {
            return Ok(None);
        }
        let _lock = cache.lock("toolbox")?;
        if let Some(folder) = self.own_libclang() {
            return Ok(Some(folder));
        }
        let no_apt = || Error::NoApt { programs: vec!["libclang".to_owned()] };
        let apt = Apt::open(cache, None)?.ok_or_else(no_apt)?;
        self.install(&apt, &[&apt.newest("libclang1-")?])?;
        self.own_libclang().map(Some).ok_or_else(no_apt)
    }

    /// The prefix with libelf's header and library, fetched if the host does not have both.
    ///
    /// # Errors
    /// As [`Toolbox::with`].
    pub fn libelf(&self, cache: &Cache) -> Result<Option<PathBuf>> {
        const HEADER: &str = "usr/include/libelf.h";
        if Path::new("/").join(HEADER).is_file() {
            return Ok(None);
        }
        let _lock = cache.lock("toolbox")?;
        if !self.prefix.join(HEADER).is_file() {
            let no_apt = || Error::NoApt { programs: vec!["libelf".to_owned()] };
            let apt = Apt::open(cache, None)?.ok_or_else(no_apt)?;
            // By name, or it is left out where the host has the library alone.
            let library = apt.dependency("libelf-dev", "libelf1")?;
            self.install(&apt, &["libelf-dev", &library])?;
        }
        Ok(Some(self.prefix.join("usr")))
    }

    /// A folder for `PYTHONPATH` with pip, fetched if the host's Python has none, or cannot put it into a virtual
    /// environment.
    ///
    /// # Errors
    /// As [`Toolbox::with`].
    pub fn pip(&self, cache: &Cache) -> Result<Option<PathBuf>> {
        let probe = "from importlib.util import find_spec as has\n\
                     exit(not (has('pip') and (has('setuptools') or has('ensurepip'))))";
        let mut python = Command::new("python3");
        if run("looking for pip", self.apply(python.args(["-c", probe]))).is_ok() {
            return Ok(None);
        }
        let folder = self.prefix.join("usr/lib/python3/dist-packages");
        let _lock = cache.lock("toolbox")?;
        if !folder.join("pip").is_dir() {
            let no_apt = || Error::NoApt { programs: vec!["pip".to_owned()] };
            let apt = Apt::open(cache, None)?.ok_or_else(no_apt)?;
            self.install(&apt, &PIP)?;
        }
        Ok(Some(folder))
    }

    /// Lets a command find the tools and their libraries and data files.
    pub fn apply<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("PATH", self.path());
        if let Some(libraries) = self.libraries() {
            command.env("LD_LIBRARY_PATH", join("LD_LIBRARY_PATH", &[libraries]));
        }
        // Both have their folders compiled in.
        let (bison, m4) = (self.prefix.join("usr/share/bison"), self.prefix.join("usr/bin/m4"));
        if bison.is_dir() {
            command.env("BISON_PKGDATADIR", bison);
        }
        if is_program(&m4) {
            command.env("M4", m4);
        }
        command
    }

    /// `PATH` with the tools first.
    pub fn path(&self) -> OsString {
        join("PATH", &self.folders())
    }

    /// The folder of the tools' own libraries, if there is one.
    pub fn libraries(&self) -> Option<PathBuf> {
        let folder = self.prefix.join("usr/lib").join(format!("{}-linux-gnu", env::consts::ARCH));
        folder.is_dir().then_some(folder)
    }

    fn folders(&self) -> [PathBuf; 3] {
        // Some packages of older releases still have programs outside of /usr.
        ["usr/bin", "usr/sbin", "bin"].map(|folder| self.prefix.join(folder))
    }

    fn lacking(&self, tools: &[Tool]) -> Vec<Tool> {
        let own =
            |program: &str| self.folders().iter().any(|folder| is_program(&folder.join(program)));
        tools
            .iter()
            .copied()
            .filter(|(program, _)| which(program).is_none() && !own(program))
            .collect()
    }

    fn install(&self, apt: &Apt, packages: &[&str]) -> Result<()> {
        let files = apt.fetch(packages)?;
        create_dir(&self.prefix)?;
        for file in &files {
            run(
                "unpacking a tool",
                Command::new("dpkg-deb").arg("-x").arg(file).arg(&self.prefix),
            )?;
        }
        let record = self.prefix.join("packages.txt");
        let mut log = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&record)
            .map_err(Error::file("open", &record))?;
        log.write_all(apt::describe(&files)?.as_bytes()).map_err(Error::file("write", &record))?;
        apt.clean()
    }

    fn own_libclang(&self) -> Option<PathBuf> {
        let folder = self.libraries()?;
        let entries = std::fs::read_dir(&folder).ok()?;
        let found = entries.filter_map(std::result::Result::ok).any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libclang-") && name.contains(".so")
        });
        found.then_some(folder)
    }
}

/// A search path variable with some folders put first.
pub fn join(variable: &str, first: &[impl AsRef<Path>]) -> OsString {
    let old = env::var_os(variable).unwrap_or_default();
    let first = first.iter().map(|folder| folder.as_ref().to_owned());
    let old = env::split_paths(&old).filter(|folder| !folder.as_os_str().is_empty());
    // Only a folder with a colon in its name cannot be joined; then the old path has to do.
    env::join_paths(first.chain(old)).unwrap_or_default()
}

fn host_libclang() -> bool {
    let known =
        output("looking for libclang", Command::new("ldconfig").arg("-p")).unwrap_or_default();
    known
        .lines()
        .any(|line| line.trim_start().starts_with("libclang.so") || line.contains("libclang-1"))
}
