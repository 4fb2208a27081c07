// SPDX-License-Identifier: MIT OR Apache-2.0
//! The keeper alone, in a thread: pipes stand for requests, for they tell whether they are still open.
#![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

use std::io::{PipeReader, Read};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use super::*;

/// Longer than anything takes on a busy machine.
const DEADLINE: u16 = 20_000;

struct Fixture {
    keeper: JoinHandle<io::Result<()>>,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

/// A daemon's end.
struct Daemon(UnixStream);

impl Fixture {
    fn new(most: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keeper");
        let listener = UnixListener::bind(&path).unwrap();
        let keeper = thread::spawn(move || serve(&listener, most));
        Self { keeper, path, _folder: folder }
    }

    /// A daemon, and the numbers of the parts that it is given.
    fn connect(&self) -> (Daemon, Vec<(Part, u64, OwnedFd)>) {
        let daemon = Daemon(UnixStream::connect(&self.path).unwrap());
        let mut left = Vec::new();
        while let Some((message, fd)) = Message::receive(daemon.0.as_fd(), DEADLINE).unwrap() {
            match message {
                Message::Keep(part, number) => left.push((part, number, fd.unwrap())),
                Message::End => break,
                other => panic!("{other:?}"),
            }
        }
        (daemon, left)
    }
}

impl Daemon {
    fn send(&self, message: Message, fd: Option<&dyn AsFd>) {
        message.send(self.0.as_fd(), fd.map(AsFd::as_fd), DEADLINE).unwrap();
    }

    /// Gives a request that is held until the pipe ends.
    fn keep(&self, number: u64) -> PipeReader {
        let (reader, writer) = io::pipe().unwrap();
        self.send(Message::Keep(Part::Record, number), Some(&reader));
        self.send(Message::Keep(Part::Request, number), Some(&writer));
        reader
    }
}

/// Waits until nobody holds a request any more.
fn ends(mut request: PipeReader) {
    assert_eq!(request.read(&mut [0]).unwrap(), 0);
}

fn numbers(left: &[(Part, u64, OwnedFd)]) -> Vec<(Part, u64)> {
    left.iter().map(|(part, number, _)| (*part, *number)).collect()
}

#[test]
fn the_next_daemon_gets_what_was_kept_and_not_given_up() {
    let fixture = Fixture::new(4);
    let (daemon, left) = fixture.connect();
    assert!(left.is_empty());
    let requests = [1, 2, 3].map(|number| daemon.keep(number));
    daemon.send(Message::Forget(2), None);
    drop(daemon);
    let (daemon, left) = fixture.connect();
    let [first, second, third] = requests;
    ends(second);
    let parts = |number| [(Part::Record, number), (Part::Request, number)];
    assert_eq!(numbers(&left), [parts(1), parts(3)].concat());
    drop(left);
    daemon.send(Message::Forget(1), None);
    ends(first);
    daemon.send(Message::Forget(3), None);
    ends(third);
    drop(daemon);
    fixture.keeper.join().unwrap().unwrap();
}

#[test]
fn it_ends_when_no_daemon_comes_in_time() {
    let fixture = Fixture::new(4);
    let (daemon, _) = fixture.connect();
    daemon.send(Message::Grace(1), None);
    let request = daemon.keep(1);
    drop(daemon);
    fixture.keeper.join().unwrap().unwrap();
    ends(request);
}

#[test]
fn a_daemon_that_is_stopped_makes_way_for_the_next_one() {
    let fixture = Fixture::new(4);
    let (stopped, _) = fixture.connect();
    let request = stopped.keep(1);
    let (daemon, left) = fixture.connect();
    assert_eq!(numbers(&left), [(Part::Record, 1), (Part::Request, 1)]);
    drop(left);
    let mut stopped = stopped.0;
    assert_eq!(stopped.read(&mut [0]).unwrap(), 0, "it is told by the end of the connection");
    daemon.send(Message::Forget(1), None);
    ends(request);
}

#[test]
fn what_is_too_much_is_not_kept() {
    let fixture = Fixture::new(2);
    let (daemon, _) = fixture.connect();
    let [_first, _second, third] = [1, 2, 3].map(|number| daemon.keep(number));
    ends(third);
    // Both parts of it.
    for _ in 0..2 {
        let said = Message::receive(daemon.0.as_fd(), DEADLINE).unwrap().unwrap();
        assert_eq!(said.0, Message::Refused(3));
    }
    drop(daemon);
    let (_daemon, left) = fixture.connect();
    assert_eq!(left.iter().map(|(_, number, _)| *number).collect::<Vec<_>>(), [1, 1, 2, 2]);
}

#[test]
fn a_daemon_that_talks_nonsense_is_left_alone_and_the_next_one_served() {
    use std::io::Write;
    let fixture = Fixture::new(4);
    let (mut daemon, _) = fixture.connect();
    let _request = daemon.keep(1);
    daemon.0.write_all(&[0xff; 16]).unwrap();
    assert_eq!(daemon.0.read(&mut [0]).unwrap(), 0);
    let (_daemon, left) = fixture.connect();
    assert_eq!(left.len(), 2);
}
