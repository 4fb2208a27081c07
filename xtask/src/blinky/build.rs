// SPDX-License-Identifier: MIT OR Apache-2.0
//! The daemon's program, built unless it is there; the guest is built with xtask itself.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use cargo_metadata::{Artifact, Message};

use crate::command::{check, start};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::workspace::{BACKEND, Workspace};

const PROGRAM: &str = "vgpiod";

/// Builds the daemon; says nothing when there is nothing to build.
///
/// # Errors
/// It does not build; the compiler has told the user why.
pub fn daemon(workspace: &Workspace) -> Result<PathBuf> {
    let mut command =
        workspace.cargo(&["build", "--quiet", "--package", BACKEND, "--bin", PROGRAM]);
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
