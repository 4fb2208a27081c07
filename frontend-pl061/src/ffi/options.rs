// SPDX-License-Identifier: MIT OR Apache-2.0
//! Options of a client, as C gives them.

use std::ffi::c_char;
use std::time::Duration;

use super::handle::Extensible;
use super::text;
use crate::client::{Lines, Options};

/// What a client is told at the start. Set all to zero, then `size` to
/// `sizeof(struct vgpio_client_options)`, then what is wanted. The texts are copied.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct vgpio_client_options {
    /// Size of this structure in bytes.
    pub size: usize,
    /// The daemon's socket. NULL: `VGPIO_SOCKET`, else `/run/vgpio/vgpiod.sock` for root, else
    /// `vgpio/vgpiod.sock` in `XDG_RUNTIME_DIR`.
    pub socket: *const c_char,
    /// Name of an export of the daemon. Either this or `line_map` is given.
    pub export_name: *const c_char,
    /// A line map, "CHIP,vgpios=0:1:2,gpios=11:12:13[,key=value...]"; a comma inside a value is
    /// written twice. `vgpio_client_new` checks it and says in which column it is wrong.
    pub line_map: *const c_char,
    /// Name for logs and as consumer of the lines, at most 64 bytes. NULL: none.
    pub name: *const c_char,
    /// Milliseconds until another attempt to connect. 0: 1000. Negative: never. At least 5000 after
    /// a daemon has refused, for its configuration, lines that were attached before.
    pub reconnect_ms: i32,
    /// Lines of the guest's controller: an attachment that names a vgpio beyond is refused.
    /// 0: 65536.
    pub guest_lines: u32,
    /// Bytes that may wait for a daemon that does not read, 8192 to 67108864, all reserved at
    /// once. 0: 65536.
    pub queue_bytes: usize,
}

// SAFETY: `repr(C)`, begins with a `usize`, and holds numbers and pointers, which may be zero.
unsafe impl Extensible for vgpio_client_options {}

impl vgpio_client_options {
    /// As Rust takes them, or what is wrong with them.
    ///
    /// # Safety
    /// Each pointer is NULL or points to a text with a zero byte at its end.
    pub(super) unsafe fn to_options(self) -> Result<Options, &'static str> {
        let not_utf8 = |_| "a text of the options is not UTF-8";
        // SAFETY: by the caller's word.
        let export = unsafe { text::given(self.export_name) }.map_err(not_utf8)?;
        // SAFETY: by the caller's word.
        let map = unsafe { text::given(self.line_map) }.map_err(not_utf8)?;
        // SAFETY: by the caller's word.
        let socket = unsafe { text::given(self.socket) }.map_err(not_utf8)?;
        // SAFETY: by the caller's word.
        let name = unsafe { text::given(self.name) }.map_err(not_utf8)?;
        let lines = match (export, map) {
            (Some(export), None) => Lines::Export(export.to_owned()),
            (None, Some(map)) => Lines::Map(map.to_owned()),
            _ => return Err("give export_name or line_map, and not both"),
        };
        let mut options = Options::new(lines);
        if let Some(socket) = socket {
            options.socket = socket.into();
        }
        name.unwrap_or_default().clone_into(&mut options.name);
        if self.reconnect_ms != 0 {
            let period = u64::try_from(self.reconnect_ms).ok();
            options.reconnect = period.map(Duration::from_millis);
        }
        if self.guest_lines != 0 {
            options.guest_lines = self.guest_lines;
        }
        if self.queue_bytes != 0 {
            options.queue_bytes = self.queue_bytes;
        }
        Ok(options)
    }
}
