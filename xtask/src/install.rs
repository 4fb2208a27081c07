// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask install`: library, header, programs, their pages and their service, where a system expects them.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use cargo_metadata::{Artifact, Message};
use clap::Args;
use vgpio_backend::cli::vhost_user_gpio;

use crate::cache::read;
use crate::command::{check, start};
use crate::error::{Error, Result};
use crate::man;
use crate::workspace::{BACKEND, Workspace};

/// The crate of libvgpio, and its folder.
const LIBRARY: (&str, &str) = ("vgpio-pl061", "frontend-pl061");
const PROGRAMS: [&str; 3] = ["vgpiod", "vgpioctl", vhost_user_gpio::NAME];
const STATIC: &str = "libvgpio.a";
const SHARED: &str = "libvgpio.so";
/// As `frontend-pl061/build.rs` names it.
pub const SONAME: &str = "libvgpio.so.0";

const PROGRAM_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;

/// Where to.
#[derive(Args)]
pub struct Options {
    /// Where vgpio will be
    #[arg(long, value_name = "DIR", default_value = "/usr/local")]
    prefix: PathBuf,
    /// Where the libraries will be [default: PREFIX/lib]
    #[arg(long, value_name = "DIR")]
    libdir: Option<PathBuf>,
    /// Write below this folder instead of /, as makers of packages do
    #[arg(long, value_name = "DIR")]
    destdir: Option<PathBuf>,
    /// Install what plain `cargo build` makes, not optimised
    #[arg(long)]
    debug: bool,
    /// Install also what describes vhost-user-gpio to managers of virtual machines
    ///
    /// In PREFIX/share/qemu/vhost-user. Its type is not in the schema of QEMU 10.0, and libvirt, up to 12.8
    /// at least, refuses all such descriptions, of file systems and GPUs too, when one has a type that it
    /// does not know.
    #[arg(long)]
    vhost_user_json: bool,
}

/// Builds what is not built, installs it, and returns the files written.
///
/// # Errors
/// It does not build, or a file cannot be written.
pub fn run(workspace: &Workspace, options: &Options) -> Result<Vec<PathBuf>> {
    let built = build(workspace, &["--package", BACKEND, "--lib", "--bins"], options.debug)?;
    let mut to = Installer::new(options)?;
    for program in PROGRAMS {
        let path = to.prefix.join("bin").join(program);
        to.copy(find(&built, program)?, &path, PROGRAM_MODE)?;
    }
    library_files(workspace, &built, &mut to)?;
    service(workspace, &mut to)?;
    pages(&mut to)?;
    if options.vhost_user_json {
        let text = vhost_user_gpio::description(&to.prefix.join("bin").join(vhost_user_gpio::NAME));
        let folder = to.prefix.join("share/qemu/vhost-user");
        to.text(&text, &folder.join(vhost_user_gpio::DESCRIPTION_FILE))?;
    }
    to.written.sort();
    Ok(to.written)
}

/// Builds the library only and installs what a program needs to be built with it: not the programs, which whoever
/// works on them may have left half done.
///
/// # Errors
/// As [`run`].
pub fn library(workspace: &Workspace, prefix: &Path) -> Result<()> {
    let options = Options {
        prefix: prefix.to_owned(),
        libdir: None,
        destdir: None,
        debug: false,
        vhost_user_json: false,
    };
    let built = build(workspace, &["--lib"], options.debug)?;
    library_files(workspace, &built, &mut Installer::new(&options)?)
}

/// Builds the library and what else is named, while cargo tells the user how far it is; gives the files.
fn build(workspace: &Workspace, what: &[&str], debug: bool) -> Result<Vec<PathBuf>> {
    let mut command = workspace.cargo(&["build", "--package", LIBRARY.0]);
    command.args(what);
    if !debug {
        command.arg("--release");
    }
    command.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let output = command.stderr(Stdio::inherit()).output().map_err(start(&command))?;
    check("building vgpio", &command, output.status, String::new)?;
    let mut built = Vec::new();
    for message in Message::parse_stream(output.stdout.as_slice()) {
        let message = message.map_err(Error::file("read the messages of", Path::new("cargo")))?;
        if let Message::CompilerArtifact(Artifact { filenames, .. }) = message {
            built.extend(filenames.into_iter().map(PathBuf::from));
        }
    }
    Ok(built)
}

fn library_files(workspace: &Workspace, built: &[PathBuf], to: &mut Installer) -> Result<()> {
    let (prefix, libdir) = (to.prefix.clone(), to.libdir.clone());
    let full = format!("{SHARED}.{}", version());
    to.copy(find(built, SHARED)?, &libdir.join(&full), PROGRAM_MODE)?;
    to.link(&full, &libdir.join(SONAME))?;
    to.link(SONAME, &libdir.join(SHARED))?;
    to.copy(find(built, STATIC)?, &libdir.join(STATIC), FILE_MODE)?;

    let source = workspace.root().join(LIBRARY.1);
    to.copy(&source.join("include/vgpio.h"), &prefix.join("include/vgpio.h"), FILE_MODE)?;
    let description = pkg_config(workspace, &prefix, &libdir)?;
    to.text(&description, &libdir.join("pkgconfig/vgpio.pc"))
}

fn find<'a>(built: &'a [PathBuf], name: &str) -> Result<&'a Path> {
    let found = built.iter().find(|path| path.file_name().is_some_and(|file| file == name));
    let missing = || Error::Findings(format!("cargo built no {name}"));
    found.map(PathBuf::as_path).ok_or_else(missing)
}

/// What pkg-config is told of the library: the template with the names between @ replaced, and without what it
/// says of itself.
fn pkg_config(workspace: &Workspace, prefix: &Path, libdir: &Path) -> Result<String> {
    let template = read(&workspace.root().join(LIBRARY.1).join("vgpio.pc.in"))?;
    let lines = template.split_inclusive('\n').filter(|line| !line.starts_with('#'));
    let text: String = lines.collect();
    Ok(text
        .replace("@prefix@", &prefix.to_string_lossy())
        .replace("@libdir@", &libdir.to_string_lossy())
        .replace("@includedir@", &prefix.join("include").to_string_lossy())
        .replace("@version@", version()))
}

/// What systemd and udev run the daemon by.
fn service(workspace: &Workspace, to: &mut Installer) -> Result<()> {
    let (source, lib) = (workspace.root().join("backend/systemd"), to.prefix.join("lib"));
    let bindir = to.prefix.join("bin");
    let unit = read(&source.join("vgpiod.service.in"))?;
    let unit = unit.replace("@bindir@", &bindir.to_string_lossy());
    to.text(&unit, &lib.join("systemd/system/vgpiod.service"))?;
    for (file, folder) in [
        ("vgpiod.socket", "systemd/system"),
        ("vgpio.conf", "sysusers.d"),
        ("60-vgpio.rules", "udev/rules.d"),
    ] {
        to.copy(&source.join(file), &lib.join(folder).join(file), FILE_MODE)?;
    }
    Ok(())
}

/// All crates have the version of the workspace.
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Manual pages by section, completions where each shell looks for them.
fn pages(to: &mut Installer) -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::file("create", &std::env::temp_dir()))?;
    let share = to.prefix.join("share");
    for written in man::write(folder.path())? {
        let list = fs::read_dir(&written).map_err(Error::file("read", &written))?;
        for entry in list {
            let file = entry.map_err(Error::file("read", &written))?.path();
            if let Some(place) = place(&file) {
                to.copy(&file, &share.join(place), FILE_MODE)?;
            }
        }
    }
    Ok(())
}

/// Where a page or script belongs, below `share`.
fn place(file: &Path) -> Option<PathBuf> {
    let name = file.file_name()?.to_str()?;
    Some(match file.extension().and_then(|extension| extension.to_str()) {
        Some("bash") => Path::new("bash-completion/completions").join(file.file_stem()?),
        Some("fish") => Path::new("fish/vendor_completions.d").join(name),
        None if name.starts_with('_') => Path::new("zsh/site-functions").join(name),
        Some(section) => Path::new("man").join(format!("man{section}")).join(name),
        None => return None,
    })
}

/// Writes below the destination, and keeps the list.
struct Installer {
    prefix: PathBuf,
    libdir: PathBuf,
    destdir: Option<PathBuf>,
    written: Vec<PathBuf>,
}

impl Installer {
    fn new(options: &Options) -> Result<Self> {
        let absolute =
            |path: &Path| std::path::absolute(path).map_err(Error::file("find the folder", path));
        let prefix = absolute(&options.prefix)?;
        let libdir = match &options.libdir {
            Some(libdir) => absolute(libdir)?,
            None => prefix.join("lib"),
        };
        let destdir = options.destdir.as_deref().map(absolute).transpose()?;
        Ok(Self { prefix, libdir, destdir, written: Vec::new() })
    }

    /// The same path below the destination, in a folder that is there.
    fn target(&mut self, path: &Path) -> Result<PathBuf> {
        let target = match &self.destdir {
            Some(destdir) => destdir.join(path.strip_prefix("/").unwrap_or(path)),
            None => path.to_owned(),
        };
        let folder = target.parent().unwrap_or(&target);
        fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
        self.written.push(target.clone());
        Ok(target)
    }

    /// Puts a file in place at once, also of a program or library that is in use.
    fn put(&mut self, path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> Result<()> {
        let target = self.target(path)?;
        let mut name = target.clone().into_os_string();
        name.push(".new");
        let new = PathBuf::from(name);
        // Of an attempt that was interrupted.
        let _none: io::Result<()> = fs::remove_file(&new);
        make(&new).and_then(|()| fs::rename(&new, &target)).map_err(Error::file("write", &target))
    }

    fn copy(&mut self, from: &Path, path: &Path, mode: u32) -> Result<()> {
        self.put(path, |new| {
            fs::copy(from, new)?;
            fs::set_permissions(new, Permissions::from_mode(mode))
        })
    }

    fn text(&mut self, text: &str, path: &Path) -> Result<()> {
        self.put(path, |new| {
            fs::write(new, text)?;
            fs::set_permissions(new, Permissions::from_mode(FILE_MODE))
        })
    }

    fn link(&mut self, to: &str, path: &Path) -> Result<()> {
        self.put(path, |new| symlink(to, new))
    }
}
