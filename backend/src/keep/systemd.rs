// SPDX-License-Identifier: MIT OR Apache-2.0
//! systemd's store of file descriptors (`systemd.service(5)`, `FileDescriptorStoreMax=`; `sd_notify(3)`).

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use nix::poll::{PollFd, PollFlags, poll};

use super::PATIENCE;

/// What the names of kept descriptors begin with; a number follows. Both parts of a request have one name.
pub const PREFIX: &str = "vgpio-lines-";

/// The service manager's socket.
#[derive(Debug)]
pub struct Manager(UnixDatagram);

impl Manager {
    /// The service manager that has started this process; none if there is none.
    ///
    /// # Errors
    /// When it cannot be spoken to.
    pub fn of_environment() -> io::Result<Option<Self>> {
        let Some(address) = env::var_os("NOTIFY_SOCKET").filter(|address| !address.is_empty())
        else {
            return Ok(None);
        };
        let bytes = address.as_bytes();
        let address = match bytes.split_first() {
            Some((b'@', name)) => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(OsStr::from_bytes(bytes))?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address)?;
        socket.set_nonblocking(true)?;
        Ok(Some(Self(socket)))
    }

    /// How many descriptors it stores for this service, as systemd tells from version 254 on.
    pub fn room() -> Option<usize> {
        env::var("FDSTORE").ok()?.parse().ok()
    }

    /// Tells that the daemon is ready.
    ///
    /// # Errors
    /// When it is not told.
    pub fn ready(&self) -> io::Result<()> {
        self.patiently(|socket| socket.send(b"READY=1"))
    }

    /// Has a descriptor stored.
    ///
    /// # Errors
    /// When it is not told.
    pub fn keep(&self, number: u64, passed: BorrowedFd<'_>) -> io::Result<()> {
        let text = format!("FDSTORE=1\nFDNAME={PREFIX}{number}");
        self.patiently(|socket| vgpio_ring::send(socket.as_fd(), text.as_bytes(), passed))
    }

    /// Has all descriptors of that number closed.
    ///
    /// # Errors
    /// When it is not told.
    pub fn forget(&self, number: u64) -> io::Result<()> {
        let text = format!("FDSTOREREMOVE=1\nFDNAME={PREFIX}{number}");
        self.patiently(|socket| socket.send(text.as_bytes()))
    }

    /// Sends, when there is room.
    fn patiently(&self, send: impl Fn(&UnixDatagram) -> io::Result<usize>) -> io::Result<()> {
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLOUT)];
        poll(&mut fds, PATIENCE)?;
        send(&self.0).map(drop)
    }
}
