// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong, and what the user does about it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use thiserror::Error;

/// The result of everything in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Exit status after a SIGINT or SIGTERM.
pub const INTERRUPTED_STATUS: u8 = 130;

/// A failed step. The message says what failed, [`Error::remedy`] what to do, the source why.
#[derive(Debug, Error)]
pub enum Error {
    /// A file or folder could not be used.
    #[error("cannot {action} {}", path.display())]
    File {
        /// A verb: "read", "create".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A program could not be started.
    #[error("cannot start {program}")]
    Start {
        /// The program's name.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A program ran and failed.
    #[error("{step}: {program} ended with {status}{}", shown(tail))]
    Command {
        /// What it was run for.
        step: String,
        /// The program's name.
        program: String,
        /// Its exit status, in words.
        status: String,
        /// The last lines of its output, or nothing when the user has seen them.
        tail: String,
    },
    /// Programs are missing on this host, and it has no apt to fetch them with.
    #[error("this host lacks {}, and has no apt to fetch them with", programs.join(", "))]
    NoApt {
        /// The programs that were looked for.
        programs: Vec<String>,
    },
    /// The host's apt configuration names no package source for the host's own release.
    #[error("no package source for release `{codename}` in the apt configuration of this host")]
    NoSource {
        /// The release's code name.
        codename: String,
    },
    /// A package source has no such package.
    #[error("the package sources of this host have no `{package}`")]
    NoPackage {
        /// The package's name.
        package: String,
    },
    /// The source of QEMU could not be fetched.
    #[error("cannot fetch the source of QEMU {line}")]
    NoQemu {
        /// The release line.
        line: &'static str,
        /// The environment variable that names an archive of it.
        variable: &'static str,
        /// Why.
        #[source]
        source: Box<Self>,
    },
    /// A download is not what it was when its checksum was written down.
    #[error("{} has the SHA-256 {found}, not {expected}", file.display())]
    Checksum {
        /// The file.
        file: PathBuf,
        /// As written down.
        expected: String,
        /// As it is.
        found: String,
    },
    /// The kernel's configuration step dropped options of the fragment.
    #[error("the kernel configuration lacks {}", missing.join(", "))]
    KernelConfig {
        /// The lines of the fragment that are not in the final configuration.
        missing: Vec<String>,
    },
    /// The rig ended without saying how its command ended.
    #[error(
        "the rig's kernel ended ({status}) before the command did; the end of the kernel log:\n{log}"
    )]
    KernelDied {
        /// How user-mode Linux itself ended.
        status: String,
        /// The last lines of the kernel log.
        log: String,
    },
    /// The rig's command took too long.
    #[error("the command in the rig was stopped after {} s; the end of the kernel log:\n{log}", limit.as_secs())]
    Deadline {
        /// The time it had.
        limit: Duration,
        /// The last lines of the kernel log.
        log: String,
    },
    /// The command could not be started inside the rig.
    #[error("cannot run `{program}` in the rig: {reason}")]
    NotStarted {
        /// The command's program.
        program: String,
        /// The chain of causes, as `rig-init` saw it.
        reason: String,
    },
    /// Data that another program wrote is not what it should be.
    #[error("cannot understand {what}")]
    Format {
        /// What was read.
        what: String,
        /// Why it was refused.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A system call failed.
    #[error("cannot {action}")]
    System {
        /// What was tried.
        action: &'static str,
        /// The kernel's answer.
        #[source]
        source: nix::Error,
    },
    /// The user stopped the command.
    #[error("interrupted")]
    Interrupted,
    /// The checks ran and found something; it has been printed.
    #[error("{0}")]
    Findings(String),
}

impl Error {
    /// For `map_err` on file operations.
    pub fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }

    /// For `map_err` on parsers.
    pub fn format<E>(what: impl Into<String>) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self::Format { what: what.into(), source: source.into() }
    }

    /// For `map_err` on system calls.
    pub fn system(action: &'static str) -> impl FnOnce(nix::Error) -> Self {
        move |source| Self::System { action, source }
    }

    /// What to do about it, where that is not plain from the message.
    pub fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::NoApt { programs } => format!(
                "Install {} with this system's package manager and run the command again.",
                programs.join(", ")
            ),
            Self::NoSource { .. } | Self::NoPackage { .. } => "On systems without these Debian packages, download \
                 the sources yourself and name them: VGPIO_LINUX_SOURCE=/path/to/linux-6.12.tar.xz, \
                 VGPIO_LIBGPIOD_SOURCE=/path/to/libgpiod-2.2.tar.xz and \
                 VGPIO_QEMU_SOURCE=/path/to/qemu-10.0.13.tar.xz; install missing tools (flex, bison, bc, ...) \
                 with the system's package manager."
                .to_owned(),
            Self::NoQemu { line, variable, .. } => format!(
                "A mirror may have it no more. Download the release yourself and name it: \
                 {variable}=/path/to/qemu-{line}.N.tar.xz."
            ),
            Self::Checksum { .. } => "Do not use it. Try another mirror, or name an archive that you trust: \
                 VGPIO_QEMU_SOURCE=/path/to/qemu-10.0.13.tar.xz."
                .to_owned(),
            Self::KernelConfig { .. } => "Check the option's dependencies in the kernel's Kconfig files, or remove \
                 the line from tests/rig/kernel.config."
                .to_owned(),
            Self::Deadline { .. } => "Give it more time with --deadline SECONDS, or find what it waits for.".to_owned(),
            Self::File { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "Free some space, or move the cache: VGPIO_CACHE=/path/with/3-GB-free.".to_owned()
            }
            _ => return None,
        })
    }

    /// 1: a check or test failed; 3: set-up failed; 124: out of time; 130: interrupted.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Findings(_) => 1,
            Self::Deadline { .. } => 124,
            Self::NotStarted { .. } => 127,
            Self::Interrupted => INTERRUPTED_STATUS,
            _ => 3,
        })
    }
}

fn shown(tail: &str) -> String {
    if tail.is_empty() { String::new() } else { format!("; the end of its output:\n{tail}") }
}
