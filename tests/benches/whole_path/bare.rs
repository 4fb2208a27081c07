// SPDX-License-Identifier: MIT OR Apache-2.0
//! The floor: this program, started again, at the other end of a bare socket. It waits in
//! `epoll_wait` and then reads, as any event loop must.

use std::env;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

use crate::process::{Place, pin};

/// Bytes of a SET of the protocol.
pub const SET: usize = 32;
/// Bytes of an EDGES of the protocol with one edge.
const EDGE: usize = 40;
/// What the daemon reads at a time.
const BUFFER: usize = 64 * 1024;

/// A process at the other end of a socket.
pub struct Bare {
    stream: UnixStream,
    child: Child,
}

/// A message there and an answer back, in nanoseconds.
#[derive(Clone, Copy)]
pub struct Trip {
    /// From before the write to after the other process has read.
    pub there: u64,
    /// From then to after the answer has been read.
    pub back: u64,
}

impl Trip {
    /// A trip by the times of its three points.
    pub fn new(start: u64, turn: u64, end: u64) -> Self {
        Self { there: turn - start, back: end - turn }
    }

    /// Both ways.
    pub fn round(self) -> u64 {
        self.there + self.back
    }
}

impl Bare {
    /// Starts this program as `echo` or `drain`.
    pub fn start(task: &str, place: Place) -> Self {
        let (stream, theirs) = UnixStream::pair().unwrap();
        let child = Command::new(env::current_exe().unwrap())
            .arg(task)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .spawn()
            .unwrap();
        pin(Pid::from_raw(child.id().try_into().unwrap()), place);
        Self { stream, child }
    }

    /// One message and its answer.
    pub fn trip(&mut self) -> Trip {
        let mut answer = [0; EDGE];
        let start = now_ns();
        self.stream.write_all(&[0; SET]).unwrap();
        wait_for_input(&self.stream);
        self.stream.read_exact(&mut answer).unwrap();
        let end = now_ns();
        Trip::new(start, u64::from_le_bytes(*answer.first_chunk().unwrap()), end)
    }

    /// Sends so many messages, some per write, and waits for the answer to the last. Returns the
    /// time that it took, in nanoseconds.
    pub fn stream(&mut self, messages: usize, per_write: usize) -> u64 {
        let bytes = vec![0; SET * per_write];
        self.stream.write_all(&((messages * SET) as u64).to_le_bytes()).unwrap();
        self.stream.read_exact(&mut [0]).unwrap();
        let start = now_ns();
        for _ in 0..messages / per_write {
            self.stream.write_all(&bytes).unwrap();
        }
        self.stream.read_exact(&mut [0]).unwrap();
        now_ns() - start
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It ends when the socket does.
        self.stream.shutdown(std::net::Shutdown::Both).unwrap();
        self.child.wait().unwrap();
    }
}

/// The child that answers each message with the time at which it had read it.
pub fn echo() {
    let mut stream = stdin();
    // Each message is read whole, so that the cheaper way to be told is safe.
    let epoll = epoll(&stream, EpollFlags::EPOLLIN | EpollFlags::EPOLLET);
    let mut buffer = vec![0; BUFFER];
    while wait(&epoll, &mut stream, &mut buffer) > 0 {
        let mut answer = [0; EDGE];
        answer[..8].copy_from_slice(&now_ns().to_le_bytes());
        stream.write_all(&answer).unwrap();
    }
}

/// The child that is told how many bytes will come, and answers when they have.
pub fn drain() {
    let mut stream = stdin();
    let epoll = epoll(&stream, EpollFlags::EPOLLIN);
    let mut buffer = vec![0; BUFFER];
    let mut expected = [0; 8];
    while stream.read_exact(&mut expected).is_ok() {
        stream.write_all(&[0]).unwrap();
        let mut left = u64::from_le_bytes(expected);
        while left > 0 {
            match wait(&epoll, &mut stream, &mut buffer) {
                0 => return,
                n => left -= n as u64,
            }
        }
        stream.write_all(&[0]).unwrap();
    }
}

fn stdin() -> UnixStream {
    UnixStream::from(io::stdin().as_fd().try_clone_to_owned().unwrap())
}

fn epoll(stream: &UnixStream, events: EpollFlags) -> Epoll {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
    epoll.add(stream, EpollEvent::new(events, 0)).unwrap();
    epoll
}

/// Sleeps until something has come, and reads it.
fn wait(epoll: &Epoll, stream: &mut UnixStream, buffer: &mut [u8]) -> usize {
    let mut events = [EpollEvent::empty(); 8];
    epoll.wait(&mut events, EpollTimeout::NONE).unwrap();
    stream.read(buffer).unwrap()
}

/// Sleeps until something can be read.
pub fn wait_for_input(fd: &impl AsFd) {
    poll(&mut [PollFd::new(fd.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
}

/// Now, in nanoseconds of `CLOCK_MONOTONIC`, the clock of edges.
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap();
    std::time::Duration::from(now).as_nanos().try_into().unwrap()
}
