// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a daemon and its frontends meet when nobody says otherwise (`docs/protocol.md`,
//! "Transport"). The environment is asked by the caller.

use std::path::{Path, PathBuf};

/// Environment variable with the path of the native socket, which overrides the default.
pub const SOCKET_VARIABLE: &str = "VGPIO_SOCKET";
/// Environment variable with the path of the control socket, which overrides the default.
pub const CONTROL_VARIABLE: &str = "VGPIO_CONTROL";
/// Name of the native socket in its folder.
pub const SOCKET_NAME: &str = "vgpiod.sock";
/// Name of the control socket in its folder.
pub const CONTROL_NAME: &str = "control.sock";

/// The socket `name` of root, or of the user whose `XDG_RUNTIME_DIR` is `runtime_dir`; `None` when
/// that is not set or empty.
///
/// ```
/// use std::path::Path;
/// use vgpio_protocol::socket::{SOCKET_NAME, default_path};
///
/// let users = default_path(SOCKET_NAME, false, Some(Path::new("/run/user/1000")));
/// assert_eq!(users.as_deref(), Some(Path::new("/run/user/1000/vgpio/vgpiod.sock")));
/// let roots = default_path(SOCKET_NAME, true, None);
/// assert_eq!(roots.as_deref(), Some(Path::new("/run/vgpio/vgpiod.sock")));
/// assert_eq!(default_path(SOCKET_NAME, false, None), None);
/// ```
#[must_use]
pub fn default_path(name: &str, is_root: bool, runtime_dir: Option<&Path>) -> Option<PathBuf> {
    let runtime_dir = if is_root { Some(Path::new("/run")) } else { runtime_dir };
    let folder = runtime_dir.filter(|folder| !folder.as_os_str().is_empty())?;
    Some(folder.join("vgpio").join(name))
}
