// SPDX-License-Identifier: MIT OR Apache-2.0
//! Conversations of a client with a backend that keeps the protocol.

mod mock;

use mock::{Mock, deadline, entry, events_until, values};
use vgpio::client::{Client, Event, Lines, Options, Posted, State};
use vgpio_protocol::{
    Attach, Configure, Edge, Edges, ErrorCode, Event as Message, Hello, LineFlags, LineSet, Lost,
    Reason, Request, Values, features,
};

fn is_edge(event: &Event) -> bool {
    matches!(event, Event::Edge(_))
}

fn set(mask: u64, bits: u64) -> Request<'static> {
    Request::Set(LineSet { mask, bits })
}

fn directions(mask: u64, outputs: u64, bits: u64) -> Request<'static> {
    Request::Configure(Configure::directions(mask, outputs, bits))
}

fn edge(line: u16, active: bool, line_seqno: u32) -> Edge {
    Edge { line, active, line_seqno, timestamp_ns: 1_000 + u64::from(line_seqno) }
}

#[test]
fn hello_and_attach_leave_at_once_without_waiting_for_a_reply() {
    let mock = Mock::new();
    let mut client = Client::new(mock.options()).expect("good options");
    assert_eq!(client.state(), State::Disconnected);
    client.connect().expect("the mock listens");
    assert_eq!(client.state(), State::Connecting);
    assert!(client.next_deadline().is_some(), "an answer is awaited");

    let mut peer = mock.accept();
    let hello = peer.expect(Request::Hello(Hello {
        version_min: 1,
        version_max: 1,
        features: features::RING | features::PING,
        name: "guest-1",
    }));
    let attach = peer.expect(Request::Attach(Attach::Export("test")));
    assert!(0 < hello && hello < attach);
}

#[test]
fn an_attached_client_has_no_deadline_and_nothing_to_write() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(3);
    assert_eq!(client.state(), State::Attached);
    assert_eq!(client.next_deadline(), None);
    assert!(!client.wants_write());
    client.process(&mut |event| panic!("{event:?}"));
    peer.expect_nothing();
}

#[test]
fn lines_are_described_and_found_by_vgpio() {
    let mock = Mock::new();
    let lines = [entry(7, 0), entry(2, LineFlags::LOST)];
    let (client, _peer) = mock.attached_with(mock.options(), &lines);
    assert_eq!(client.vgpios(), [7, 2]);
    assert_eq!(client.line_of_vgpio(2), Some(1));
    assert_eq!(client.line_of_vgpio(0), None);
    assert_eq!(client.lost(), 0b10);
    let line = &client.lines()[0];
    assert_eq!((line.offset, line.name.as_str()), (107, "LED"));
    assert_eq!(line.chip, "e6055400.gpio");
}

#[test]
fn a_line_map_tells_the_vgpios_before_there_is_a_backend() {
    let map = "e6055400.gpio,vgpios=3:5,gpios=11:12";
    let client = Client::new(Options::new(Lines::Map(map.into()))).expect("a good map");
    assert_eq!(client.vgpios(), [3, 5]);
    assert_eq!(client.line_of_vgpio(5), Some(1));
}

#[test]
fn every_set_is_one_message_and_keeps_its_place() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(3);
    let configured = client.configure_directions(0b11, 0b11, 0b01);
    let Posted::Sent(seq) = configured else {
        panic!("{configured:?}");
    };
    assert_eq!(peer.expect(directions(0b11, 0b11, 0b01)), seq);
    for bits in [0b10, 0b01, 0b10] {
        assert!(matches!(client.set(0b11, bits), Posted::Sent(_)));
    }
    for bits in [0b10, 0b01, 0b10] {
        peer.expect(set(0b11, bits));
    }
    assert_eq!(client.levels(), 0b10);
    assert_eq!(client.counters().sent, 4);
    assert_eq!(client.counters().coalesced, 0);
}

#[test]
fn bits_outside_their_mask_are_not_sent() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(3);
    client.configure_directions(0b011, 0b101, 0b111);
    peer.expect(directions(0b011, 0b001, 0b001));
    client.set(0b001, 0b110);
    peer.expect(set(0b001, 0));
}

#[test]
fn a_batch_leaves_in_one_write_at_its_end() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(3);
    client.batch(|client| {
        client.set(1, 1);
        client.set(1, 0);
        peer.expect_nothing();
    });
    peer.expect(set(1, 1));
    peer.expect(set(1, 0));
}

#[test]
fn edges_are_told_and_mirrored() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(3);
    let edges = [edge(2, true, 1), edge(0, true, 1), edge(2, false, 2)];
    peer.send(0, &Message::Edges(Edges::new(&edges)));
    let events = events_until(&mut client, is_edge);
    assert_eq!(events, edges.map(Event::Edge));
    assert_eq!(client.levels(), 0b001);
    assert_eq!(client.counters().edges, 3);
}

#[test]
fn a_line_that_is_let_go_is_told_when_it_falls_back() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(3);
    client.configure_directions(0b1, 0b1, 0b1);
    let seq = peer.expect(directions(0b1, 0b1, 0b1));
    client.configure_directions(0b1, 0, 0);
    assert_eq!(client.levels(), 0b1);
    peer.expect(directions(0b1, 0, 0));
    let values =
        Values { mask: 0b1, bits: 0, timestamp_ns: 9, lost_edges: 0, reason: Reason::Configured };
    peer.send(seq + 1, &Message::Values(values));
    let events = events_until(&mut client, |e| matches!(e, Event::Levels { .. }));
    assert_eq!(events, [Event::Levels { changed: 0b1, values }]);
    assert_eq!(client.levels(), 0);
}

#[test]
fn a_snapshot_tells_which_lines_are_not_what_they_were() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(3);
    let snapshot =
        Values { mask: 0b110, bits: 0b100, timestamp_ns: 9, lost_edges: 5, reason: Reason::Resync };
    peer.send(0, &Message::Values(snapshot));
    let events = events_until(&mut client, |e| matches!(e, Event::Levels { .. }));
    let changed = 0b100;
    let values = snapshot;
    assert_eq!(events, [Event::Levels { changed, values }]);
    assert_eq!(client.levels(), 0b100);
    let counters = client.counters();
    assert_eq!((counters.lost_edges, counters.resyncs), (5, 1));
}

#[test]
fn lost_and_restored_lines_are_told() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(3);
    let text = "gpiochip e6055400.gpio was removed";
    peer.send(0, &Message::Lost(Lost { mask: 0b011, text }));
    let lost = Event::Lost { mask: 0b011, text: text.into() };
    let events = events_until(&mut client, |e| *e == lost);
    assert_eq!(events, [lost]);
    assert_eq!(client.lost(), 0b011);
    peer.send(0, &Message::Restored(0b001));
    events_until(&mut client, |e| *e == Event::Restored { mask: 0b001 });
    assert_eq!(client.lost(), 0b010);
}

#[test]
fn an_error_names_the_message_that_caused_it() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(3);
    let Posted::Sent(seq) = client.set(0b100, 0b100) else {
        panic!("not sent");
    };
    peer.send(seq, &mock::error(0b100, ErrorCode::NotOutput, "line 2"));
    let events = events_until(&mut client, |e| matches!(e, Event::Error(_)));
    let [Event::Error(report)] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!((report.seq, report.mask), (seq, 0b100));
    assert_eq!(report.to_string(), "line 2 (not-output)");
    assert_eq!(client.state(), State::Attached);
    assert_eq!(client.counters().errors, 1);
}

#[test]
fn unknown_error_codes_reasons_and_optional_messages_are_accepted() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(3);
    let optional = [0x34, 0x12, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3];
    peer.send_bytes(&optional);
    peer.send(0, &mock::error(0, ErrorCode::Other(999), "new"));
    peer.send(0, &values(1, 1, Reason::Other(200)));
    let events = events_until(&mut client, |e| matches!(e, Event::Levels { .. }));
    assert_eq!(events.len(), 2);
    assert_eq!(client.state(), State::Attached);
}

#[test]
fn a_barrier_is_reached_when_the_backend_says_so() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(3);
    let token = client.sync();
    assert!(!client.is_synced(token));
    assert_eq!(peer.expect(Request::Sync), token);
    peer.send(token, &Message::Synced);
    let synced = Event::Synced { token };
    let events = events_until(&mut client, |e| *e == synced);
    assert_eq!(events, [synced]);
    assert!(client.is_synced(token));
}

#[test]
fn queries_ask_the_backend() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(2);
    assert!(client.query_levels(0b10));
    let seq = peer.expect(Request::Get(0b10));
    peer.send(seq, &values(0b10, 0b10, Reason::Reply));
    assert!(client.query_lines());
    let seq = peer.expect(Request::Info);
    let lines = [entry(0, 0), entry(1, LineFlags::OUTPUT)];
    peer.send(seq, &Message::Lines(vgpio_protocol::Lines::new(&lines)));
    events_until(&mut client, |e| *e == Event::Lines);
    assert_eq!(client.levels(), 0b10);
    assert!(client.lines()[1].flags.has(LineFlags::OUTPUT));
}

#[test]
fn a_backend_that_does_not_read_gets_all_until_the_queue_is_full_and_then_the_last_level() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(2);
    client.configure_directions(0b11, 0b11, 0);
    let mut sent = Vec::new();
    let mut bits = 0;
    while client.counters().coalesced < 1_001 {
        bits ^= 0b01;
        if matches!(client.set(0b11, bits), Posted::Sent(_)) {
            sent.push(set(0b11, bits));
        }
        assert!(sent.len() < 1_000_000, "the socket takes all");
    }
    assert!(client.wants_write());
    assert_eq!(client.set(0b10, 0b10), Posted::Folded);
    let last = bits | 0b10;
    assert_eq!(client.levels(), last);
    assert!(sent.len() * 32 >= client.options().queue_bytes);

    let backend = std::thread::spawn(move || peer.until_sync());
    let quiet = &mut |_| ();
    client.sync_wait(deadline(), quiet).expect("it reads now");
    let mut got = backend.join().expect("no panic").into_iter();
    assert_eq!(got.next(), Some(directions(0b11, 0b11, 0)));
    for wanted in sent {
        assert_eq!(got.next(), Some(wanted));
    }
    assert_eq!(got.next(), Some(set(0b11, last)));
    assert_eq!(got.next(), None);
    assert_eq!(client.counters().coalesced, 1_002);
}

#[test]
fn directions_are_folded_with_the_levels() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(3);
    client.configure_directions(0b11, 0b11, 0);
    while client.set(0b11, 0b01) != Posted::Folded {}
    client.set(0b10, 0b10);
    client.configure_directions(0b101, 0b100, 0b100);
    let backend = std::thread::spawn(move || peer.until_sync());
    let quiet = &mut |_| ();
    client.sync_wait(deadline(), quiet).expect("it reads now");
    let got = backend.join().expect("no panic");
    let [.., configured, levels] = got.as_slice() else {
        panic!("{got:?}");
    };
    assert_eq!(*configured, directions(0b101, 0b100, 0b100));
    assert_eq!(*levels, set(0b10, 0b10));
}

/// A client whose backend has not read until sets and configurations were folded.
fn folding(mock: &Mock) -> (Client, mock::Peer) {
    let (mut client, peer) = mock.attached(2);
    client.configure_directions(0b11, 0b11, 0);
    while client.set(0b11, 0b10) != Posted::Folded {}
    (client, peer)
}

#[test]
fn a_line_that_becomes_an_input_is_not_set_after_that() {
    let mock = Mock::new();
    let (mut client, mut peer) = folding(&mock);
    assert_eq!(client.configure_directions(0b01, 0b01, 0), Posted::Folded);
    assert_eq!(client.set(0b01, 0b01), Posted::Folded);
    let mut got = peer.so_far();
    assert!(matches!(client.configure_directions(0b01, 0, 0), Posted::Sent(_)));
    client.sync();
    got.extend(peer.until_sync());
    let tail = [directions(0b01, 0b01, 0b01), set(0b11, 0b11), directions(0b01, 0, 0)];
    assert!(got.ends_with(&tail), "{:?}", got.last_chunk::<4>());
    let mut outputs = 0;
    for request in got {
        match request {
            Request::Configure(Configure { mask, direction: Some(to), .. }) => {
                outputs = outputs & !mask | to.outputs;
            }
            Request::Set(set) => assert_eq!(set.mask & !outputs, 0, "{set:?}"),
            _ => {}
        }
    }
}

#[test]
fn what_was_folded_is_sent_before_what_is_set_next() {
    let mock = Mock::new();
    let (mut client, mut peer) = folding(&mock);
    peer.so_far();
    assert!(matches!(client.set(0b11, 0b01), Posted::Sent(_)));
    client.sync();
    let got = peer.until_sync();
    assert!(got.ends_with(&[set(0b11, 0b10), set(0b11, 0b01)]), "{:?}", got.last_chunk::<3>());
}
