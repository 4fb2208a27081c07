// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's sockets, which are there when it has started.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Time between two attempts.
const PERIOD: Duration = Duration::from_millis(20);

/// Connects; a socket that is not there, or at which nobody listens, may come until `end`.
pub fn connect(path: &Path, end: Instant) -> io::Result<UnixStream> {
    loop {
        match UnixStream::connect(path) {
            Err(error) if may_come(&error) && Instant::now() < end => sleep(PERIOD),
            other => return other,
        }
    }
}

fn may_come(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}
