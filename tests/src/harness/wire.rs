// SPDX-License-Identifier: MIT OR Apache-2.0
//! A connection to the daemon that sends any bytes whatever.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use vgpio_protocol::{Attach, ErrorCode, Event, Frame, Hello, Request, VERSION, features};

use super::{DEADLINE, Daemon, eventually};

/// What ends a flood that nobody takes.
const ENDS_FLOOD: [ErrorKind; 3] =
    [ErrorKind::WouldBlock, ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];

/// A connection of one's own.
pub struct Wire {
    stream: UnixStream,
    received: Vec<u8>,
    seq: u64,
}

/// An ERROR message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Sequence number of its cause.
    pub seq: u64,
    /// The lines concerned.
    pub mask: u64,
    /// Its code.
    pub code: ErrorCode,
    /// The host's error number, 0 if there was none.
    pub errno: u16,
    /// Its text.
    pub text: String,
}

impl Wire {
    /// Connects, and says nothing.
    pub fn connect(daemon: &Daemon) -> Self {
        let stream = UnixStream::connect(daemon.socket()).expect("the daemon listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket has a timeout");
        Self { stream, received: Vec::new(), seq: 0 }
    }

    /// Sends bytes as they are.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        // A daemon that has closed the session reads no more; what it said is still to be read.
        match self.stream.write_all(bytes) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => panic!("{error}"),
            _ => {}
        }
    }

    /// Sends a message under the next sequence number, which it returns.
    pub fn send(&mut self, request: Request<'_>) -> u64 {
        let bytes = self.message(request);
        self.send_bytes(&bytes);
        self.seq
    }

    /// Says HELLO.
    pub fn hello(&mut self, name: &str) {
        self.hello_with(name, 0);
    }

    fn hello_with(&mut self, name: &str, features: u64) {
        let (version_min, version_max) = (VERSION, VERSION);
        self.send(Request::Hello(Hello { version_min, version_max, features, name }));
    }

    /// Says HELLO, and that it answers PING.
    pub fn hello_to_be_watched(&mut self, name: &str) {
        self.hello_with(name, features::PING);
    }

    /// Says HELLO, and returns the descriptor that comes with the reply: that of a ring.
    pub fn hello_for_ring(&mut self, name: &str) -> File {
        self.hello_with(name, features::RING);
        let mut bytes = [0; 256];
        let (count, ring) = eventually("the reply to HELLO", || {
            vgpio_ring::receive(self.stream.as_fd(), &mut bytes).ok()
        });
        self.received.extend_from_slice(bytes.get(..count).unwrap_or_default());
        File::from(ring.expect("a descriptor"))
    }

    /// A message under the next sequence number, as bytes that are sent in another way.
    pub fn message(&mut self, request: Request<'_>) -> Vec<u8> {
        self.seq += 1;
        let mut bytes = Vec::new();
        request.encode(self.seq, &mut bytes);
        bytes
    }

    /// Attaches to an export.
    pub fn attach(&mut self, export: &str) {
        self.send(Request::Attach(Attach::Export(export)));
    }

    /// Attaches by line map.
    pub fn attach_map(&mut self, map: &str) {
        self.send(Request::Attach(Attach::Map(map)));
    }

    /// Sends a message over and over, without reading, until nobody has taken any for a while, or
    /// the daemon has closed the connection. Returns how often, at most a million times.
    pub fn flood(&mut self, request: Request<'_>) -> u32 {
        const A_WHILE: Duration = Duration::from_millis(500);
        self.stream.set_write_timeout(Some(A_WHILE)).expect("a socket has a timeout");
        for sent in 0..1_000_000 {
            let bytes = self.message(request);
            match self.stream.write_all(&bytes) {
                Ok(()) => {}
                Err(error) if ENDS_FLOOD.contains(&error.kind()) => return sent,
                Err(error) => panic!("{error}"),
            }
        }
        1_000_000
    }

    /// Reads messages until `pick` takes something from one. `None`: the daemon closed the
    /// connection first.
    pub fn read<T>(&mut self, mut pick: impl FnMut(u64, &Event<'_>) -> Option<T>) -> Option<T> {
        loop {
            while let Some(frame) = Frame::split(&self.received).expect("a message") {
                let event = Event::decode(&frame).expect("a message").expect("of a known type");
                let picked = pick(frame.seq, &event);
                let size = frame.size();
                self.received.drain(..size);
                if picked.is_some() {
                    return picked;
                }
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(n) => self.received.extend_from_slice(buffer.get(..n).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("the daemon says nothing: {error}"),
            }
        }
    }

    /// Reads until the next error. `None`: there was none before the connection was closed.
    pub fn error(&mut self) -> Option<Told> {
        self.read(|seq, event| match event {
            Event::Error(report) => Some(Told {
                seq,
                mask: report.mask,
                code: report.code,
                errno: report.errno,
                text: report.text.to_owned(),
            }),
            _ => None,
        })
    }

    /// Whether the session takes another message: a barrier is answered or refused, not met by
    /// the end of the connection.
    pub fn goes_on(&mut self) -> bool {
        self.seq += 1000;
        let barrier = self.send(Request::Sync);
        self.read(|seq, _| (seq == barrier).then_some(())).is_some()
    }

    /// Reads until the answer to a barrier sent now. False: the session is closed.
    pub fn sync(&mut self) -> bool {
        let barrier = self.send(Request::Sync);
        self.read(|seq, event| (seq == barrier).then_some(matches!(event, Event::Synced)))
            .unwrap_or(false)
    }
}
