// SPDX-License-Identifier: MIT OR Apache-2.0
//! File descriptors that nobody asked for.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::from_ref;

use nix::libc::{SOL_SOCKET, c_int, setsockopt, socklen_t};

/// `SO_PASSRIGHTS` of `asm-generic/socket.h`, since Linux 6.16.
const SO_PASSRIGHTS: c_int = 83;

/// Whether the kernel passes on descriptors that are sent to this socket, or to those that are accepted from it; it
/// does unless told otherwise. One that is passed and not taken is closed on the thread that reads the message or
/// closes the socket, and a descriptor may be such that closing it takes for ever: that of a TCP connection which
/// lingers (`socket(7)`, `SO_LINGER`).
pub fn take_descriptors(socket: &impl AsFd, takes: bool) {
    let value = c_int::from(takes);
    let size = socklen_t::try_from(size_of::<c_int>()).expect("a few bytes");
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the value is as large as is said, and lives for longer than the call.
    let set = unsafe { setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, from_ref(&value).cast(), size) };
    if set != 0 {
        let error = io::Error::last_os_error();
        log::debug!("the kernel passes descriptors that nobody asked for, as before 6.16: {error}");
    }
}
