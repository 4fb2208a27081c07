// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU as the distribution ships it, unpatched, with all that it needs in a folder of its own.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt::{Apt, describe};
use crate::architecture::Architecture;
use crate::cache::{Cache, create_dir, key, write};
use crate::command::run;
use crate::error::{Error, Result};

/// The suite whose QEMU is 10.0, the first of Debian's that lets a guest have interrupts of a virtio GPIO device.
const SUITE: &str = "trixie";
/// This host's architecture, as Debian calls it.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
/// Where the packages have the loader of programs, and the libraries.
const LOADER: &str = if cfg!(target_arch = "aarch64") {
    "usr/lib/ld-linux-aarch64.so.1"
} else {
    "usr/lib64/ld-linux-x86-64.so.2"
};
const LIBRARIES: &str = if cfg!(target_arch = "aarch64") {
    "usr/lib/aarch64-linux-gnu"
} else {
    "usr/lib/x86_64-linux-gnu"
};
/// Raised when the steps below change what comes out.
const RECIPE: &str = "2";

/// A script that runs the program for guests of this architecture, fetched if the cache has none. Minor updates are taken whenever it is fetched.
///
/// # Errors
/// A package cannot be had.
pub fn program(cache: &Cache, guest: &Architecture, rebuild: bool) -> Result<PathBuf> {
    let package = guest.qemu_package;
    let program = format!("qemu-system-{}", guest.gnu);
    let key = key(&[RECIPE, SUITE, package, ARCHITECTURE].map(str::as_bytes));
    let folder = cache.path(&format!("qemu-stock-{key}"));
    cache.entry("qemu-stock", &key, rebuild, |_, out| {
        let no_package = || Error::NoPackage { package: format!("{package} of {SUITE}") };
        let apt = Apt::open_foreign(cache, SUITE, ARCHITECTURE)?.ok_or_else(no_package)?;
        let files = apt.fetch(&[package])?;
        let root = out.join("root");
        create_dir(&root)?;
        for file in &files {
            run("unpacking QEMU", Command::new("dpkg-deb").arg("-x").arg(file).arg(&root))?;
        }
        write(&out.join("packages.txt"), describe(&files)?)?;
        apt.clean()?;
        script(&out.join(&program), &folder.join("root"), &program)
    })?;
    Ok(folder.join(program))
}

/// Writes a script that runs a program in this root, with the libraries and files that are there.
fn script(script: &Path, root: &Path, program: &str) -> Result<()> {
    let root = root.display();
    let text = format!(
        "#!/bin/sh\nexec {root}/{LOADER} --library-path {root}/{LIBRARIES} {root}/usr/bin/{program} \
         -L {root}/usr/share/qemu -L {root}/usr/share/seabios \"$@\"\n"
    );
    write(script, text)?;
    fs::set_permissions(script, Permissions::from_mode(0o755))
        .map_err(Error::file("make executable", script))
}
