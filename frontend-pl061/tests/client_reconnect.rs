// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client whose backend comes late, goes and comes back.

mod mock;

use std::time::{Duration, Instant};

use mock::{Mock, entries, entry, events_until};
use vgpio::client::{Client, Event, Options, Posted, State};
use vgpio_protocol::{
    Bias, Configure, Edge, Edges, ErrorCode, Event as Message, LineFlags, LineSet, Request,
};

fn is_disconnected(event: &Event) -> bool {
    matches!(event, Event::Disconnected { .. })
}

fn set(mask: u64, bits: u64) -> Request<'static> {
    Request::Set(LineSet { mask, bits })
}

fn directions(mask: u64, outputs: u64, bits: u64) -> Request<'static> {
    Request::Configure(Configure::directions(mask, outputs, bits))
}

#[test]
fn what_is_set_without_a_backend_is_sent_in_one_message_on_attaching() {
    let mock = Mock::new();
    let mut client = Client::new(mock.options()).expect("good options");
    assert_eq!(client.configure_directions(0b1011, 0b1011, 0), Posted::Remembered);
    assert_eq!(client.set(0b0001, 0b0001), Posted::Remembered);
    assert_eq!(client.set(0b0010, 0b0010), Posted::Remembered);
    assert_eq!(client.set(0b0001, 0b0000), Posted::Remembered);
    let token = client.sync();
    client.connect().expect("the mock listens");
    // Line 3 was wanted, but is not among those attached.
    let mut peer = mock.serve(&mut client, &entries(3));
    peer.expect(directions(0b011, 0b011, 0b010));
    let seq = peer.expect(Request::Sync);
    peer.expect_nothing();
    peer.send(seq, &Message::Synced);
    events_until(&mut client, |e| matches!(e, Event::Synced { .. }));
    assert!(client.is_synced(token));
}

#[test]
fn a_reconnect_brings_the_lines_back_to_what_is_wanted() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(4);
    client.configure_directions(0b0111, 0b0011, 0b0001);
    client.set(0b0010, 0b0010);
    peer.expect(directions(0b0111, 0b0011, 0b0001));
    peer.expect(set(0b0010, 0b0010));
    drop(peer);
    events_until(&mut client, is_disconnected);
    client.set(0b0001, 0b0000);

    let mut peer = mock.again(&mut client, &entries(4));
    peer.expect(directions(0b0111, 0b0011, 0b0010));
    client.set(0b0001, 0b0001);
    peer.expect(set(0b0001, 0b0001));
    peer.expect_nothing();
    assert_eq!(client.counters().reconnects, 1);
}

#[test]
fn a_reconnect_tells_the_inputs_that_changed_meanwhile() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(3);
    let edge = Edge { line: 1, active: true, line_seqno: 1, timestamp_ns: 5 };
    peer.send(0, &Message::Edges(Edges::new(&[edge])));
    events_until(&mut client, |event| *event == Event::Edge(edge));
    drop(peer);
    events_until(&mut client, is_disconnected);
    assert_eq!(client.levels(), 0b010, "inputs keep their level");
    let (_peer, events) = mock.again_noting(&mut client, &entries(3));
    let Some(Event::Levels { changed, .. }) = events.last() else {
        panic!("{events:?}");
    };
    assert_eq!(*changed, 0b010);
}

#[test]
fn lines_given_settings_are_brought_back_with_them() {
    let mock = Mock::new();
    let (mut client, peer) = mock.attached(3);
    let pulled = Configure { mask: 0b110, bias: Some(Bias::PullUp), ..Configure::default() };
    client.configure(&pulled);
    client.configure_directions(0b011, 0b001, 0b001);
    drop(peer);
    events_until(&mut client, is_disconnected);
    let mut peer = mock.again(&mut client, &entries(3));
    peer.expect(directions(0b001, 0b001, 0b001));
    peer.expect(Request::Configure(Configure {
        bias: Some(Bias::PullUp),
        ..Configure::directions(0b010, 0, 0)
    }));
    peer.expect(Request::Configure(Configure { mask: 0b100, ..pulled }));
}

#[test]
fn a_line_that_is_refused_does_not_keep_the_others_down() {
    let mock = Mock::new();
    let mut client = Client::new(mock.options()).expect("good options");
    client.configure_directions(0b111, 0b111, 0b101);
    client.connect().expect("the mock listens");
    let mut peer = mock.serve(&mut client, &entries(3));
    let seq = peer.expect(directions(0b111, 0b111, 0b101));
    peer.send(seq, &mock::error(0b001, ErrorCode::NotAllowed, "line 0"));
    events_until(&mut client, |e| matches!(e, Event::Error(_)));
    peer.expect(directions(0b110, 0b110, 0b100));
    peer.expect_nothing();
}

#[test]
fn other_lines_under_the_same_name_keep_what_their_vgpio_had() {
    let mock = Mock::new();
    let (mut client, peer) = mock.attached(3);
    client.configure_directions(0b110, 0b110, 0b010);
    drop(peer);
    events_until(&mut client, is_disconnected);
    let mut peer = mock.again(&mut client, &[entry(1, 0), entry(5, 0)]);
    peer.expect(directions(0b01, 0b01, 0b01));
    assert_eq!(client.line_of_vgpio(1), Some(0));
}

#[test]
fn a_line_that_was_taken_as_an_output_and_set_stays_one() {
    let mock = Mock::new();
    let lines = [entry(0, LineFlags::OUTPUT), entry(1, LineFlags::OUTPUT)];
    let (mut client, mut peer) = mock.attached_with(mock.options(), &lines);
    assert_eq!(client.outputs(), 0b11);
    client.set(0b01, 0b01);
    peer.expect(set(0b01, 0b01));
    drop(peer);
    events_until(&mut client, is_disconnected);
    let mut peer = mock.again(&mut client, &lines);
    peer.expect(directions(0b01, 0b01, 0b01));
    peer.expect_nothing();
}

#[test]
fn without_a_period_there_is_no_other_attempt() {
    let mock = Mock::new();
    let options = Options { reconnect: None, ..mock.options() };
    let (mut client, peer) = mock.attached_with(options, &entries(1));
    drop(peer);
    events_until(&mut client, is_disconnected);
    assert_eq!(client.next_deadline(), None);
    assert!(!client.wait(Instant::now() + Duration::from_secs(60), &mut |_| ()));
}

/// Lets a client that lost its connection be refused; gives whether it tries again, and in how long.
fn refused_again(mock: &Mock, client: &mut Client, code: ErrorCode) -> (bool, Option<Duration>) {
    let connecting = |c: &Client| c.state() == State::Connecting;
    client.wait_until(mock::deadline(), &mut |_| (), connecting).expect("it connects again");
    let mut peer = mock.accept();
    peer.greet();
    let seq = peer.take_attach();
    peer.send(seq, &mock::error(0, code, "no"));
    let before = Instant::now();
    match events_until(client, is_disconnected).pop() {
        Some(Event::Disconnected { retry, .. }) => {
            (retry, client.next_deadline().map(|deadline| deadline - before))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn lines_that_were_attached_once_are_asked_for_again_slowly_when_the_daemon_lends_them_no_more() {
    for code in
        [ErrorCode::NotAllowed, ErrorCode::NoExport, ErrorCode::NoLine, ErrorCode::MapSyntax]
    {
        let mock = Mock::new();
        let (mut client, peer) = mock.attached(1);
        drop(peer);
        events_until(&mut client, is_disconnected);
        let (retry, after) = refused_again(&mock, &mut client, code);
        assert!(retry, "{code:?}");
        assert!(after.is_some_and(|after| after >= Duration::from_secs(5)), "{after:?}");
    }
}

#[test]
fn lines_that_are_lent_again_come_back() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(1);
    client.configure_directions(0b1, 0b1, 0b1);
    peer.expect(directions(0b1, 0b1, 0b1));
    drop(peer);
    events_until(&mut client, is_disconnected);
    refused_again(&mock, &mut client, ErrorCode::NoExport);
    let mut peer = mock.again(&mut client, &entries(1));
    peer.expect(directions(0b1, 0b1, 0b1));
}

#[test]
fn a_longer_period_holds_after_a_refusal_too_and_none_is_none() {
    let hour = Duration::from_secs(3600);
    for reconnect in [Some(hour), None] {
        let mock = Mock::new();
        let options = Options { reconnect, ..mock.options() };
        let (mut client, peer) = mock.attached_with(options, &entries(1));
        drop(peer);
        events_until(&mut client, is_disconnected);
        client.connect().expect("the mock listens");
        let (retry, after) = refused_again(&mock, &mut client, ErrorCode::NotAllowed);
        assert_eq!(retry, reconnect.is_some());
        assert_eq!(after.is_some_and(|after| after >= hour), reconnect.is_some());
    }
}

#[test]
fn a_daemon_of_another_version_is_not_asked_again() {
    let mock = Mock::new();
    let (mut client, peer) = mock.attached(1);
    drop(peer);
    events_until(&mut client, is_disconnected);
    assert_eq!(refused_again(&mock, &mut client, ErrorCode::Version), (false, None));
}

#[test]
fn disconnecting_gives_the_lines_back_until_connect() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(1);
    client.disconnect();
    assert_eq!(peer.receive(), None);
    assert_eq!(client.state(), State::Disconnected);
    assert_eq!(client.next_deadline(), None);
    client.connect().expect("the mock listens");
    mock.serve(&mut client, &entries(1));
}
