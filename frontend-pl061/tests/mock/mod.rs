// SPDX-License-Identifier: MIT OR Apache-2.0
//! A backend in this process, which says and expects what a test tells it to.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tempfile::TempDir;
use vgpio::client::{Client, Event, Lines, Options, State};
use vgpio_protocol::{
    Attach, Bias, Drive, EdgeDetection, ErrorCode, ErrorReport, Event as Message, Frame,
    HelloReply, LineEntry, LineFlags, Lines as Entries, Reason, Request, Values,
};

/// The longest that anything in these tests may take.
pub const LIMIT: Duration = Duration::from_secs(10);

pub fn deadline() -> Instant {
    Instant::now() + LIMIT
}

pub struct Mock {
    dir: TempDir,
    listener: UnixListener,
}

impl Mock {
    pub fn new() -> Self {
        let dir = TempDir::with_prefix("vgpio").expect("a directory");
        let listener = UnixListener::bind(dir.path().join("sock")).expect("a socket");
        Self { dir, listener }
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("sock")
    }

    /// Options for the export `test`, with a short reconnect period.
    pub fn options(&self) -> Options {
        Options {
            socket: self.path(),
            name: "guest-1".into(),
            reconnect: Some(Duration::from_millis(1)),
            ..Options::new(Lines::Export("test".into()))
        }
    }

    pub fn accept(&self) -> Peer {
        let mut fds = [PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
        let limit = PollTimeout::try_from(LIMIT).expect("a short time");
        assert_eq!(poll(&mut fds, limit), Ok(1), "nobody connects");
        let (stream, _) = self.listener.accept().expect("a connection");
        stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
        stream.set_write_timeout(Some(LIMIT)).expect("a timeout");
        Peer { stream, received: Vec::new() }
    }

    /// A client with the lines 0 to `count` - 1 attached, all low inputs, and the other end of it.
    pub fn attached(&self, count: u16) -> (Client, Peer) {
        self.attached_with(self.options(), &entries(count))
    }

    pub fn attached_with(&self, options: Options, lines: &[LineEntry<'_>]) -> (Client, Peer) {
        let mut client = Client::new(options).expect("good options");
        client.connect().expect("the mock listens");
        let peer = self.serve(&mut client, lines);
        (client, peer)
    }

    /// Lets a client that has lost its connection connect again, and gives it its lines.
    pub fn again(&self, client: &mut Client, lines: &[LineEntry<'_>]) -> Peer {
        self.again_noting(client, lines).0
    }

    /// The same, and what the client told.
    pub fn again_noting(&self, client: &mut Client, lines: &[LineEntry<'_>]) -> (Peer, Vec<Event>) {
        let connected = |c: &Client| c.state() != State::Disconnected;
        let mut events = Vec::new();
        client
            .wait_until(deadline(), &mut |event| events.push(event), connected)
            .expect("it connects again");
        assert_eq!(events, []);
        self.serve_noting(client, lines)
    }

    /// Gives a client that has connected its lines, up to the first snapshot.
    pub fn serve(&self, client: &mut Client, lines: &[LineEntry<'_>]) -> Peer {
        self.serve_noting(client, lines).0
    }

    /// The same, and what the client told.
    pub fn serve_noting(&self, client: &mut Client, lines: &[LineEntry<'_>]) -> (Peer, Vec<Event>) {
        let mut peer = self.accept();
        peer.greet();
        peer.attach(lines);
        let events = events_until(client, |event| matches!(event, Event::Levels { .. }));
        assert_eq!(events.first(), Some(&Event::Connected));
        (peer, events)
    }
}

/// Lines 0 to `count` - 1 of a chip, inputs, under the same numbers in the guest.
pub fn entries(count: u16) -> Vec<LineEntry<'static>> {
    (0..count).map(|vgpio| entry(vgpio, 0)).collect()
}

pub fn entry(vgpio: u16, flags: u32) -> LineEntry<'static> {
    LineEntry {
        vgpio,
        offset: 100 + u32::from(vgpio),
        flags: LineFlags(flags),
        debounce_us: 0,
        poll_us: 0,
        bias: Bias::AsIs,
        drive: Drive::PushPull,
        edges: EdgeDetection::Both,
        name: "LED",
        chip: "e6055400.gpio",
    }
}

pub fn values(mask: u64, bits: u64, reason: Reason) -> Message<'static> {
    Message::Values(Values { mask, bits, timestamp_ns: 1, lost_edges: 0, reason })
}

pub fn error(mask: u64, code: ErrorCode, text: &str) -> Message<'_> {
    Message::Error(ErrorReport { mask, code, errno: 0, text })
}

pub const HELLO: Message<'static> = Message::Hello(HelloReply {
    version: 1,
    max_lines: 64,
    max_payload: 16384,
    session: 7,
    features: 0,
    name: "mock",
});

/// Takes events until one is as wanted.
pub fn events_until(client: &mut Client, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
    let mut events = Vec::new();
    while !events.iter().any(&wanted) {
        let happened = client.wait(deadline(), &mut |event| events.push(event));
        assert!(happened, "nothing more after {events:?}");
    }
    events
}

/// The other end of a client's connection.
pub struct Peer {
    stream: UnixStream,
    received: Vec<u8>,
}

impl Peer {
    pub fn send(&mut self, seq: u64, message: &Message<'_>) {
        let mut bytes = Vec::new();
        message.encode(seq, &mut bytes);
        self.send_bytes(&bytes);
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the client reads");
    }

    /// The next message of the client; `None` when it has closed.
    pub fn receive(&mut self) -> Option<(u64, Request<'static>)> {
        let mut chunk = [0; 4096];
        loop {
            if let Some(message) = self.take() {
                return Some(message);
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(n) => self.received.extend_from_slice(&chunk[..n]),
                Err(e) if e.kind() == ErrorKind::ConnectionReset => return None,
                Err(e) => panic!("the client sent nothing: {e}"),
            }
        }
    }

    /// The next message of those received.
    fn take(&mut self) -> Option<(u64, Request<'static>)> {
        let frame = Frame::split(&self.received).expect("a good header")?;
        let request = Request::decode(&frame).expect("a good message");
        let result = (frame.seq, owned(request.expect("a known message")));
        let size = frame.size();
        self.received.drain(..size);
        Some(result)
    }

    pub fn expect(&mut self, wanted: Request<'_>) -> u64 {
        let (seq, request) = self.receive().expect("a message");
        assert_eq!(request, wanted);
        seq
    }

    /// Nothing has come that was not taken.
    pub fn expect_nothing(&mut self) {
        self.stream.set_nonblocking(true).expect("a flag");
        let got = self.stream.read(&mut [0; 1]);
        self.stream.set_nonblocking(false).expect("a flag");
        assert!(self.received.is_empty());
        assert_eq!(got.map_err(|e| e.kind()), Err(ErrorKind::WouldBlock));
    }

    /// The messages that the client has sent so far.
    pub fn so_far(&mut self) -> Vec<Request<'static>> {
        self.stream.set_nonblocking(true).expect("a flag");
        let end = self.stream.read_to_end(&mut self.received).map_err(|e| e.kind());
        self.stream.set_nonblocking(false).expect("a flag");
        assert_eq!(end, Err(ErrorKind::WouldBlock));
        std::iter::from_fn(|| self.take()).map(|(_, request)| request).collect()
    }

    /// Takes HELLO and answers it.
    pub fn greet(&mut self) {
        self.greet_with(&HELLO, None);
    }

    /// Takes HELLO, answers it with this, and passes a descriptor.
    pub fn greet_with(&mut self, reply: &Message<'_>, passed: Option<BorrowedFd<'_>>) {
        let (seq, request) = self.receive().expect("HELLO");
        assert!(matches!(request, Request::Hello(_)), "{request:?}");
        let mut bytes = Vec::new();
        reply.encode(seq, &mut bytes);
        match passed {
            Some(passed) => {
                let sent = vgpio_ring::send(self.stream.as_fd(), &bytes, passed);
                assert_eq!(sent.expect("the client reads"), bytes.len());
            }
            None => self.send_bytes(&bytes),
        }
    }

    /// One doorbell has come.
    pub fn expect_doorbell(&mut self) {
        assert_eq!(self.received, []);
        let mut byte = [1];
        self.stream.read_exact(&mut byte).expect("a doorbell");
        assert_eq!(byte, [0]);
    }

    /// Takes ATTACH; gives its sequence number.
    pub fn take_attach(&mut self) -> u64 {
        let (seq, request) = self.receive().expect("ATTACH");
        assert!(matches!(request, Request::Attach(_)), "{request:?}");
        seq
    }

    /// Takes ATTACH and gives the lines, all low.
    pub fn attach(&mut self, lines: &[LineEntry<'_>]) {
        let seq = self.take_attach();
        self.send(seq, &Message::Attached(Entries::new(lines)));
        let all = u64::MAX >> (64 - lines.len());
        self.send(0, &values(all, 0, Reason::Attached));
    }

    /// Carries out SETs and CONFIGUREs up to the next SYNC, which it answers; gives them.
    pub fn until_sync(&mut self) -> Vec<Request<'static>> {
        let mut requests = Vec::new();
        loop {
            match self.receive().expect("SYNC") {
                (seq, Request::Sync) => {
                    self.send(seq, &Message::Synced);
                    return requests;
                }
                (_, request) => requests.push(request),
            }
        }
    }
}

fn owned(request: Request<'_>) -> Request<'static> {
    let leak = |text: &str| -> &'static str { String::leak(text.to_owned()) };
    match request {
        Request::Hello(hello) => {
            Request::Hello(vgpio_protocol::Hello { name: leak(hello.name), ..hello })
        }
        Request::Attach(Attach::Export(text)) => Request::Attach(Attach::Export(leak(text))),
        Request::Attach(Attach::Map(text)) => Request::Attach(Attach::Map(leak(text))),
        Request::Info => Request::Info,
        Request::Configure(configure) => Request::Configure(configure),
        Request::Set(set) => Request::Set(set),
        Request::Get(mask) => Request::Get(mask),
        Request::Ring => Request::Ring,
        Request::Pong => Request::Pong,
        Request::Sync => Request::Sync,
    }
}
