// SPDX-License-Identifier: MIT OR Apache-2.0
//! A virtual machine monitor that sends anything, and does not mind how the daemon takes it.

use std::fs::File;
use std::io::{IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// Numbers of requests.
pub const GET_FEATURES: u32 = 1;
pub const SET_FEATURES: u32 = 2;
pub const SET_OWNER: u32 = 3;
pub const SET_MEM_TABLE: u32 = 5;
pub const SET_VRING_NUM: u32 = 8;
pub const SET_VRING_ADDR: u32 = 9;
pub const SET_VRING_BASE: u32 = 10;
pub const GET_VRING_BASE: u32 = 11;
pub const SET_VRING_KICK: u32 = 12;
pub const SET_VRING_CALL: u32 = 13;
pub const SET_VRING_ERR: u32 = 14;
pub const GET_PROTOCOL_FEATURES: u32 = 15;
pub const SET_PROTOCOL_FEATURES: u32 = 16;
pub const GET_QUEUE_NUM: u32 = 17;
pub const SET_VRING_ENABLE: u32 = 18;
pub const GET_CONFIG: u32 = 24;
/// The highest that the protocol has, and one more.
pub const REQUESTS: u32 = 46;

/// Version 1 of the protocol, of all messages.
pub const VERSION: u32 = 1;
/// Bytes of a header.
pub const HEADER: usize = 12;

/// `VIRTIO_F_VERSION_1`, event index, indirect descriptors, `VIRTIO_GPIO_F_IRQ`, protocol features.
pub const FEATURES: u64 = 1 << 32 | 1 << 30 | 1 << 29 | 1 << 28 | 1;
/// `MQ` and `CONFIG`.
const PROTOCOL_FEATURES: u64 = 1 | 1 << 9;

/// Where the guest and the monitor have the memory, and how much it is.
pub const GUEST: u64 = 0x4000_0000;
pub const USER: u64 = 0x7000_0000_0000;
pub const SIZE: u64 = 0x10_0000;
/// What a queue takes of it.
pub const ROOM: u64 = 0x8000;
/// Entries of a queue.
pub const ENTRIES: u64 = 256;

/// How long a monitor waits for a daemon that takes or says nothing.
const PATIENCE: Duration = Duration::from_millis(100);

/// How often, and how long each time, to wait for a daemon that does not listen.
const LOOKS: usize = 100;
const LOOK: Duration = Duration::from_millis(10);

/// How often [`PATIENCE`] to wait for the first answer.
const ANSWER: usize = 20;

/// A message.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its request.
    pub request: u32,
    /// What follows the header.
    pub body: Vec<u8>,
    /// Descriptors that come along.
    pub fds: Vec<RawFd>,
}

impl Message {
    /// One of these words of 64 bits.
    pub fn new(request: u32, words: &[u64]) -> Self {
        let body = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        Self { request, body, fds: Vec::new() }
    }

    /// With these descriptors.
    #[must_use]
    pub fn with(self, fds: &[RawFd]) -> Self {
        Self { fds: fds.to_vec(), ..self }
    }

    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let size = u32::try_from(self.body.len()).expect("not long");
        let header = [self.request, VERSION, size].map(u32::to_ne_bytes).concat();
        [header, self.body.clone()].concat()
    }
}

/// A connection, and what its messages hand over.
pub struct Monitor {
    stream: UnixStream,
    /// The guest's memory.
    pub memory: File,
    /// A queue's kick, call and error.
    pub eventfds: Vec<EventFd>,
}

/// A message of a queue, with a number of 32 bits.
pub fn of_queue(request: u32, index: u64, value: u64) -> Message {
    Message::new(request, &[index | value << 32])
}

/// A table of these regions: where the guest has each, its size, where the monitor has it, and where it is in its file.
pub fn table(regions: &[[u64; 4]], fds: &[RawFd]) -> Message {
    let words: Vec<_> = std::iter::once(regions.len() as u64).chain(regions.concat()).collect();
    Message::new(SET_MEM_TABLE, &words).with(fds)
}

impl Monitor {
    /// Connects; `None` if nobody listens, for as long as a daemon may take that listens anew after each monitor.
    pub fn try_connect(socket: &Path) -> Option<Self> {
        let tries = (0..LOOKS).map(|i| {
            sleep(if i == 0 { Duration::ZERO } else { LOOK });
            UnixStream::connect(socket).ok()
        });
        let stream = tries.flatten().next()?;
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket has a timeout");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket has a timeout");
        let memory = File::from(memfd_create("guest", MFdFlags::MFD_CLOEXEC).expect("memory"));
        memory.set_len(SIZE).expect("memory");
        let eventfds = (0..6).map(|_| EventFd::new(EFD_NONBLOCK).expect("an eventfd")).collect();
        Some(Self { stream, memory, eventfds })
    }

    /// As [`try_connect`](Self::try_connect), and waits until it is answered: before a monitor has a device, the kernel
    /// passes none of its descriptors.
    pub fn begin(socket: &Path) -> Option<Self> {
        let mut monitor = Self::try_connect(socket)?;
        monitor.send(&Message::new(GET_FEATURES, &[]));
        (0..ANSWER).any(|_| monitor.hears()).then_some(monitor)
    }

    /// What a monitor says until its guest runs, message by message.
    pub fn conversation(&self) -> Vec<Message> {
        let memory = self.memory.as_raw_fd();
        let mut all = vec![
            Message::new(SET_OWNER, &[]),
            Message::new(GET_FEATURES, &[]),
            Message::new(GET_PROTOCOL_FEATURES, &[]),
            Message::new(SET_PROTOCOL_FEATURES, &[PROTOCOL_FEATURES]),
            Message::new(GET_QUEUE_NUM, &[]),
            Message::new(SET_FEATURES, &[FEATURES]),
            table(&[[GUEST, SIZE, USER, 0]], &[memory]),
        ];
        for index in 0..2 {
            all.extend(self.queue(index));
        }
        all
    }

    /// What it says of a queue.
    pub fn queue(&self, index: u64) -> Vec<Message> {
        let at = USER + index * ROOM;
        let addresses = [index, at, at + 0x5000, at + 0x4000, 0];
        let fd = |i: u64| [self.eventfds[usize::try_from(3 * index + i).expect("six")].as_raw_fd()];
        vec![
            of_queue(SET_VRING_NUM, index, ENTRIES),
            of_queue(SET_VRING_BASE, index, 0),
            Message::new(SET_VRING_ADDR, &addresses),
            Message::new(SET_VRING_ERR, &[index]).with(&fd(2)),
            Message::new(SET_VRING_CALL, &[index]).with(&fd(1)),
            Message::new(SET_VRING_KICK, &[index]).with(&fd(0)),
            of_queue(SET_VRING_ENABLE, index, 1),
        ]
    }

    /// Sends a message, with its descriptors; returns whether it was taken.
    pub fn send(&mut self, message: &Message) -> bool {
        self.send_bytes(&message.bytes(), &message.fds)
    }

    /// Sends messages, and reads what is answered.
    pub fn say(&mut self, messages: &[Message]) {
        for message in messages {
            if !self.send(message) {
                return;
            }
            self.drain();
        }
    }

    /// Sends bytes, and descriptors with the first of them.
    pub fn send_bytes(&mut self, bytes: &[u8], fds: &[RawFd]) -> bool {
        if fds.is_empty() {
            return self.stream.write_all(bytes).is_ok();
        }
        let (bytes, rights) = ([IoSlice::new(bytes)], [ControlMessage::ScmRights(fds)]);
        let (fd, flags) = (self.stream.as_raw_fd(), MsgFlags::MSG_NOSIGNAL);
        sendmsg::<UnixAddr>(fd, &bytes, &rights, flags, None).is_ok()
    }

    /// Reads and forgets what has come, without waiting.
    pub fn drain(&mut self) {
        self.stream.set_nonblocking(true).expect("a socket");
        let mut buffer = [0; 4096];
        while matches!(self.stream.read(&mut buffer), Ok(1..)) {}
        self.stream.set_nonblocking(false).expect("a socket");
    }

    /// Whether the daemon says something.
    pub fn hears(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 256]), Ok(1..))
    }

    /// Sends no more, and waits until the daemon has looked at all and closes the connection, or says nothing for a
    /// while.
    pub fn finish(mut self) {
        // It may have done so already.
        let _ = self.stream.shutdown(Shutdown::Write);
        let mut buffer = [0; 4096];
        while matches!(self.stream.read(&mut buffer), Ok(1..)) {}
    }
}
