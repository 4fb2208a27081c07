// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is started, built or fetched unless it is there: the daemon, QEMU and what boots in it.

use std::env;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use cargo_metadata::{Artifact, Message};

use crate::architecture::ARM64;
use crate::cache::Cache;
use crate::command::{check, start};
use crate::error::{Error, Result};
use crate::guest::{self, Boots, For};
use crate::progress::Progress;
use crate::qemu::{self, LINES, stock};
use crate::workspace::{BACKEND, Workspace};

const PROGRAM: &str = "vgpiod";

/// All that is started.
pub struct Programs {
    /// `vgpiod`.
    pub daemon: PathBuf,
    /// `qemu-system-aarch64`.
    pub qemu: PathBuf,
    /// Whether it is without the series, as the distribution ships it.
    pub stock: bool,
    /// The folder of the guest's `kernel` and `initramfs`.
    pub guest: PathBuf,
}

impl Programs {
    /// Builds and fetches them; says nothing when there is nothing to do. `VGPIO_QEMU`, or for an
    /// unpatched one `VGPIO_STOCK_QEMU`, and `VGPIO_GUEST` name others.
    ///
    /// # Errors
    /// Something does not build, which the compiler has told the user, or cannot be fetched.
    pub fn get(cache: &Cache, workspace: &Workspace, stock: bool) -> Result<Self> {
        let given = |name| env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let qemu = if stock {
            let program = || stock::program(cache, &ARM64, false);
            given("VGPIO_STOCK_QEMU").map_or_else(program, Ok)?
        } else {
            given("VGPIO_QEMU")
                .map_or_else(|| qemu::program(cache, workspace, &LINES[0], false), Ok)?
        };
        let guest = given("VGPIO_GUEST").map_or_else(
            || guest::build(cache, workspace.root(), Boots::Distribution, For::Users, false),
            Ok,
        )?;
        Ok(Self { daemon: daemon(workspace)?, qemu, stock, guest })
    }
}

/// Builds the daemon.
fn daemon(workspace: &Workspace) -> Result<PathBuf> {
    // Named together with this program, it shares all crates that are built already: alone it would have
    // them with fewer features, so once more.
    let packages = ["--package", BACKEND, "--package", env!("CARGO_PKG_NAME")];
    let mut command = workspace.cargo(&["build", "--quiet", "--bin", PROGRAM]);
    command.args(packages);
    command.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let mut cargo = command.spawn().map_err(start(&command))?;
    let mut progress = None;
    let mut program = None;
    for message in cargo
        .stdout
        .take()
        .map(|out| Message::parse_stream(BufReader::new(out)))
        .into_iter()
        .flatten()
    {
        let message = message.map_err(Error::file("read the messages of", Path::new("cargo")))?;
        let Message::CompilerArtifact(Artifact { fresh, executable, .. }) = message else {
            continue;
        };
        program = executable.or(program);
        if !fresh {
            progress.get_or_insert_with(|| Progress::new("building vgpiod", 0, "crates")).step();
        }
    }
    let status = cargo.wait().map_err(start(&command))?;
    check("building vgpiod", &command, status, String::new)?;
    if let Some(progress) = progress {
        progress.finish();
    }
    let missing = || Error::Findings("cargo built no vgpiod".to_owned());
    Ok(program.ok_or_else(missing)?.into_std_path_buf())
}
