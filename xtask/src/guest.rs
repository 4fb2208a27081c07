// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes the guest: the distribution's arm64 kernel as it is, or a small one with a driver that it lacks, and an
//! initramfs with busybox, libgpiod's tools and the programs of `tests/guest`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt::{Apt, describe};
use crate::cache::{Cache, create_dir, key, read, write};
use crate::command::run;
use crate::error::{Error, Result};
use crate::kernel::{self, Kernel};
use crate::progress::Progress;
use crate::toolbox::{self, Toolbox};

/// The suite of the guest's packages: its kernel is 6.12, its libgpiod 2.2.
const SUITE: &str = "trixie";
/// The guest's architecture, as Debian calls it.
const ARCHITECTURE: &str = "arm64";
/// Depends on the newest kernel's package. Minor updates are taken whenever the guest is made, not waited for.
const KERNEL: &str = "linux-image-arm64";
/// What runs on it, fetched with what it needs.
const PACKAGES: [&str; 2] = ["busybox-static", "gpiod"];
/// Files of these packages that go into the initramfs, and where they go.
const FILES: [(&str, &str); 10] = [
    ("usr/bin/busybox", "bin"),
    ("usr/bin/gpiodetect", "bin"),
    ("usr/bin/gpioget", "bin"),
    ("usr/bin/gpioinfo", "bin"),
    ("usr/bin/gpiomon", "bin"),
    ("usr/bin/gpionotify", "bin"),
    ("usr/bin/gpioset", "bin"),
    ("usr/lib/ld-linux-aarch64.so.1", "lib"),
    ("usr/lib/aarch64-linux-gnu/libc.so.6", "lib"),
    ("usr/lib/aarch64-linux-gnu/libgpiod.so.3", "lib"),
];
/// Drivers that are modules of this kernel. None needs another.
const MODULES: [&str; 5] = [
    "drivers/gpio/gpio-rcar",
    "drivers/input/evdev",
    "drivers/input/keyboard/gpio_keys",
    "drivers/leds/leds-gpio",
    "drivers/leds/trigger/ledtrig-timer",
];
/// An arm64 kernel as make makes it.
const IMAGE: &str = "Image";
/// Raised when the steps below change what comes out.
const RECIPE: &str = "1";

/// What a guest boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boots {
    /// The distribution's kernel.
    Distribution,
    /// A kernel with the driver of virtio GPIO devices, built from the distribution's source.
    Virtio,
}

/// The folder with the guest's `kernel` and `initramfs`, made if the cache has none for these inputs.
///
/// # Errors
/// A package or a tool cannot be had, or does not have what is expected in it; a kernel does not build.
pub fn build(cache: &Cache, workspace: &Path, boots: Boots, rebuild: bool) -> Result<PathBuf> {
    let kernel = match boots {
        Boots::Distribution => None,
        Boots::Virtio => Some(virtio_kernel(cache, workspace, rebuild)?),
    };
    let programs = workspace.join("tests/guest");
    let (init, bench) = (programs.join("init"), programs.join("gpiobench.c"));
    let mut inputs = vec![RECIPE.to_owned(), SUITE.to_owned(), read(&init)?, read(&bench)?];
    inputs.extend(FILES.iter().map(|(from, to)| format!("{from} {to}")));
    inputs.extend(MODULES.map(str::to_owned));
    inputs.extend(kernel.iter().map(|folder| folder.display().to_string()));
    let inputs: Vec<&[u8]> = inputs.iter().map(String::as_bytes).collect();
    let key = key(&inputs);
    cache.entry("guest", &key, rebuild, |scratch, out| {
        let toolbox = Toolbox::with(cache, toolbox::GUEST)?;
        let build =
            Build { toolbox, packages: scratch.join("packages"), root: scratch.join("root") };
        write(&out.join("packages.txt"), build.unpack(cache, scratch)?)?;
        let progress = Progress::new("guest", 0, "");
        build.files()?;
        match &kernel {
            None => build.modules(&build.kernel(out)?)?,
            Some(folder) => {
                copy(&folder.join(IMAGE), &out.join("kernel"))?;
                copy(&folder.join("config"), &out.join("config"))?;
            }
        }
        copy(&init, &build.root.join("init"))?;
        build.compile(&bench, "gpiobench")?;
        build.pack(&out.join("initramfs"))?;
        progress.finish();
        anstream::eprintln!("boot it with: {}", example(&cache.path(&format!("guest-{key}"))));
        Ok(())
    })
}

/// The folder with the small kernel.
fn virtio_kernel(cache: &Cache, workspace: &Path, rebuild: bool) -> Result<PathBuf> {
    let compiler = format!("CROSS_COMPILE={}", toolbox::GUEST_COMPILER.trim_end_matches("gcc"));
    let options = ["virtio.config", "virtio-arm64.config"];
    let [common, machine] = options.map(|name| workspace.join("tests/guest").join(name));
    let own = ["ARCH=arm64"];
    let cross = ["ARCH=arm64", &compiler];
    let kernel = Kernel {
        name: "virtio-kernel",
        arguments: if cfg!(target_arch = "aarch64") { &own } else { &cross },
        fragments: &[&common, &machine],
        patches: None,
        tools: toolbox::GUEST,
        target: IMAGE,
        image: "arch/arm64/boot/Image",
        build_lines: 1700,
    };
    kernel::build(cache, &kernel, rebuild)
}

struct Build {
    toolbox: Toolbox,
    /// The packages' files.
    packages: PathBuf,
    /// The guest's files.
    root: PathBuf,
}

impl Build {
    /// Unpacks the packages and says which they were.
    fn unpack(&self, cache: &Cache, scratch: &Path) -> Result<String> {
        let no_package = || Error::NoPackage { package: format!("{KERNEL} of {SUITE}") };
        let apt = Apt::open_foreign(cache, SUITE, ARCHITECTURE)?.ok_or_else(no_package)?;
        let kernel = apt.dependency(KERNEL, "linux-image-")?;
        let mut files = vec![apt.fetch_alone(&kernel, scratch)?];
        files.extend(apt.fetch(&PACKAGES)?);
        for file in &files {
            let mut dpkg = Command::new("dpkg-deb");
            run("unpacking the guest", dpkg.arg("-x").arg(file).arg(&self.packages))?;
        }
        let origin = describe(&files)?;
        apt.clean()?;
        Ok(origin)
    }

    fn files(&self) -> Result<()> {
        for (file, folder) in FILES {
            let from = self.packages.join(file);
            let folder = self.root.join(folder);
            create_dir(&folder)?;
            copy(&from, &folder.join(from.file_name().unwrap_or_default()))?;
        }
        Ok(())
    }

    /// Copies the kernel and its configuration to `out`; returns its release.
    fn kernel(&self, out: &Path) -> Result<String> {
        let boot = self.packages.join("boot");
        let mut release = None;
        for entry in fs::read_dir(&boot).map_err(Error::file("read", &boot))? {
            let path = entry.map_err(Error::file("read", &boot))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("config-") {
                copy(&path, &out.join("config"))?;
            } else if let Some(found) = name.strip_prefix("vmlinuz-") {
                copy(&path, &out.join("kernel"))?;
                release = Some(found.to_owned());
            }
        }
        release.ok_or_else(|| Error::NoPackage { package: format!("kernel in {KERNEL}") })
    }

    /// Decompresses the modules, and lists them for modprobe.
    fn modules(&self, release: &str) -> Result<()> {
        let from = self.packages.join("usr/lib/modules").join(release).join("kernel");
        let to = self.root.join("lib/modules").join(release);
        create_dir(&to)?;
        let mut list = String::new();
        for module in MODULES {
            let (packed, name) = (from.join(format!("{module}.ko.xz")), Path::new(module));
            let name = format!("{}.ko", name.file_name().unwrap_or_default().to_string_lossy());
            let file = to.join(&name);
            let mut xz = Command::new("sh");
            // The file is the shell's to open, for the output of `run` is text.
            xz.args(["-c", "xz --decompress --stdout \"$1\" > \"$2\"", "sh"])
                .args([&packed, &file]);
            run("unpacking a module", self.toolbox.apply(&mut xz))?;
            let bytes = fs::read(&file).map_err(Error::file("read", &file))?;
            if !stands_alone(&bytes) {
                return Err(Error::Findings(format!(
                    "the guest's module {name} needs others: add them to MODULES in xtask/src/guest.rs"
                )));
            }
            list.extend([&name, ":\n"]);
        }
        write(&to.join("modules.dep"), list)
    }

    fn compile(&self, source: &Path, name: &str) -> Result<()> {
        let mut compiler = Command::new(toolbox::GUEST_COMPILER);
        // Static: built against the host's C library, run beside the guest's.
        compiler.args(["-O2", "-Wall", "-Wextra", "-Werror", "-static", "-s", "-o"]);
        compiler.arg(self.root.join("bin").join(name)).arg(source);
        run("compiling a program of the guest", self.toolbox.apply(&mut compiler))
    }

    /// Uncompressed: QEMU's guest would take longer to unpack than the host to read.
    fn pack(&self, initramfs: &Path) -> Result<()> {
        File::create(initramfs).map_err(Error::file("create", initramfs))?;
        let pipe = "set -e; find . | LC_ALL=C sort | \
                    cpio --quiet --create --format=newc --owner=+0:+0 --reproducible > \"$1\"";
        let mut shell = Command::new("sh");
        shell.args(["-c", pipe, "sh"]).arg(initramfs).current_dir(&self.root);
        run("packing the initramfs", self.toolbox.apply(&mut shell))
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map_err(Error::file("copy", from))?;
    Ok(())
}

/// Whether a kernel module says of itself that it needs no other.
fn stands_alone(module: &[u8]) -> bool {
    let field = b"\0depends=\0";
    module.windows(field.len()).any(|window| window == field)
}

/// What to type to boot it by hand. Without kpti=off each system call costs a TLB flush, ten times as much.
fn example(folder: &Path) -> String {
    format!(
        "qemu-system-aarch64 -M virt -cpu cortex-a53 -m 256 -nographic -net none -kernel {0}/kernel \
         -initrd {0}/initramfs -append 'console=ttyAMA0 quiet kpti=off'",
        folder.display()
    )
}

#[cfg(test)]
mod tests {
    use super::stands_alone;

    #[test]
    fn a_module_that_needs_others_is_noticed() {
        assert!(stands_alone(b"\0alias=of:x\0depends=\0intree=Y\0"));
        assert!(!stands_alone(b"\0alias=of:x\0depends=led-class\0intree=Y\0"));
    }
}
