// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the daemon may still do once it listens: look for gpiochips, open them, serve those who connect. The
//! kernel refuses it everything else, whoever should have got it to try: see docs/security.md.
//!
//! All of it holds for the calling thread and those that it starts later, and cannot be taken back.

mod calls;
mod files;

use std::path::PathBuf;

use caps::CapSet;
use clap::ValueEnum;
use thiserror::Error;

/// Whether the daemon confines itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Sandbox {
    /// As far as the kernel can; what it cannot is said in the log.
    #[default]
    #[value(help = "as far as the kernel can")]
    Auto,
    /// Or not start.
    #[value(help = "do not start where it cannot")]
    Required,
    /// Not at all: to look at it with a debugger.
    #[value(help = "not at all")]
    Off,
}

/// What cannot be refused to the daemon.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// Capabilities are kept.
    #[error("cannot give up capabilities (capabilities(7))")]
    Capabilities(#[from] caps::errors::CapsError),
    /// The kernel has no Landlock.
    #[error(
        "this kernel cannot confine a process to files; Landlock is in Linux from 5.13 on, and is switched on by \
         lsm=landlock,... on the kernel's command line"
    )]
    NoLandlock,
    /// Landlock refuses.
    #[error("cannot be confined to files (landlock(7))")]
    Landlock(#[from] landlock::RulesetError),
    /// Seccomp refuses, or does not know this architecture.
    #[error("cannot be confined to system calls (seccomp(2))")]
    Seccomp(#[from] seccompiler::Error),
    /// A rule cannot be made, or there is none for this architecture.
    #[error("cannot make a filter of system calls for {arch}", arch = std::env::consts::ARCH)]
    Filter(#[from] seccompiler::BackendError),
}

impl Sandbox {
    /// Confines the calling thread and those that it starts. `folders` are those that it removes its sockets from.
    ///
    /// # Errors
    /// With [`Sandbox::Required`], what cannot be refused to the daemon; with [`Sandbox::Auto`] the log says it.
    pub fn enter(self, folders: &[PathBuf]) -> Result<(), SandboxError> {
        if self == Self::Off {
            log::info!("sandbox: off");
            return Ok(());
        }
        let mut done = Vec::new();
        self.limit("files", files::confine(folders), &mut done)?;
        self.limit("capabilities", give_up_capabilities(), &mut done)?;
        // The last: the others take calls that are refused then.
        self.limit("system calls", calls::confine(), &mut done)?;
        log::info!("sandbox: limits of {}", done.join(", "));
        Ok(())
    }

    /// Notes that there is a limit of this, or that there is none.
    fn limit(
        self,
        what: &'static str,
        confined: Result<(), SandboxError>,
        done: &mut Vec<&'static str>,
    ) -> Result<(), SandboxError> {
        match confined {
            Ok(()) => done.push(what),
            Err(error) if self == Self::Required => return Err(error),
            Err(error) => log::warn!("sandbox: no limit of {what}: {}", crate::chain(&error)),
        }
        Ok(())
    }
}

/// Root without capabilities still has what belongs to root, gpiochips among it.
fn give_up_capabilities() -> Result<(), SandboxError> {
    // The ambient set is empty where the permitted one is; the bounding set counts only for execve(2).
    for set in [CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        caps::clear(None, set)?;
    }
    Ok(())
}
