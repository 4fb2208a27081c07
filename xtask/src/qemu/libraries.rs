// SPDX-License-Identifier: MIT OR Apache-2.0
//! The libraries that QEMU is built on, unpacked from the host's own release into a folder of their own.
//!
//! Kept apart from the tools: their headers and linker names must not reach any other build.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt::{Apt, describe, host_release};
use crate::cache::{Cache, key, read, write};
use crate::command::run;
use crate::error::{Error, Result};

/// Packages to build with, and the start of the name of the one each has to run with. All are fetched even where
/// the host has them, since the linker name of the one is a link to the other.
const PACKAGES: [(&str, &str); 4] = [
    ("libglib2.0-dev", "libglib2.0-0"),
    ("libpcre2-dev", "libpcre2-8-0"),
    ("libfdt-dev", "libfdt1"),
    ("zlib1g-dev", "zlib1g"),
];
/// Raised when the steps below change what comes out.
const RECIPE: &str = "1";

/// The folder with them.
pub struct Libraries {
    root: PathBuf,
}

impl Libraries {
    /// Fetches them, unless the cache has them.
    ///
    /// # Errors
    /// A package cannot be had.
    pub fn get(cache: &Cache) -> Result<Self> {
        let release = host_release().map_or_else(|| "other".to_owned(), |(name, _)| name);
        let mut inputs: Vec<&[u8]> = vec![RECIPE.as_bytes(), release.as_bytes()];
        inputs.push(env::consts::ARCH.as_bytes());
        inputs.extend(PACKAGES.iter().map(|(package, _)| package.as_bytes()));
        let key = key(&inputs);
        let root = cache.entry("qemu-libraries", &key, false, |_, out| {
            let no_apt =
                || Error::NoApt { programs: PACKAGES.map(|(name, _)| name.to_owned()).to_vec() };
            let _lock = cache.lock("toolbox")?;
            let apt = Apt::open(cache, None)?.ok_or_else(no_apt)?;
            let mut wanted = Vec::new();
            for (package, runtime) in PACKAGES {
                wanted.extend([package.to_owned(), apt.dependency(package, runtime)?]);
            }
            let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
            let files = apt.fetch(&wanted)?;
            for file in &files {
                let mut dpkg = Command::new("dpkg-deb");
                run("unpacking a library", dpkg.arg("-x").arg(file).arg(out))?;
            }
            write(&out.join("packages.txt"), describe(&files)?)?;
            // The files name the final folder, which `out` becomes.
            relocate(out, &cache.path(&format!("qemu-libraries-{key}")))?;
            apt.clean()
        })?;
        Ok(Self { root })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the libraries are.
    pub fn folders(&self) -> [PathBuf; 2] {
        ["usr/lib", "lib"].map(|folder| multiarch(&self.root.join(folder)))
    }

    /// Where pkg-config looks for them.
    pub fn pkg_config(&self) -> [PathBuf; 2] {
        pkg_config(&self.root)
    }
}

fn multiarch(folder: &Path) -> PathBuf {
    folder.join(format!("{}-linux-gnu", env::consts::ARCH))
}

fn pkg_config(root: &Path) -> [PathBuf; 2] {
    [multiarch(&root.join("usr/lib")), root.join("usr/share")]
        .map(|folder| folder.join("pkgconfig"))
}

/// Lets the pkg-config files name `root` in place of /.
fn relocate(out: &Path, root: &Path) -> Result<()> {
    for folder in pkg_config(out) {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let file = entry.map_err(Error::file("read", &folder))?.path();
            let text = read(&file)?.replace("=/usr", &format!("={}/usr", root.display()));
            write(&file, text)?;
        }
    }
    Ok(())
}
