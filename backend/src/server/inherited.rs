// SPDX-License-Identifier: MIT OR Apache-2.0
//! The listening socket that another program made: `--fd N`.
#![allow(unsafe_code)]

use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::net::UnixListener;

use nix::sys::socket::sockopt::AcceptConn;
use nix::sys::socket::{AddressFamily, SockaddrLike, SockaddrStorage, getsockname, getsockopt};
use thiserror::Error;

/// A file descriptor that is no listening Unix socket.
#[derive(Debug, Error)]
#[error(
    "file descriptor {0} is no listening Unix stream socket; give --fd the number of one, or --socket-path"
)]
pub struct InheritedError(RawFd);

/// The listening Unix socket that this process inherited as `fd`.
///
/// # Errors
/// When `fd` is not open or is something else.
pub fn listener(fd: RawFd) -> Result<UnixListener, InheritedError> {
    let bad = InheritedError(fd);
    if fd <= 2 {
        return Err(bad);
    }
    let address = getsockname::<SockaddrStorage>(fd);
    if address.ok().and_then(|address| address.family()) != Some(AddressFamily::Unix) {
        return Err(bad);
    }
    // SAFETY: `fd` is open, as getsockname has just shown, and nothing closes it during this
    // borrow: the daemon has one thread at this point.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    if getsockopt(&borrowed, AcceptConn) != Ok(true) {
        return Err(bad);
    }
    let owned = borrowed.try_clone_to_owned().map_err(|_| InheritedError(fd))?;
    let listener = UnixListener::from(owned);
    listener.set_nonblocking(true).map_err(|_| InheritedError(fd))?;
    Ok(listener)
}
