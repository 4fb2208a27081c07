// SPDX-License-Identifier: MIT OR Apache-2.0
//! A device, and a session that behaves as `docs/protocol.md` says.

#![allow(dead_code, reason = "each test program uses its part")]

pub mod guest;

use vgpio_protocol::{
    Bias, Drive, Edge, EdgeDetection, Edges, ErrorCode, ErrorReport, Event, Frame, LineEntry,
    LineFlags, Lines, Lost, Reason, Request as Message, Values,
};
use vgpio_virtio::{Answer, Device, IrqStatus, Kind, Request, Response};

/// A line of the session.
#[derive(Clone, Copy, Debug, Default)]
pub struct Host {
    pub output: bool,
    pub level: bool,
    pub lost: bool,
    pub refuses: bool,
    pub has_refused: bool,
    /// The level that the device was told last.
    pub told: bool,
    seqno: u32,
}

/// A device on a session of its own.
pub struct World {
    pub device: Device<u32>,
    pub hosts: Vec<Host>,
    pub returned: Vec<(u32, IrqStatus)>,
    /// How many messages the session takes, until it is told to take more.
    pub pace: usize,
    /// Lines that the device was told lost edges of.
    pub missed: u64,
    /// Lines whose edges were lost, as the next values say that have all of them; and how many.
    stale: (u64, u32),
    next_buffer: u32,
}

pub fn entry(vgpio: u16, name: &str, output: bool) -> LineEntry<'_> {
    LineEntry {
        vgpio,
        offset: vgpio.into(),
        flags: LineFlags(if output { LineFlags::OUTPUT } else { 0 }),
        debounce_us: 0,
        poll_us: 0,
        bias: Bias::AsIs,
        drive: Drive::PushPull,
        edges: EdgeDetection::Both,
        name,
        chip: "chip",
    }
}

impl World {
    /// A device whose lines are numbered from 0 on; `outputs` are such, at level 1, from the start.
    pub fn new(lines: u16, outputs: u64) -> Self {
        let is_output = |i: u16| outputs >> i & 1 == 1;
        let entries: Vec<_> = (0..lines).map(|i| entry(i, "", is_output(i))).collect();
        let host = |i| Host { output: is_output(i), level: is_output(i), ..Host::default() };
        let mut world = Self {
            device: Device::new(&Lines::new(&entries)).expect("the lines are low"),
            hosts: (0..lines).map(host).collect(),
            returned: Vec::new(),
            pace: usize::MAX,
            missed: 0,
            stale: (0, 0),
            next_buffer: 0,
        };
        world.device.set_interrupts(true);
        world.values(2, u64::MAX, Reason::Attached, 0);
        world
    }

    /// Sends a request, and carries out what the session is asked.
    pub fn request(&mut self, kind: Kind, gpio: u16, value: u32) -> Response {
        self.raw(Request { kind: kind as u16, gpio, value })
    }

    /// As [`request`](Self::request), of any content.
    pub fn raw(&mut self, request: Request) -> Response {
        self.begin(request).expect("the session has answered all")
    }

    /// As [`request`](Self::request), of a session that may be late: then there is no response yet.
    pub fn ask(&mut self, kind: Kind, gpio: u16, value: u32) -> Option<Response> {
        self.begin(Request { kind: kind as u16, gpio, value })
    }

    /// As [`ask`](Self::ask), of any content.
    pub fn begin(&mut self, request: Request) -> Option<Response> {
        let answer = self.device.request(request);
        self.serve();
        match answer {
            Answer::Now(response) => Some(response),
            Answer::Names => Some(Response::OK),
            Answer::Later => self.device.take_response(),
        }
    }

    /// Queues a buffer for a line; returns what it is known by.
    pub fn unmask(&mut self, gpio: u16) -> u32 {
        self.next_buffer += 1;
        self.device.unmask(gpio, self.next_buffer);
        self.serve();
        self.next_buffer
    }

    /// An input changes, as the session tells it.
    pub fn edge(&mut self, line: usize, level: bool) {
        let host = &mut self.hosts[line];
        (host.level, host.told) = (level, level);
        host.seqno = host.seqno.wrapping_add(1);
        let edge = Edge {
            line: u16::try_from(line).expect("few lines"),
            active: level,
            line_seqno: host.seqno,
            timestamp_ns: 0,
        };
        self.device.event(0, &Event::Edges(Edges::new(&[edge])));
        self.serve();
    }

    /// An input changes, and nobody is told.
    pub fn change_unseen(&mut self, line: usize, level: bool) {
        self.hosts[line].level = level;
    }

    /// An input changes, and its edge is lost.
    pub fn lose_edge(&mut self, line: usize, level: bool) {
        self.change_unseen(line, level);
        self.stale.0 |= 1 << line;
        self.stale.1 += 1;
    }

    /// The session tells of levels of its own accord.
    pub fn snapshot(&mut self, mask: u64, reason: Reason, lost_edges: u32) {
        self.values(0, mask, reason, lost_edges);
        self.serve();
    }

    /// From now on the host does nothing of what it is asked of these lines, but of no others.
    pub fn refuse(&mut self, mask: u64) {
        self.for_bits(u64::MAX, mask, |host, refuses| {
            host.refuses = refuses;
            host.has_refused |= refuses;
        });
    }

    /// The chip of some lines goes.
    pub fn lose(&mut self, mask: u64) {
        self.for_each(mask, |host| host.lost = true);
        self.device.event(0, &Event::Lost(Lost { mask, text: "gone" }));
        self.serve();
    }

    /// It comes back.
    pub fn restore(&mut self, mask: u64) {
        self.for_each(mask, |host| host.lost = false);
        self.device.event(0, &Event::Restored(mask));
        self.snapshot(mask, Reason::Restored, 0);
    }

    /// What has come back since the last call.
    pub fn take_returned(&mut self) -> Vec<(u32, IrqStatus)> {
        std::mem::take(&mut self.returned)
    }

    /// Carries out the messages for the session, and fetches returned buffers.
    pub fn serve(&mut self) {
        while self.pace > 0
            && let Some(frame) = Frame::split(self.device.messages()).expect("a message")
        {
            self.pace -= 1;
            let (seq, size) = (frame.seq, frame.size());
            let bytes = self.device.messages()[..size].to_vec();
            self.device.sent(size);
            let frame = Frame::split(&bytes).expect("a message").expect("all of it");
            let message = Message::decode(&frame).expect("a message").expect("of a known type");
            self.carry_out(seq, &message);
        }
        while let Some(returned) = self.device.take_returned() {
            self.returned.push(returned);
        }
    }

    fn carry_out(&mut self, seq: u64, message: &Message<'_>) {
        match message {
            Message::Get(mask) => {
                if self.may_be_done(seq, *mask & !self.lost()) {
                    self.values(seq, *mask, Reason::Reply, 0);
                }
            }
            Message::Sync => self.device.event(seq, &Event::Synced),
            Message::Set(set) => {
                if self.may_be_done(seq, set.mask) {
                    self.for_bits(set.mask, set.bits, |host, level| host.level = level);
                }
            }
            Message::Configure(change) => {
                let directions = change.direction.expect("the device gives directions only so");
                if self.may_be_done(seq, change.mask) {
                    self.for_bits(change.mask, directions.outputs, |host, output| {
                        host.output = output;
                    });
                    self.for_bits(directions.outputs, directions.bits, |host, level| {
                        host.level = level;
                    });
                    let inputs = change.mask & !directions.outputs;
                    if inputs != 0 {
                        self.values(seq, inputs, Reason::Configured, 0);
                    }
                }
            }
            other => panic!("the device has no need of {other:?}"),
        }
    }

    fn may_be_done(&mut self, seq: u64, mask: u64) -> bool {
        let refusing = mask & self.lines(|host| host.refuses);
        let lost = mask & self.lost();
        let (mask, code) = match (refusing, lost) {
            (0, 0) => return true,
            (0, _) => (lost, ErrorCode::LineLost),
            _ => (refusing, ErrorCode::Host),
        };
        self.device.event(seq, &Event::Error(ErrorReport { mask, code, errno: 0, text: "" }));
        code == ErrorCode::LineLost
    }

    fn values(&mut self, seq: u64, mask: u64, reason: Reason, mut lost_edges: u32) {
        let told = mask & self.lines(|host| !host.lost);
        let bits = told & self.lines(|host| host.level);
        self.for_bits(told, bits, |host, level| host.told = level);
        if told & self.stale.0 == self.stale.0 {
            lost_edges += std::mem::take(&mut self.stale).1;
        }
        self.missed |= if lost_edges > 0 { told } else { 0 };
        let values = Values { mask: told, bits, timestamp_ns: 0, lost_edges, reason };
        self.device.event(seq, &Event::Values(values));
    }

    fn lost(&self) -> u64 {
        self.lines(|host| host.lost)
    }

    /// The lines of which this holds.
    fn lines(&self, what: fn(&Host) -> bool) -> u64 {
        let bits = self.hosts.iter().enumerate().map(|(i, host)| u64::from(what(host)) << i);
        bits.sum()
    }

    fn for_each(&mut self, mask: u64, change: impl Fn(&mut Host)) {
        self.for_bits(mask, 0, |host, _| change(host));
    }

    fn for_bits(&mut self, mask: u64, bits: u64, change: impl Fn(&mut Host, bool)) {
        for (i, host) in self.hosts.iter_mut().enumerate() {
            if mask >> i & 1 == 1 {
                change(host, bits >> i & 1 == 1);
            }
        }
    }
}
