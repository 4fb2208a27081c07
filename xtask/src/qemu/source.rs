// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's source: the distribution's package, pinned, and the Python wheels that its configure script wants.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt::{Apt, describe};
use crate::cache::{Cache, create_dir, file_id, key, read, sha256, write};
use crate::command::{each_line, run};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::toolbox::Toolbox;

use super::Line;

/// Files unpacked, about; for the progress display alone.
const FILES: u64 = 12_200;

/// Names the source, without having it.
pub fn pinned(line: &Line) -> Result<String> {
    let own = line.own_source().map(|path| file_id(&path)).transpose()?.unwrap_or_default();
    let mut inputs = vec![line.suite, line.version, line.sha256, line.wheels, &own];
    inputs.extend(line.lacks.map(|(_, text)| text));
    Ok(inputs.join("\n"))
}

/// The source as it was fetched.
pub struct Source {
    line: &'static Line,
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
    pub fn get(cache: &Cache, toolbox: &Toolbox, line: &'static Line) -> Result<Self> {
        let pinned = key(&[pinned(line)?.as_bytes()]);
        let folder = cache.entry("qemu-source", &pinned, false, |_, out| {
            let archive = match line.own_source() {
                Some(path) => path,
                None => fetch(cache, line, out).map_err(|error| not_to_be_had(line, error))?,
            };
            let wheels = out.join("wheels");
            fetch_wheels(cache, toolbox, line, &wheels)?;
            let name = archive.strip_prefix(out).unwrap_or(&archive);
            write(&out.join("archive.txt"), name.to_string_lossy().as_bytes())?;
            write(&out.join("origin.txt"), describe(&[archive])?)
        })?;
        let archive = folder.join(read(&folder.join("archive.txt"))?);
        if line.own_source().is_none() {
            warn_of_other_version(line, &archive);
        }
        let origin = read(&folder.join("origin.txt"))?;
        Ok(Self { line, archive, wheels: folder.join("wheels"), origin })
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
        if !self.line.has(&version) {
            let package = format!(
                "qemu {}.x: {} is {}",
                self.line.name,
                self.archive.display(),
                version.trim()
            );
            return Err(Error::NoPackage { package });
        }
        // The distribution's archive lacks the firmware images that this would unpack.
        let script = tree.join("meson.build");
        let text = read(&script)?;
        write(
            &script,
            text.replace("unpack_edk2_blobs = bzip2.found()", "unpack_edk2_blobs = false"),
        )?;
        if let Some((file, text)) = self.line.lacks {
            let file = tree.join(file);
            write(&file, read(&file)? + text)?;
        }
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

fn fetch(cache: &Cache, line: &Line, folder: &Path) -> Result<PathBuf> {
    let Line { name, suite, .. } = line;
    let no_package = || Error::NoPackage { package: format!("qemu {name}.x of {suite}") };
    let apt = Apt::open(cache, Some(suite))?.ok_or_else(no_package)?;
    let versions = apt.source_versions("qemu")?;
    let package = versions.iter().find(|version| line.has(without_epoch(version)));
    let package = package.ok_or_else(no_package)?;
    let archive = apt.fetch_source(&format!("qemu={package}"), folder)?;
    let version = version(&archive).ok_or_else(no_package)?;
    let found = sha256(&archive)?;
    // apt has checked any other version against the distribution's signature.
    if version == line.version && found != line.sha256 {
        return Err(Error::Checksum { file: archive, expected: line.sha256.to_owned(), found });
    }
    Ok(archive)
}

fn not_to_be_had(line: &Line, error: Error) -> Error {
    match error {
        error @ Error::Checksum { .. } => error,
        error => {
            Error::NoQemu { line: line.name, variable: line.variable, source: Box::new(error) }
        }
    }
}

fn warn_of_other_version(line: &Line, archive: &Path) {
    let (found, tested) = (version(archive).unwrap_or_default(), line.version);
    if found != tested {
        anstream::eprintln!(
            "\x1b[1;33mwarning:\x1b[0m QEMU {found} in place of {tested}, which the mirror has no more; \
             the series is tested with {tested}"
        );
    }
}

/// `10.0.13+ds-1` of `1:10.0.13+ds-1`.
fn without_epoch(version: &str) -> &str {
    version.split_once(':').map_or(version, |(_, rest)| rest)
}

/// The version in the name of a source package's archive.
fn version(archive: &Path) -> Option<&str> {
    let name = archive.file_name()?.to_str()?.strip_prefix("qemu_")?;
    name.split(['+', '-']).next().map(|version| version.trim_end_matches(".orig.tar.xz"))
}

fn fetch_wheels(cache: &Cache, toolbox: &Toolbox, line: &Line, folder: &Path) -> Result<()> {
    create_dir(folder)?;
    let wanted = folder.with_extension("txt");
    write(&wanted, line.wheels)?;
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
