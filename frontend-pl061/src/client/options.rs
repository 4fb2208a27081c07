// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a client is told at the start.
#![forbid(unsafe_code)]

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use nix::unistd::geteuid;
use thiserror::Error;
use vgpio_protocol::limits::{MAX_ATTACH_TEXT, MAX_NAME};
use vgpio_protocol::socket::{SOCKET_NAME, SOCKET_VARIABLE, default_path};
use vgpio_protocol::{Attach, LineMap, MapError};

/// The lines wanted of the backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lines {
    /// Those of an export of the daemon's configuration, by its name.
    Export(String),
    /// Those of a line map, `CHIP,vgpios=0:1:2,gpios=11:12:13[,key=value...]`, which the daemon has
    /// to allow.
    Map(String),
}

/// What a [`Client`](super::Client) is told at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The daemon's socket; [`default_socket`] unless said otherwise.
    pub socket: PathBuf,
    /// The lines wanted.
    pub lines: Lines,
    /// Name for logs and as consumer of the lines, at most 64 bytes; empty by default.
    pub name: String,
    /// How long to wait before connecting again; 1 s by default, `None` for never. At least 5 s
    /// after a daemon has refused, for its configuration, lines that were attached before.
    pub reconnect: Option<Duration>,
    /// Bytes that may wait for a backend that does not read; 64 KiB by default, 8 KiB to 64 MiB.
    pub queue_bytes: usize,
    /// Lines of the guest's controller, 65536 by default. An attachment that names a vgpio beyond
    /// is not taken.
    pub guest_lines: u32,
}

impl Options {
    /// Smallest [`queue_bytes`](Self::queue_bytes).
    pub const MIN_QUEUE_BYTES: usize = 8 * 1024;
    /// Largest [`queue_bytes`](Self::queue_bytes): all of it is reserved at once.
    pub const MAX_QUEUE_BYTES: usize = 64 * 1024 * 1024;

    /// The defaults, for these lines.
    #[must_use]
    pub fn new(lines: Lines) -> Self {
        Self {
            socket: default_socket(),
            lines,
            name: String::new(),
            reconnect: Some(Duration::from_secs(1)),
            queue_bytes: 64 * 1024,
            guest_lines: 0x1_0000,
        }
    }

    /// The vgpio of each line, in order, as far as they are known before attaching.
    pub(super) fn check(&self) -> Result<Vec<u16>, OptionsError> {
        let (Lines::Export(text) | Lines::Map(text)) = &self.lines;
        if text.is_empty() || text.len() > MAX_ATTACH_TEXT {
            return Err(OptionsError::LinesLength(text.len()));
        }
        if self.name.len() > MAX_NAME {
            return Err(OptionsError::NameLength(self.name.len()));
        }
        if !(Self::MIN_QUEUE_BYTES..=Self::MAX_QUEUE_BYTES).contains(&self.queue_bytes) {
            return Err(OptionsError::Queue(self.queue_bytes));
        }
        let Lines::Map(map) = &self.lines else {
            return Ok(Vec::new());
        };
        let map = map.parse::<LineMap>()?;
        let vgpios: Vec<u16> = map.lines.iter().map(|line| line.vgpio).collect();
        match vgpios.iter().find(|&&v| u32::from(v) >= self.guest_lines) {
            Some(&vgpio) => {
                Err(OptionsError::NoGuestLine(NoGuestLine { vgpio, lines: self.guest_lines }))
            }
            None => Ok(vgpios),
        }
    }

    pub(super) fn attach(&self) -> Attach<'_> {
        match &self.lines {
            Lines::Export(name) => Attach::Export(name),
            Lines::Map(map) => Attach::Map(map),
        }
    }
}

/// A line that the guest's controller does not have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "the attachment names vgpio {vgpio}, but the guest's controller has the lines 0 to {}; change \
     vgpios= of the line map or the export",
    .lines.saturating_sub(1)
)]
pub struct NoGuestLine {
    /// The line named.
    pub vgpio: u16,
    /// Number of lines of the guest's controller.
    pub lines: u32,
}

/// Why options are refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OptionsError {
    /// The line map is wrong.
    #[error("the line map is wrong")]
    Map(#[from] MapError),
    /// The line map names a line that the guest's controller does not have.
    #[error(transparent)]
    NoGuestLine(NoGuestLine),
    /// No export and no line map, or too long a text.
    #[error(
        "the name of the export, or the line map, has {0} bytes; it takes 1 to {MAX_ATTACH_TEXT}"
    )]
    LinesLength(usize),
    /// The name of the frontend is too long.
    #[error("the name of the frontend has {0} bytes; shorten it to at most {MAX_NAME}")]
    NameLength(usize),
    /// The queue is too small or too large.
    #[error(
        "a queue of {0} bytes is too small or too large; give it {min} to {max}",
        min = Options::MIN_QUEUE_BYTES,
        max = Options::MAX_QUEUE_BYTES
    )]
    Queue(usize),
}

/// The daemon's socket: `VGPIO_SOCKET`, else `/run/vgpio/vgpiod.sock` for root, else
/// `vgpio/vgpiod.sock` in `XDG_RUNTIME_DIR`, or in `/run/user/UID` when that is not set.
#[must_use]
pub fn default_socket() -> PathBuf {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = set(SOCKET_VARIABLE) {
        return path;
    }
    let uid = geteuid();
    let folder = set("XDG_RUNTIME_DIR").unwrap_or_else(|| format!("/run/user/{uid}").into());
    default_path(SOCKET_NAME, uid.is_root(), Some(&folder)).unwrap_or_default()
}
