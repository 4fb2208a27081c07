// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the sockets are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use thiserror::Error;
use vgpio_protocol::socket::{self, CONTROL_NAME, CONTROL_VARIABLE, SOCKET_NAME, SOCKET_VARIABLE};

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
            socket: get(SOCKET_VARIABLE),
            control: get(CONTROL_VARIABLE),
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
        self.or_default(given, SOCKET_NAME).ok_or(NoRuntimeDir {
            what: "frontends'",
            option: "--socket-path",
            variable: SOCKET_VARIABLE,
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
        self.or_default(given, CONTROL_NAME).ok_or(NoRuntimeDir {
            what: "control",
            option: "--control",
            variable: CONTROL_VARIABLE,
        })
    }

    fn or_default(&self, given: Option<&Path>, name: &str) -> Option<PathBuf> {
        let runtime_dir = self.runtime_dir.as_deref().map(Path::new);
        given.map(Path::to_owned).or_else(|| socket::default_path(name, self.is_root, runtime_dir))
    }
}
