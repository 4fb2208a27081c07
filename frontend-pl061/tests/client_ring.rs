// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a client sends through a ring (`docs/protocol.md`, "Ring").

mod mock;

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

use mock::{HELLO, Mock, Peer, deadline, entries, events_until};
use vgpio::client::{Client, Error, Event, Posted, State, Violation};
use vgpio_protocol::{Event as Message, Frame, HelloReply, LineSet, Request, features};
use vgpio_ring::{OpenError, Reader, SIZE};

/// What a reply says that has a ring with it.
fn reply() -> Message<'static> {
    let Message::Hello(hello) = HELLO else { unreachable!("HELLO is one") };
    Message::Hello(HelloReply { features: features::RING, ..hello })
}

/// Connects, up to the mock's HELLO reply, with which it passes a descriptor.
fn greeted(mock: &Mock, client: &mut Client, passed: BorrowedFd<'_>) -> Peer {
    client.connect().expect("the mock listens");
    let mut peer = mock.accept();
    peer.greet_with(&reply(), Some(passed));
    peer
}

/// A client with two lines that sends through the ring, which the mock has not yet looked at.
fn attached(mock: &Mock) -> (Client, Peer, Reader) {
    let mut client = Client::new(mock.options()).expect("good options");
    let (reader, memory) = Reader::new().expect("a ring");
    let mut peer = greeted(mock, &mut client, memory.as_fd());
    peer.attach(&entries(2));
    events_until(&mut client, |event| matches!(event, Event::Levels { .. }));
    peer.expect(Request::Ring);
    (client, peer, reader)
}

/// The sets in bytes of whole messages.
fn sets(mut bytes: &[u8]) -> Vec<u64> {
    let mut sets = Vec::new();
    while let Some(frame) = Frame::split(bytes).expect("good headers") {
        if let Some(Request::Set(LineSet { bits, .. })) = Request::decode(&frame).expect("good") {
            sets.push(bits);
        }
        bytes = &bytes[frame.size()..];
    }
    assert!(bytes.is_empty(), "whole messages");
    sets
}

fn read(reader: &mut Reader) -> Vec<u8> {
    let mut bytes = vec![0; SIZE];
    let count = reader.read(&mut bytes).expect("the client keeps to the rules");
    bytes.truncate(count);
    bytes
}

#[test]
fn a_set_rings_only_where_the_backend_sleeps() {
    let mock = Mock::new();
    let (mut client, mut peer, mut reader) = attached(&mock);
    client.configure_directions(0b11, 0b11, 0);
    read(&mut reader);
    client.set(0b11, 0b01);
    peer.expect_nothing();
    assert_eq!(sets(&read(&mut reader)), [0b01]);
    assert!(reader.sleep());
    client.set(0b11, 0b10);
    client.set(0b11, 0b11);
    peer.expect_doorbell();
    peer.expect_nothing();
    assert_eq!(sets(&read(&mut reader)), [0b10, 0b11]);
}

#[test]
fn what_a_full_ring_does_not_take_goes_when_there_is_room() {
    let mock = Mock::new();
    let (mut client, mut peer, mut reader) = attached(&mock);
    client.configure_directions(0b11, 0b11, 0);
    read(&mut reader);
    // More than the ring takes, and less than queue and ring do.
    let count = u64::try_from(SIZE / 32 + 1000).expect("a number");
    for i in 0..count {
        assert!(matches!(client.set(0b11, i % 4), Posted::Sent(_)));
    }
    assert!(client.has_unsent());
    assert!(!client.wants_write(), "the socket would be ready for ever");
    let mut got = read(&mut reader);
    while got.len() < 32 * usize::try_from(count).expect("a number") {
        assert!(reader.has_room_for_one_who_waits(), "the client waits for room");
        peer.send(0, &Message::Room);
        let written = |_: &Client| !reader.is_empty();
        client.wait_until(deadline(), &mut |_| (), written).expect("it writes on");
        got.extend(read(&mut reader));
    }
    assert!(sets(&got).into_iter().eq((0..count).map(|i| i % 4)), "in their order");
    assert!(!client.has_unsent());
    assert_eq!(client.counters().coalesced, 0);
}

#[test]
fn a_ring_whose_descriptor_has_not_come_is_not_used() {
    let mock = Mock::new();
    let mut client = Client::new(mock.options()).expect("good options");
    client.connect().expect("the mock listens");
    let mut peer = mock.accept();
    peer.greet_with(&reply(), None);
    peer.attach(&entries(2));
    events_until(&mut client, |event| matches!(event, Event::Levels { .. }));
    client.configure_directions(0b1, 0b1, 0);
    client.set(0b1, 0b1);
    let sent = peer.so_far();
    assert_eq!(sent.last(), Some(&Request::Set(LineSet { mask: 0b1, bits: 0b1 })));
    assert!(!sent.contains(&Request::Ring));
}

#[test]
fn what_is_no_ring_is_a_violation() {
    let mock = Mock::new();
    let mut client = Client::new(mock.options()).expect("good options");
    let no_memory = File::open("/dev/null").expect("it is there");
    let _peer = greeted(&mock, &mut client, no_memory.as_fd());
    let events = events_until(&mut client, |event| matches!(event, Event::Disconnected { .. }));
    let Some(Event::Disconnected { error: Error::Protocol(Violation::Ring(why)), .. }) =
        events.last()
    else {
        panic!("{events:?}");
    };
    assert!(matches!(why, OpenError::Host(_)), "{why:?}");
}

#[test]
fn the_next_connection_begins_on_the_socket() {
    let mock = Mock::new();
    let (mut client, peer, _reader) = attached(&mock);
    drop(peer);
    let lost = |client: &Client| client.state() == State::Disconnected;
    client.wait_until(deadline(), &mut |_| (), lost).expect("it has gone");
    let mut peer = mock.again(&mut client, &entries(2));
    client.set(0b1, 0b1);
    assert_eq!(peer.so_far(), [Request::Set(LineSet { mask: 0b1, bits: 0b1 })]);
}
