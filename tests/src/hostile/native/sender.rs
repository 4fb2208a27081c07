// SPDX-License-Identifier: MIT OR Apache-2.0
//! A connection that sends anything, and does not mind how the daemon takes it.

use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};
use vgpio_protocol::{Attach, Hello, Request, VERSION};

use super::Target;

/// How long a sender waits for a daemon that takes nothing.
const PATIENCE: Duration = Duration::from_millis(100);

/// A connection.
pub struct Sender {
    stream: UnixStream,
    seq: u64,
}

impl Sender {
    /// Connects, and says nothing.
    pub fn connect(target: &Target) -> Self {
        let stream = UnixStream::connect(&target.socket).expect("the daemon listens");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket has a timeout");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket has a timeout");
        Self { stream, seq: 0 }
    }

    /// Connects, and attaches by this line map.
    pub fn attached(target: &Target, map: &str) -> Self {
        let mut sender = Self::connect(target);
        sender.hello(0);
        sender.send(Request::Attach(Attach::Map(map)));
        sender
    }

    /// Says HELLO with these features.
    pub fn hello(&mut self, features: u64) {
        let (version_min, version_max, name) = (VERSION, VERSION, "hostile");
        self.send(Request::Hello(Hello { version_min, version_max, features, name }));
    }

    /// A message under the next sequence number.
    pub fn message(&mut self, request: Request<'_>) -> Vec<u8> {
        self.seq += 1;
        let mut bytes = Vec::new();
        request.encode(self.seq, &mut bytes);
        bytes
    }

    /// Sends a message; returns whether it was taken.
    pub fn send(&mut self, request: Request<'_>) -> bool {
        let bytes = self.message(request);
        self.send_bytes(&bytes)
    }

    /// Sends bytes; returns whether all were taken.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends bytes, and descriptors with them; returns whether they were taken.
    pub fn send_with(&mut self, bytes: &[u8], fds: &[RawFd]) -> bool {
        let (bytes, rights) = ([IoSlice::new(bytes)], [ControlMessage::ScmRights(fds)]);
        let rights = if fds.is_empty() { &[][..] } else { &rights };
        let (fd, flags) = (self.stream.as_raw_fd(), MsgFlags::MSG_NOSIGNAL);
        sendmsg::<UnixAddr>(fd, &bytes, rights, flags, None).is_ok()
    }

    /// Reads and forgets what has come, without waiting.
    pub fn drain(&mut self) {
        self.stream.set_nonblocking(true).expect("a socket");
        let mut buffer = vec![0; 64 * 1024];
        while matches!(self.stream.read(&mut buffer), Ok(1..)) {}
        self.stream.set_nonblocking(false).expect("a socket");
    }

    /// Sends no more, and reads and forgets until the daemon has carried out all and closes the connection.
    pub fn finish(mut self) {
        // It may have done so already.
        let _ = self.stream.shutdown(Shutdown::Write);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(1..) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                _ => return,
            }
        }
    }

    /// The connection.
    pub fn stream(&self) -> &UnixStream {
        &self.stream
    }
}
