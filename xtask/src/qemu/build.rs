// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configures and builds QEMU in one tree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::{Cache, create_dir, read, write};
use crate::command::{each_line, output, run};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::toolbox::{Toolbox, join};

use super::{Libraries, Line, Vgpio};

/// What is built.
pub const PROGRAMS: [&str; 3] = ["qemu-system-aarch64", "qemu-system-riscv64", "qemu-img"];
/// Where the series' qtests are, beside the programs' folder.
pub const QTESTS: &str = "qtests";
/// By target: the machine `virt`, with devices that a guest without firmware may be given, and machines whose own
/// GPIO controllers have lines of the host. The AST2600 does not ask for the interrupt controller that it has.
const DEVICES: [(&str, &str); 2] = [
    (
        "aarch64-softmmu",
        "CONFIG_ARM_VIRT=y\nCONFIG_VIRTIO_MMIO=y\nCONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_BLK=y\n\
         CONFIG_VIRTIO_NET=y\nCONFIG_VIRTIO_SERIAL=y\nCONFIG_VIRTIO_RNG=y\nCONFIG_VHOST_USER_GPIO=y\n\
         CONFIG_RASPI=y\nCONFIG_ASPEED_SOC=y\nCONFIG_MICROBIT=y\nCONFIG_B_L475E_IOT01A=y\n\
         CONFIG_A15MPCORE=y\n",
    ),
    ("riscv64-softmmu", "CONFIG_SIFIVE_U=y\n"),
];
const OPTIONS: [&str; 15] = [
    "--target-list=aarch64-softmmu,riscv64-softmmu",
    "--with-devices-aarch64=vgpio",
    "--with-devices-riscv64=vgpio",
    "--without-default-devices",
    "--without-default-features",
    "--enable-system",
    "--enable-tools",
    "--enable-tcg",
    "--enable-fdt=system",
    "--enable-vhost-user",
    "--enable-trace-backends=log",
    "--disable-docs",
    "--disable-install-blobs",
    "--disable-debug-info",
    // Newer compilers than this release knew may warn.
    "--disable-werror",
];
/// The meson option that the series adds.
const FEATURE: &str = "vgpio";

/// Everything in this file that decides what comes out.
pub fn recipe() -> String {
    let devices = DEVICES.map(|(target, devices)| [target, "\n", devices].concat());
    [devices.concat(), OPTIONS.join(" ")].concat()
}

/// A source tree and what it takes to build it.
pub struct Build<'a> {
    /// Tools.
    pub toolbox: Toolbox,
    /// QEMU's source.
    pub tree: PathBuf,
    libraries: Libraries,
    python: Option<PathBuf>,
    vgpio: &'a Vgpio,
    line: &'static Line,
}

impl<'a> Build<'a> {
    /// Gets libraries; `scratch` is where the tree will be.
    ///
    /// # Errors
    /// Something cannot be fetched.
    pub fn new(
        cache: &Cache,
        toolbox: Toolbox,
        vgpio: &'a Vgpio,
        line: &'static Line,
        scratch: &Path,
    ) -> Result<Self> {
        let (libraries, python) = (Libraries::get(cache)?, toolbox.pip(cache)?);
        Ok(Self { toolbox, tree: scratch.join("qemu"), libraries, python, vgpio, line })
    }

    /// Applies a patch.
    ///
    /// # Errors
    /// It does not apply.
    pub fn patch(&self, file: &Path) -> Result<()> {
        let mut patch = self.command("patch");
        patch.args(["--strip=1", "--forward", "--batch", "--fuzz=0", "--input"]).arg(file);
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        run(&format!("applying {name}"), patch.current_dir(&self.tree))
    }

    /// Runs QEMU's configure script, with these options beside the usual ones.
    ///
    /// # Errors
    /// It fails.
    pub fn configure(&self, options: &[&str]) -> Result<()> {
        let progress = Progress::new("configuring QEMU", 0, "");
        for (target, devices) in DEVICES {
            let folder = self.tree.join("configs/devices").join(target);
            let more = if target == DEVICES[0].0 { self.line.devices } else { "" };
            write(&folder.join("vgpio.mak"), [devices, more].concat())?;
        }
        create_dir(&self.build())?;
        // The libraries go with the program. The older kind of path holds for what they need themselves, too.
        let mut link =
            vec!["-Wl,-rpath,$ORIGIN/../lib".to_owned(), "-Wl,--disable-new-dtags".to_owned()];
        for folder in self.library_folders().map(|folder| folder.display().to_string()) {
            // Not all are found through pkg-config; and a library's own are not searched for in -L.
            link.extend([format!("-L{folder}"), format!("-Wl,-rpath-link,{folder}")]);
        }
        let headers = self.libraries.root().join("usr/include");
        let mut configure = self.command("../configure");
        configure
            .args(OPTIONS)
            .args(options)
            .arg(format!("--extra-cflags=-I{}", headers.display()))
            .arg(format!("--extra-ldflags={}", link.join(" ")));
        if self.has_feature()? {
            configure.arg(format!("-D{FEATURE}=enabled"));
        }
        run("configuring QEMU", &mut configure)?;
        progress.finish();
        Ok(())
    }

    /// Whether the tree has the series' option.
    ///
    /// # Errors
    /// The tree cannot be read.
    pub fn has_feature(&self) -> Result<bool> {
        let options = read(&self.tree.join("meson_options.txt"))?;
        Ok(options.contains(&format!("option('{FEATURE}'")))
    }

    /// Switches the series' option on in a configured tree.
    ///
    /// # Errors
    /// meson fails.
    pub fn enable_feature(&self) -> Result<()> {
        let mut meson = self.command("pyvenv/bin/meson");
        run("configuring QEMU", meson.arg("configure").arg(format!("-D{FEATURE}=enabled")))
    }

    /// Builds.
    ///
    /// # Errors
    /// It does not build.
    pub fn ninja(&self, label: &str, targets: &[&str]) -> Result<()> {
        let mut progress = Progress::new(label, 0, "steps");
        let mut ninja = self.command("ninja");
        each_line(&format!("building {label}"), ninja.args(targets), |text| {
            if let Some((done, total)) = counted(text) {
                progress.at(done, total);
            }
        })?;
        progress.finish();
        Ok(())
    }

    /// Copies programs and tests, and the libraries that came with them.
    ///
    /// # Errors
    /// A file cannot be copied.
    pub fn collect(&self, qtests: &[String], out: &Path) -> Result<()> {
        let (programs, libraries) = (out.join("bin"), out.join("lib"));
        let tests = out.join(QTESTS);
        for folder in [&programs, &libraries, &tests] {
            create_dir(folder)?;
        }
        let qtests = qtests.iter().map(|test| (test.as_str(), &tests));
        for (program, folder) in
            PROGRAMS.map(|program| (program, &programs)).into_iter().chain(qtests)
        {
            let built = self.build().join(program);
            copy_into(&built, folder)?;
            let needed = output("listing libraries", self.command("ldd").arg(&built))?;
            for library in needed.lines().filter_map(library_path) {
                let own = [self.libraries.root(), self.vgpio.prefix()];
                if own.iter().any(|folder| library.starts_with(folder)) {
                    copy_into(library, &libraries)?;
                }
            }
        }
        Ok(())
    }

    /// A program, in the build folder, with tools and libraries in its environment.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        self.toolbox.apply(&mut command);
        let mut libraries: Vec<PathBuf> = self.library_folders().to_vec();
        libraries.extend(self.toolbox.libraries());
        let mut pkg_config = vec![self.vgpio.pkg_config()];
        pkg_config.extend(self.libraries.pkg_config());
        command
            .env("LD_LIBRARY_PATH", join("LD_LIBRARY_PATH", &libraries))
            .env("PKG_CONFIG_PATH", join("PKG_CONFIG_PATH", &pkg_config))
            .current_dir(self.build());
        if let Some(folder) = &self.python {
            command.env("PYTHONPATH", folder);
        }
        command
    }

    fn build(&self) -> PathBuf {
        self.tree.join("build")
    }

    fn library_folders(&self) -> [PathBuf; 3] {
        let [first, second] = self.libraries.folders();
        [self.vgpio.libraries(), first, second]
    }
}

fn copy_into(file: &Path, folder: &Path) -> Result<()> {
    let to = folder.join(file.file_name().unwrap_or_default());
    fs::copy(file, to).map_err(Error::file("copy", file))?;
    Ok(())
}

/// The `5` and `1329` of ninja's `[5/1329] Compiling C object ...`.
fn counted(line: &str) -> Option<(u64, u64)> {
    let (done, total) = line.strip_prefix('[')?.split_once(']')?.0.split_once('/')?;
    Some((done.parse().ok()?, total.parse().ok()?))
}

/// The path in ldd's `libz.so.1 => /lib/libz.so.1 (0x7f...)`.
fn library_path(line: &str) -> Option<&Path> {
    Some(Path::new(line.split_once(" => ")?.1.split(" (").next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_ninja_and_ldd() {
        assert_eq!(counted("[5/1329] Compiling C object a.o"), Some((5, 1329)));
        assert_eq!(counted("FAILED: [x] a.o"), None);
        let library = library_path("\tlibz.so.1 => /lib/libz.so.1 (0x00007f)");
        assert_eq!(library, Some(Path::new("/lib/libz.so.1")));
        assert_eq!(library_path("\tlinux-vdso.so.1 (0x00007f)"), None);
    }
}
