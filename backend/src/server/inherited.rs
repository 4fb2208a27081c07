// SPDX-License-Identifier: MIT OR Apache-2.0
//! The socket that another program made: `--fd N`.
#![allow(unsafe_code)]

use std::env;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::socket::sockopt::{AcceptConn, SockType};
use nix::sys::socket::{
    AddressFamily, SockType as Kind, SockaddrLike, SockaddrStorage, getpeername, getsockname,
    getsockopt,
};
use thiserror::Error;

/// A file descriptor that is no such socket.
#[derive(Debug, Error)]
pub enum InheritedError {
    /// It cannot be listened on.
    #[error(
        "file descriptor {0} is no listening Unix stream socket; give --fd the number of one, or --socket-path"
    )]
    NotListening(RawFd),
    /// It can neither be listened on, nor is it connected.
    #[error(
        "file descriptor {0} is no Unix stream socket that listens or is connected; give the number of one, or a path"
    )]
    NeitherOne(RawFd),
}

/// An inherited Unix stream socket.
#[derive(Debug)]
pub enum Inherited {
    /// Others connect to it.
    Listening(UnixListener),
    /// Somebody is connected by it.
    Connected(UnixStream),
}

/// The listening Unix socket that this process inherited as `fd`.
///
/// # Errors
/// When `fd` is not open or is something else.
pub fn listener(fd: RawFd) -> Result<UnixListener, InheritedError> {
    match socket(fd) {
        Ok(Inherited::Listening(listener)) => Ok(listener),
        _ => Err(InheritedError::NotListening(fd)),
    }
}

/// The listening or connected Unix socket that this process inherited as `fd`.
///
/// # Errors
/// When `fd` is not open or is something else.
pub fn socket(fd: RawFd) -> Result<Inherited, InheritedError> {
    inherit(fd).ok_or(InheritedError::NeitherOne(fd))
}

fn inherit(fd: RawFd) -> Option<Inherited> {
    let address = getsockname::<SockaddrStorage>(fd).ok()?;
    if fd <= 2 || address.family() != Some(AddressFamily::Unix) {
        return None;
    }
    // SAFETY: `fd` is open, as getsockname has just shown, and nothing closes it during this
    // borrow: the daemon has one thread at this point.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    if getsockopt(&borrowed, SockType).ok()? != Kind::Stream {
        return None;
    }
    let owned = borrowed.try_clone_to_owned().ok()?;
    if getsockopt(&borrowed, AcceptConn).ok()? {
        let listener = UnixListener::from(owned);
        listener.set_nonblocking(true).ok()?;
        return Some(Inherited::Listening(listener));
    }
    getpeername::<SockaddrStorage>(fd).ok()?;
    let stream = UnixStream::from(owned);
    stream.set_nonblocking(true).ok()?;
    Some(Inherited::Connected(stream))
}

/// The descriptors that systemd has passed to this process under names that begin with `prefix`, and the
/// rest of their names (`sd_listen_fds(3)`). They are closed with what is returned, so it may be asked for once.
pub fn kept_descriptors(prefix: &str) -> Vec<(String, OwnedFd)> {
    let number = |name: &str| env::var(name).ok()?.parse::<u32>().ok();
    if number("LISTEN_PID") != Some(std::process::id()) {
        return Vec::new();
    }
    let count = number("LISTEN_FDS").unwrap_or(0);
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let passed = (FIRST_PASSED..).zip(names.split(':')).zip(0..count);
    let passed = passed.map(|(passed, _)| passed);
    let own = passed.filter_map(|(fd, name)| Some((fd, name.strip_prefix(prefix)?.to_owned())));
    own.filter_map(|(fd, name)| {
        // SAFETY: `fd` is only borrowed for the call, which fails if it is not open.
        let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
        fcntl(borrowed, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).ok()?;
        // SAFETY: it is open, as has just been shown, and nobody else in this process owns it: the
        // service manager passed it to this process under a name that is for this purpose.
        let owned = unsafe { OwnedFd::from_raw_fd(fd) };
        Some((name, owned))
    })
    .collect()
}

/// The first descriptor that systemd passes.
const FIRST_PASSED: RawFd = 3;
