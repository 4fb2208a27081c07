// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs other programs: quietly with a log, or line by line.

use std::collections::VecDeque;
use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::error::{Error, Result};

/// Lines of output shown of a program that failed.
const TAIL: usize = 25;

/// Finds a program in `PATH`.
pub fn which(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| is_program(candidate))
}

/// Whether this is a file that may be run.
pub fn is_program(path: &Path) -> bool {
    nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok() && path.is_file()
}

/// Runs a program and shows its output only if it fails.
///
/// # Errors
/// It cannot be started, or it fails; then the end of its output is part of the error.
pub fn run(step: &str, command: &mut Command) -> Result<()> {
    each_line(step, command, |_| {})
}

/// Runs a program, hands each line of its output (standard error included) to `line`, and keeps the last ones.
///
/// # Errors
/// As [`run`].
pub fn each_line(step: &str, command: &mut Command, mut line: impl FnMut(&str)) -> Result<()> {
    let (reader, writer) = std::io::pipe().map_err(start(command))?;
    let second = writer.try_clone().map_err(start(command))?;
    command.stdin(Stdio::null()).stdout(writer).stderr(second);
    let child = command.spawn().map_err(start(command));
    // The write ends kept in `command` would hold the pipe open for ever.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = child?;
    let mut tail = VecDeque::new();
    for bytes in BufReader::new(reader).split(b'\n') {
        let Ok(bytes) = bytes else { break };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        line(&text);
        tail.push_back(text);
        if tail.len() > TAIL {
            tail.pop_front();
        }
    }
    let status = child.wait().map_err(start(command))?;
    check(step, command, status, || Vec::from(tail).join("\n"))
}

/// Runs a program and returns what it wrote to its standard output.
///
/// # Errors
/// As [`run`].
pub fn output(step: &str, command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().map_err(start(command))?;
    check(step, command, output.status, || {
        String::from_utf8_lossy(&output.stderr).trim_end().to_owned()
    })?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Turns a status into an error unless it is success.
///
/// # Errors
/// The status is not success.
pub fn check(
    step: &str,
    command: &Command,
    status: ExitStatus,
    tail: impl FnOnce() -> String,
) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    Err(Error::Command {
        step: step.to_owned(),
        program: name(command),
        status: status.to_string(),
        tail: tail(),
    })
}

/// For `map_err` where a program is started.
pub fn start(command: &Command) -> impl FnOnce(std::io::Error) -> Error + use<> {
    let program = name(command);
    move |source| Error::Start { program, source }
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_the_end_of_the_output() {
        let error = run("try", Command::new("sh").args(["-c", "seq 1 100; echo why >&2; exit 3"]))
            .expect_err("exits with 3");
        let text = error.to_string();
        assert!(text.contains("exit status: 3") && text.ends_with("100\nwhy"), "{text}");
        assert!(!text.contains("\n50\n"), "{text}");
    }
}
