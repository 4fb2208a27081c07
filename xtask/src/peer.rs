// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds `vhost-device-gpio`, rust-vmm's backend for virtio GPIO devices, for the benchmark that compares the two.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::{Cache, create_dir, key, read, write};
use crate::command::{output, run};
use crate::error::{Error, Result};
use crate::libgpiod::Libgpiod;
use crate::workspace::{Workspace, cargo_path};

/// The package, as crates.io has it.
const NAME: &str = "vhost-device-gpio";
/// The newest that is published.
const VERSION: &str = "0.1.0";
/// The only change that is made to it. QEMU sets each queue of a vhost-user device to 1,024 entries, and a backend that
/// allows fewer is refused at `SET_VRING_NUM`.
const QUEUE_SIZE: Change = Change {
    file: "src/vhu_gpio.rs",
    from: "const QUEUE_SIZE: usize = 256;",
    to: "const QUEUE_SIZE: usize = 1024;",
};
/// The stand-in for libgpiod, in this checkout.
const MOCK: &str = "tests/peer/libgpiod.c";
/// What programs that link libgpiod 2.1 or newer look for.
const SONAME: &str = "libgpiod.so.3";
/// Raised when the steps below change what comes out.
const RECIPE: &str = "1";

/// A line of a file, and what takes its place.
struct Change {
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

/// The peer, and the libraries that it can be started with.
pub struct Peer {
    folder: PathBuf,
    libgpiod: Libgpiod,
}

impl Peer {
    /// The peer, building it if the cache has none, by the compiler that builds the daemon.
    ///
    /// # Errors
    /// Its source or a tool cannot be had, or the build fails.
    pub fn build(cache: &Cache, workspace: &Workspace) -> Result<Self> {
        let libgpiod = Libgpiod::build(cache, false)?;
        let mock = read(&workspace.root().join(MOCK))?;
        let compiler = output("asking for the compiler", Command::new("rustc").arg("--version"))?;
        let prefix = libgpiod.prefix().display().to_string();
        let inputs = [RECIPE, VERSION, QUEUE_SIZE.to, &mock, &compiler, &prefix];
        let folder =
            cache.entry("peer", &key(&inputs.map(str::as_bytes)), false, |scratch, out| {
                let source = fetch(&scratch.join("fetch"))?;
                QUEUE_SIZE.apply(&source)?;
                compile(&libgpiod, &source, &scratch.join("target"), &out.join(NAME))?;
                compile_mock(&libgpiod, &workspace.root().join(MOCK), &out.join("mock"))?;
                let text = format!("{NAME} {VERSION}, {}, {compiler}", QUEUE_SIZE.to);
                write(&out.join("source.txt"), text)
            })?;
        Ok(Self { folder, libgpiod })
    }

    /// How the benchmark is told of it.
    pub fn environment(&self, gpio_sim: bool) -> [(&'static str, PathBuf); 2] {
        let libraries = if gpio_sim { self.libgpiod.libraries() } else { self.folder.join("mock") };
        [("VGPIO_PEER", self.folder.join(NAME)), ("VGPIO_PEER_LIBRARIES", libraries)]
    }
}

impl Change {
    fn apply(&self, source: &Path) -> Result<()> {
        let path = source.join(self.file);
        let text = read(&path)?;
        if text.matches(self.from).count() != 1 {
            let (name, from) = (path.display(), self.from);
            return Err(Error::Findings(format!("{name} has not one `{from}`")));
        }
        write(&path, text.replace(self.from, self.to))
    }
}

/// Has cargo vendor the package for a crate that depends on it; returns the folder with its source.
fn fetch(scratch: &Path) -> Result<PathBuf> {
    create_dir(&scratch.join("src"))?;
    write(&scratch.join("src/lib.rs"), "")?;
    let text = format!(
        "[package]\nname = \"fetch\"\nedition = \"2024\"\n[dependencies]\n{NAME} = \"={VERSION}\"\n[workspace]\nexclude = [\"vendor\"]\n"
    );
    write(&scratch.join("Cargo.toml"), text)?;
    let mut cargo = Command::new(cargo_path());
    run("fetching vhost-device-gpio", cargo.args(["vendor", "vendor"]).current_dir(scratch))?;
    Ok(scratch.join("vendor").join(NAME))
}

/// As it is published: its own locked dependencies, and cargo's release profile, of which it changes nothing.
fn compile(libgpiod: &Libgpiod, source: &Path, target: &Path, to: &Path) -> Result<()> {
    let mut cargo = Command::new(cargo_path());
    cargo.args(["build", "--release", "--locked"]).current_dir(source);
    run("building vhost-device-gpio", libgpiod.apply(cargo.env("CARGO_TARGET_DIR", target))?)?;
    let program = target.join("release").join(NAME);
    std::fs::copy(&program, to).map_err(Error::file("copy", &program))?;
    Ok(())
}

fn compile_mock(libgpiod: &Libgpiod, source: &Path, folder: &Path) -> Result<()> {
    create_dir(folder)?;
    let mut compiler = Command::new("cc");
    compiler
        .args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"])
        .arg(format!("-Wl,-soname,{SONAME}"))
        .arg("-I")
        .arg(libgpiod.prefix().join("include"))
        .arg("-o")
        .arg(folder.join(SONAME))
        .arg(source);
    run("compiling the stand-in for libgpiod", &mut compiler)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_made_where_it_fits_and_nowhere_else() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let change = Change { file: "a", from: "size = 1;", to: "size = 2;" };
        let file = folder.path().join("a");
        write(&file, "let size = 1;\n").expect("a file");
        change.apply(folder.path()).expect("it fits");
        assert_eq!(read(&file).expect("a file"), "let size = 2;\n");
        change.apply(folder.path()).expect_err("it is not there any more");
        write(&file, "size = 1;size = 1;").expect("a file");
        change.apply(folder.path()).expect_err("which one?");
    }
}
