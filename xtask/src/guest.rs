// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes guests: the distribution's arm64 kernel as it is, or a small one with a driver that the distribution's lack,
//! and an initramfs with busybox and libgpiod's tools; for tests, with programs that are compiled, too.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt::{Apt, describe};
use crate::architecture::{ARM64, Architecture};
use crate::cache::{Cache, create_dir, key, read, write};
use crate::command::run;
use crate::error::{Error, Result};
use crate::kernel::{self, Kernel};
use crate::kernel_tools;
use crate::progress::Progress;
use crate::toolbox::{self, Tool, Toolbox};

/// The suite of the guest's packages: its kernel is 6.12, its libgpiod 2.2.
const SUITE: &str = "trixie";
/// Depends on the newest kernel's package. Minor updates are taken whenever the guest is made, not waited for.
const KERNEL: &str = "linux-image-arm64";
/// What runs on it, fetched with what it needs.
const PACKAGES: [&str; 2] = ["busybox-static", "gpiod"];
/// Programs of these packages that go into the initramfs.
const PROGRAMS: [&str; 7] =
    ["busybox", "gpiodetect", "gpioget", "gpioinfo", "gpiomon", "gpionotify", "gpioset"];
/// Libraries that they need.
const LIBRARIES: [&str; 2] = ["libc.so.6", "libgpiod.so.3"];
/// Drivers that are modules of this kernel. None needs another.
const MODULES: [&str; 5] = [
    "drivers/gpio/gpio-rcar",
    "drivers/input/evdev",
    "drivers/input/keyboard/gpio_keys",
    "drivers/leds/leds-gpio",
    "drivers/leds/trigger/ledtrig-timer",
];
/// The device tree of a Raspberry Pi 3, which QEMU's `raspi3b` has none for, beside the kernel.
const DEVICE_TREE: (&str, &str) = ("broadcom/bcm2837-rpi-3-b.dtb", "raspi3b.dtb");
/// Raised when the steps below change what comes out.
const RECIPE: &str = "3";

/// What a guest boots.
#[derive(Clone, Copy, Debug)]
pub enum Boots {
    /// The distribution's arm64 kernel.
    Distribution,
    /// A kernel with the driver of virtio GPIO devices, built from the distribution's source.
    Virtio(&'static Architecture),
}

/// Whom a guest is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// All is in packages: no source is fetched, and nothing compiled.
    Users,
    /// It has `gpiobench` and the kernel's own GPIO tools as well.
    Tests,
}

/// The folder with the guest's `kernel` and `initramfs`, made if the cache has none for these inputs.
///
/// # Errors
/// A package or a tool cannot be had, or does not have what is expected in it; a kernel or a program does not build.
pub fn build(
    cache: &Cache,
    workspace: &Path,
    boots: Boots,
    whom: For,
    rebuild: bool,
) -> Result<PathBuf> {
    let (architecture, kernel) = match boots {
        Boots::Distribution => (&ARM64, None),
        Boots::Virtio(architecture) => {
            (architecture, Some(virtio_kernel(cache, workspace, architecture, rebuild)?))
        }
    };
    let programs = workspace.join("tests/guest");
    let (init, bench) = (programs.join("init"), programs.join("gpiobench.c"));
    let mut inputs = vec![RECIPE.to_owned(), SUITE.to_owned(), read(&init)?];
    inputs.extend(files(architecture).into_iter().map(|(from, to)| format!("{from} {to}")));
    inputs.extend(MODULES.map(str::to_owned));
    inputs.extend(kernel.iter().map(|folder| folder.display().to_string()));
    let own_tools = match whom {
        For::Users => None,
        For::Tests => Some(kernel_tools::build(cache, architecture, false)?),
    };
    if let Some(folder) = &own_tools {
        inputs.extend([read(&bench)?, folder.display().to_string()]);
    }
    let inputs: Vec<&[u8]> = inputs.iter().map(String::as_bytes).collect();
    let key = key(&inputs);
    cache.entry("guest", &key, rebuild, |scratch, out| {
        let tools = if own_tools.is_some() { &tools(architecture) } else { toolbox::GUEST };
        let toolbox = Toolbox::with(cache, tools)?;
        let (packages, root) = (scratch.join("packages"), scratch.join("root"));
        let build = Build { toolbox, architecture, packages, root };
        let with_kernel = kernel.is_none();
        write(&out.join("packages.txt"), build.unpack(cache, scratch, with_kernel)?)?;
        let progress = Progress::new("guest", 0, "");
        build.files()?;
        match &kernel {
            None => build.modules(&build.kernel(out)?)?,
            Some(folder) => {
                copy(&folder.join(architecture.image.0), &out.join("kernel"))?;
                copy(&folder.join("config"), &out.join("config"))?;
            }
        }
        copy(&init, &build.root.join("init"))?;
        if let Some(folder) = &own_tools {
            build.compile(&bench, "gpiobench")?;
            for name in kernel_tools::names() {
                copy(&folder.join(name), &build.root.join("bin").join(name))?;
            }
        }
        build.pack(&out.join("initramfs"))?;
        progress.finish();
        let folder = cache.path(&format!("guest-{key}"));
        anstream::eprintln!("boot it with: {}", example(architecture, &folder));
        Ok(())
    })
}

/// The folder with the small kernel.
fn virtio_kernel(
    cache: &Cache,
    workspace: &Path,
    architecture: &Architecture,
    rebuild: bool,
) -> Result<PathBuf> {
    let machine = format!("virtio-{}.config", architecture.linux);
    let fragments =
        ["virtio.config", &machine].map(|name| workspace.join("tests/guest").join(name));
    let kernel = Kernel {
        name: "virtio-kernel",
        arguments: &architecture.make_arguments(),
        fragments: &fragments,
        patches: None,
        tools: &tools(architecture),
        objtool: architecture.objtool,
        target: architecture.image.0,
        image: architecture.image.1,
        build_lines: architecture.build_lines,
    };
    kernel::build(cache, &kernel, rebuild)
}

/// What building a kernel, or making a guest for tests, takes.
fn tools(architecture: &Architecture) -> Vec<Tool> {
    [toolbox::GUEST, &[architecture.compiler()]].concat()
}

/// Files of the packages that go into the initramfs, and where they go.
fn files(architecture: &Architecture) -> Vec<(String, &'static str)> {
    let programs = PROGRAMS.iter().map(|name| (format!("usr/bin/{name}"), "bin"));
    let folder = format!("usr/lib/{}-linux-gnu", architecture.gnu);
    let libraries = LIBRARIES.iter().map(|name| (format!("{folder}/{name}"), "lib"));
    let (loader, to) = architecture.loader;
    programs.chain([(loader.to_owned(), to)]).chain(libraries).collect()
}

struct Build {
    toolbox: Toolbox,
    architecture: &'static Architecture,
    /// The packages' files.
    packages: PathBuf,
    /// The guest's files.
    root: PathBuf,
}

impl Build {
    /// Unpacks the packages and says which they were.
    fn unpack(&self, cache: &Cache, scratch: &Path, with_kernel: bool) -> Result<String> {
        let no_package = || Error::NoPackage { package: format!("{} of {SUITE}", PACKAGES[0]) };
        let apt = Apt::open_foreign(cache, SUITE, self.architecture.debian)?;
        let apt = apt.ok_or_else(no_package)?;
        let mut files = apt.fetch(&PACKAGES)?;
        if with_kernel {
            let kernel = apt.dependency(KERNEL, "linux-image-")?;
            files.push(apt.fetch_alone(&kernel, scratch)?);
        }
        for file in &files {
            let mut dpkg = Command::new("dpkg-deb");
            run("unpacking the guest", dpkg.arg("-x").arg(file).arg(&self.packages))?;
        }
        let origin = describe(&files)?;
        apt.clean()?;
        Ok(origin)
    }

    fn files(&self) -> Result<()> {
        for (file, folder) in files(self.architecture) {
            let from = self.packages.join(file);
            let folder = self.root.join(folder);
            create_dir(&folder)?;
            copy(&from, &folder.join(from.file_name().unwrap_or_default()))?;
        }
        Ok(())
    }

    /// Copies the kernel, its configuration and a device tree to `out`; returns its release.
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
        let release =
            release.ok_or_else(|| Error::NoPackage { package: format!("kernel in {KERNEL}") })?;
        let trees = self.packages.join("usr/lib").join(format!("linux-image-{release}"));
        copy(&trees.join(DEVICE_TREE.0), &out.join(DEVICE_TREE.1))?;
        Ok(release)
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
        let mut compiler = Command::new(self.architecture.compiler().0);
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

/// What to type to boot it by hand.
fn example(architecture: &Architecture, folder: &Path) -> String {
    let Architecture { gnu, machine, kernel_options, .. } = architecture;
    format!(
        "qemu-system-{gnu} {machine} -m 256 -nographic -net none -kernel {0}/kernel \
         -initrd {0}/initramfs -append '{kernel_options}'",
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
