// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the sockets are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// What the environment says about sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Env {
    /// `VGPIO_SOCKET`.
    pub socket: Option<OsString>,
    /// `VGPIO_CONTROL`.
    pub control: Option<OsString>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<OsString>,
    /// Whether this is root.
    pub is_root: bool,
}

/// Neither a path is given nor is there a folder for the default.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "no place for the {what} socket: XDG_RUNTIME_DIR is not set; set it (to /run/user/UID), or give \
     {option} PATH or {variable}=PATH"
)]
pub struct NoRuntimeDir {
    what: &'static str,
    option: &'static str,
    variable: &'static str,
}

impl Env {
    /// Of this process. An empty variable is as good as none.
    #[must_use]
    pub fn read() -> Self {
        let get = |key| std::env::var_os(key).filter(|value| !value.is_empty());
        Self {
            socket: get("VGPIO_SOCKET"),
            control: get("VGPIO_CONTROL"),
            runtime_dir: get("XDG_RUNTIME_DIR"),
            is_root: nix::unistd::geteuid().is_root(),
        }
    }

    /// Where frontends connect: the option, the environment, the file, or the default.
    ///
    /// # Errors
    /// When none says.
    pub fn socket(
        &self,
        option: Option<&Path>,
        file: Option<&Path>,
    ) -> Result<PathBuf, NoRuntimeDir> {
        let given = option.or(self.socket.as_deref().map(Path::new)).or(file);
        self.or_default(given, "vgpiod.sock").ok_or(NoRuntimeDir {
            what: "frontends'",
            option: "--socket-path",
            variable: "VGPIO_SOCKET",
        })
    }

    /// The control socket: the option, the environment, the file, or the default.
    ///
    /// # Errors
    /// When none says.
    pub fn control(
        &self,
        option: Option<&Path>,
        file: Option<&Path>,
    ) -> Result<PathBuf, NoRuntimeDir> {
        let given = option.or(self.control.as_deref().map(Path::new)).or(file);
        self.or_default(given, "control.sock").ok_or(NoRuntimeDir {
            what: "control",
            option: "--control",
            variable: "VGPIO_CONTROL",
        })
    }

    fn or_default(&self, given: Option<&Path>, name: &str) -> Option<PathBuf> {
        if let Some(given) = given {
            return Some(given.to_owned());
        }
        let dir =
            if self.is_root { Path::new("/run") } else { Path::new(self.runtime_dir.as_ref()?) };
        Some(dir.join("vgpio").join(name))
    }
}
