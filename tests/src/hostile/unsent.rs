// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sockets that take long to close.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use nix::libc::linger;
use nix::sys::socket::{setsockopt, sockopt};

/// How long closing waits, in seconds: longer than any test.
const LINGER: i32 = 3600;
/// Enough to send a message.
pub const A_MOMENT: Duration = Duration::from_secs(1);

/// A socket whose data is never taken, and what would have to take it. When that goes, nobody waits any more.
pub fn unsent() -> (TcpStream, (TcpListener, TcpStream)) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("a port");
    let mut socket = TcpStream::connect(address).expect("it listens");
    let (other, _) = listener.accept().expect("somebody connects");
    setsockopt(&socket, sockopt::Linger, &linger { l_onoff: 1, l_linger: LINGER }).expect("TCP");
    socket.set_nonblocking(true).expect("a socket");
    let bytes = vec![0; 64 * 1024];
    while socket.write(&bytes).is_ok() {}
    (socket, (listener, other))
}
