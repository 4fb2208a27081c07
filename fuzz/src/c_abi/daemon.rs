// SPDX-License-Identifier: MIT OR Apache-2.0
//! A daemon that says anything to the client that connects to it.

use std::io::Write;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

use arbitrary::{Result, Unstructured};
use tempfile::TempDir;
use vgpio_protocol::{
    Bias, Drive, Edge, EdgeDetection, Edges, ErrorCode, ErrorReport, Event, HelloReply, LineEntry,
    LineFlags, Lines, Lost, Reason, Values,
};

use crate::some_bytes;

pub struct Daemon {
    dir: TempDir,
    listener: UnixListener,
    peer: Option<UnixStream>,
}

impl Daemon {
    pub fn new() -> Self {
        let dir = TempDir::with_prefix("vgpio-fuzz").expect("a folder");
        let listener = UnixListener::bind(dir.path().join("s")).expect("a socket");
        listener.set_nonblocking(true).expect("a socket");
        Self { dir, listener, peer: None }
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    /// Takes in the client that has connected last.
    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            stream.set_nonblocking(true).expect("a socket");
            self.peer = Some(stream);
        }
    }

    pub fn hang_up(&mut self) {
        self.accept();
        self.peer = None;
    }

    /// Says so many messages of any content, or none.
    pub fn say(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        self.accept();
        let mut bytes = Vec::new();
        let seq = u64::from(u.arbitrary::<u8>()?);
        match u.int_in_range(0..=10)? {
            0 | 1 => greet(u.int_in_range(0..=3)?, &mut bytes),
            2 => bytes.extend_from_slice(some_bytes(u)?),
            3 => attached(u.int_in_range(0..=70)?, u.arbitrary()?, seq, &mut bytes),
            _ => event(u, seq, &mut bytes)?,
        }
        if let Some(peer) = &mut self.peer {
            // A client that does not read any more need not be told.
            let _ = peer.write(&bytes);
        }
        Ok(())
    }
}

/// All that a good daemon says to a client that connects.
fn greet(lines: u16, bytes: &mut Vec<u8>) {
    let hello = HelloReply {
        version: 1,
        max_lines: 64,
        max_payload: 16384,
        session: 7,
        features: 0,
        name: "fuzz",
    };
    Event::Hello(hello).encode(1, bytes);
    attached(lines + 1, 0, 2, bytes);
    let mask = (2 << lines) - 1;
    let values = Values { mask, bits: 1, timestamp_ns: 1, lost_edges: 0, reason: Reason::Attached };
    Event::Values(values).encode(2, bytes);
}

fn attached(lines: u16, odd: u16, seq: u64, bytes: &mut Vec<u8>) {
    let entry = |i: u16| LineEntry {
        vgpio: i ^ odd,
        offset: i.into(),
        flags: LineFlags(u32::from(odd) >> 3),
        debounce_us: 0,
        poll_us: u32::from(odd) >> 8,
        bias: Bias::AsIs,
        drive: Drive::PushPull,
        edges: EdgeDetection::Both,
        name: ["LED", "", "a\0b"][usize::from(odd) % 3],
        chip: "block",
    };
    let entries: Vec<_> = (0..lines.min(64)).map(entry).collect();
    Event::Attached(Lines::new(&entries)).encode(seq, bytes);
}

fn event(u: &mut Unstructured<'_>, seq: u64, bytes: &mut Vec<u8>) -> Result<()> {
    let mask = u64::from(u.arbitrary::<u8>()?);
    let mask = if mask == 255 { u.arbitrary()? } else { mask };
    let text = ["", "gone", "no\0text", "gr\u{fc}n"][u.int_in_range(0..=3)?];
    match u.int_in_range(0..=6)? {
        0 | 1 => {
            let edge = |u: &mut Unstructured<'_>| {
                Ok(Edge {
                    line: u.int_in_range(0..=70)?,
                    active: u.arbitrary()?,
                    line_seqno: u.arbitrary::<u8>()?.into(),
                    timestamp_ns: 5,
                })
            };
            let count = u.int_in_range(1..=3_usize)?;
            let edges = (0..count).map(|_| edge(u)).collect::<Result<Vec<_>>>()?;
            Event::Edges(Edges::new(&edges)).encode(seq, bytes);
        }
        2 => {
            let reasons = [
                Reason::Attached,
                Reason::Reply,
                Reason::Configured,
                Reason::Resync,
                Reason::Restored,
            ];
            let reason = reasons[u.int_in_range(0..=4)?];
            let (bits, lost_edges) = (u.arbitrary::<u64>()? & mask, u.int_in_range(0..=2)?);
            Event::Values(Values { mask, bits, timestamp_ns: 9, lost_edges, reason })
                .encode(seq, bytes);
        }
        3 => Event::Lost(Lost { mask, text }).encode(seq, bytes),
        4 => Event::Restored(mask).encode(seq, bytes),
        5 => Event::Synced.encode(seq, bytes),
        _ => {
            let code = ErrorCode::from_wire(u.arbitrary::<u8>()?.into());
            Event::Error(ErrorReport { mask, code, errno: 5, text }).encode(seq, bytes);
        }
    }
    Ok(())
}
