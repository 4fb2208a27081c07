// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's source: the distribution's package, pinned, and the Python wheels that its configure script wants.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt::{Apt, describe};
use crate::cache::{Cache, create_dir, file_id, key, read, sha256, write};
use crate::command::{each_line, run};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::toolbox::Toolbox;

use super::LINE;

/// The suite whose source package is taken.
const SUITE: &str = "trixie";
/// The release that the series is made and tested on.
const VERSION: &str = "10.0.13";
/// Of its archive, `qemu_VERSION+ds.orig.tar.xz`.
const SHA256: &str = "6a0888e806c2ffc0c5f0733e974f9aea55491950d3c47c98669c8b236dde59ae";
/// What pythondeps.toml of this release names, as pip takes it. The distribution's archive lacks them.
const WHEELS: &str = "\
    meson==1.5.0 --hash=sha256:52b34f4903b882df52ad0d533146d4b992c018ea77399f825579737672ae7b20\n\
    pycotap==1.3.1 --hash=sha256:1c3a25b3ff89e48f4e00f1f71dbbc1642b4f65c65d416524d07e73492fff25ea\n";
/// Files unpacked, about; for the progress display alone.
const FILES: u64 = 12_200;

/// The archive that the user names, if one is named.
fn own_source() -> Option<PathBuf> {
    env::var_os("VGPIO_QEMU_SOURCE").map(PathBuf::from)
}

/// Names the source, without having it.
pub fn pinned() -> Result<String> {
    let own = own_source().map(|path| file_id(&path)).transpose()?.unwrap_or_default();
    Ok([SUITE, VERSION, SHA256, WHEELS, &own].join("\n"))
}

/// The source as it was fetched.
pub struct Source {
    archive: PathBuf,
    wheels: PathBuf,
    /// Names and checksums, for the records.
    pub origin: String,
}

impl Source {
    /// Fetches the source, unless the cache has it.
    ///
    /// # Errors
    /// It cannot be fetched, or is not what is expected.
    pub fn get(cache: &Cache, toolbox: &Toolbox) -> Result<Self> {
        let pinned = key(&[pinned()?.as_bytes()]);
        let folder = cache.entry("qemu-source", &pinned, false, |_, out| {
            let archive = match own_source() {
                Some(path) => path,
                None => fetch(cache, out)?,
            };
            let wheels = out.join("wheels");
            fetch_wheels(cache, toolbox, &wheels)?;
            let name = archive.strip_prefix(out).unwrap_or(&archive);
            write(&out.join("archive.txt"), name.to_string_lossy().as_bytes())?;
            write(&out.join("origin.txt"), describe(&[archive])?)
        })?;
        let archive = folder.join(read(&folder.join("archive.txt"))?);
        if own_source().is_none() {
            warn_of_other_version(&archive);
        }
        let origin = read(&folder.join("origin.txt"))?;
        Ok(Self { archive, wheels: folder.join("wheels"), origin })
    }

    /// Unpacks the source and makes it fit for a build.
    ///
    /// # Errors
    /// The archive is damaged, or not of the release line.
    pub fn unpack(&self, toolbox: &Toolbox, tree: &Path) -> Result<()> {
        create_dir(tree)?;
        let mut progress = Progress::new("QEMU source", FILES, "files");
        let mut tar = Command::new("tar");
        // The sources of the firmware images are most of the archive, and none of the build.
        tar.args([
            "--extract",
            "--verbose",
            "--strip-components=1",
            "--exclude=qemu-*/roms",
            "--file",
        ])
        .arg(&self.archive)
        .current_dir(tree);
        each_line("unpacking QEMU", toolbox.apply(&mut tar), |_| progress.step())?;
        progress.finish();
        let version = read(&tree.join("VERSION"))?;
        if !version.starts_with(&format!("{LINE}.")) {
            let package =
                format!("qemu {LINE}.x: {} is {}", self.archive.display(), version.trim());
            return Err(Error::NoPackage { package });
        }
        // The distribution's archive lacks the firmware images that this would unpack.
        let script = tree.join("meson.build");
        let text = read(&script)?;
        write(
            &script,
            text.replace("unpack_edk2_blobs = bzip2.found()", "unpack_edk2_blobs = false"),
        )?;
        let wheels = tree.join("python/wheels");
        create_dir(&wheels)?;
        for entry in fs::read_dir(&self.wheels).map_err(Error::file("read", &self.wheels))? {
            let from = entry.map_err(Error::file("read", &self.wheels))?.path();
            let to = wheels.join(from.file_name().unwrap_or_default());
            fs::copy(&from, to).map_err(Error::file("copy", &from))?;
        }
        Ok(())
    }
}

fn fetch(cache: &Cache, folder: &Path) -> Result<PathBuf> {
    let no_package = || Error::NoPackage { package: format!("qemu {LINE}.x of {SUITE}") };
    let apt = Apt::open(cache, Some(SUITE))?.ok_or_else(no_package)?;
    let archive = apt.fetch_source("qemu", folder)?;
    let version = version(&archive).ok_or_else(no_package)?;
    if !version.starts_with(&format!("{LINE}.")) {
        return Err(no_package());
    }
    let found = sha256(&archive)?;
    // apt has checked any other version against the distribution's signature.
    if version == VERSION && found != SHA256 {
        return Err(Error::Checksum { file: archive, expected: SHA256.to_owned(), found });
    }
    Ok(archive)
}

fn warn_of_other_version(archive: &Path) {
    let found = version(archive).unwrap_or_default();
    if found != VERSION {
        anstream::eprintln!(
            "\x1b[1;33mwarning:\x1b[0m QEMU {found} in place of {VERSION}, which the mirror has no more; \
             the series is tested with {VERSION}"
        );
    }
}

/// The version in the name of a source package's archive.
fn version(archive: &Path) -> Option<&str> {
    let name = archive.file_name()?.to_str()?.strip_prefix("qemu_")?;
    name.split(['+', '-']).next().map(|version| version.trim_end_matches(".orig.tar.xz"))
}

fn fetch_wheels(cache: &Cache, toolbox: &Toolbox, folder: &Path) -> Result<()> {
    create_dir(folder)?;
    let wanted = folder.with_extension("txt");
    write(&wanted, WHEELS)?;
    let progress = Progress::new("fetching meson", 0, "");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"])
        .arg("--require-hashes")
        .arg("--requirement")
        .arg(&wanted)
        .arg("--dest")
        .arg(folder);
    toolbox.apply(&mut pip);
    if let Some(path) = toolbox.pip(cache)? {
        pip.env("PYTHONPATH", path);
    }
    run("fetching Python packages", &mut pip)?;
    progress.finish();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::version;
    use std::path::Path;

    #[test]
    fn the_version_is_in_the_name() {
        let named = |name| version(Path::new(name)).map(str::to_owned);
        assert_eq!(named("/a/qemu_10.0.13+ds.orig.tar.xz").as_deref(), Some("10.0.13"));
        assert_eq!(named("qemu_10.0.2.orig.tar.xz").as_deref(), Some("10.0.2"));
        assert_eq!(named("other_1.orig.tar.xz"), None);
    }
}
