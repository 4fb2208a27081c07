// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client whose backend refuses a CONFIGURE: it believes what the lines are, not what was asked.

mod mock;

use mock::{Mock, Peer, entries, events_until, values};
use vgpio::client::{Client, Event, Posted};
use vgpio_protocol::{Bias, Configure, ErrorCode, Event as Message, LineFlags, Reason, Request};

fn is_error(event: &Event) -> bool {
    matches!(event, Event::Error(_))
}

/// Posts it; gives its sequence number.
fn post(client: &mut Client, configure: &Configure) -> u64 {
    match client.configure(configure) {
        Posted::Sent(seq) => seq,
        other => panic!("{other:?}"),
    }
}

fn refuse(client: &mut Client, peer: &mut Peer, seq: u64, code: ErrorCode) {
    peer.send(seq, &mock::error(0b1, code, "no"));
    events_until(client, is_error);
}

fn outputs(mask: u64, outputs: u64) -> Configure {
    Configure::directions(mask, outputs, outputs)
}

fn pulled(mask: u64) -> Configure {
    Configure { mask, bias: Some(Bias::PullUp), ..Configure::default() }
}

#[test]
fn a_line_that_may_not_be_an_output_is_an_input_and_shows_its_level() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(2);
    let seq = post(&mut client, &outputs(0b01, 0b01));
    assert_eq!((client.outputs(), client.levels()), (0b01, 0b01));
    refuse(&mut client, &mut peer, seq, ErrorCode::NotAllowed);
    assert_eq!((client.outputs(), client.levels()), (0, 0));
    let line = client.line(0).expect("a line");
    assert!(!line.flags.has(LineFlags::OUTPUT));
    peer.send(0, &values(0b01, 0b01, Reason::Resync));
    events_until(&mut client, |event| matches!(event, Event::Levels { .. }));
    assert_eq!(client.levels(), 0b01);
}

#[test]
fn what_was_carried_out_before_stands() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(2);
    post(&mut client, &outputs(0b11, 0b11));
    let seq = post(&mut client, &outputs(0b01, 0));
    assert_eq!(client.outputs(), 0b10);
    refuse(&mut client, &mut peer, seq, ErrorCode::Host);
    assert_eq!(client.outputs(), 0b11);

    let token = client.sync();
    peer.until_sync();
    events_until(&mut client, |event| *event == Event::Synced { token });
    let seq = post(&mut client, &outputs(0b10, 0));
    refuse(&mut client, &mut peer, seq, ErrorCode::Host);
    assert_eq!(client.outputs(), 0b11);
}

#[test]
fn what_was_asked_since_stands_until_it_is_refused_too() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(2);
    let first = post(&mut client, &outputs(0b01, 0b01));
    let second = post(&mut client, &outputs(0b11, 0b11));
    refuse(&mut client, &mut peer, first, ErrorCode::NotAllowed);
    assert_eq!(client.outputs(), 0b11);
    refuse(&mut client, &mut peer, second, ErrorCode::NotAllowed);
    assert_eq!(client.outputs(), 0);
}

#[test]
fn of_many_in_flight_the_last_are_known() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(1);
    let mut last = 0;
    for i in 0..200 {
        last = post(&mut client, &outputs(0b1, i & 1));
    }
    assert_eq!(client.outputs(), 0b1);
    refuse(&mut client, &mut peer, last, ErrorCode::Host);
    assert_eq!(client.outputs(), 0);
}

#[test]
fn a_refused_setting_is_not_asked_for_again_after_a_reconnect() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(2);
    post(&mut client, &outputs(0b01, 0b01));
    let seq = post(&mut client, &pulled(0b11));
    assert_eq!(client.line(0).expect("a line").bias, Bias::PullUp);
    refuse(&mut client, &mut peer, seq, ErrorCode::NotSupported);
    assert_eq!(client.line(0).expect("a line").bias, Bias::AsIs);
    drop(peer);
    events_until(&mut client, |event| matches!(event, Event::Disconnected { .. }));
    let mut peer = mock.again(&mut client, &entries(2));
    peer.expect(Request::Configure(outputs(0b01, 0b01)));
    peer.expect_nothing();
}

#[test]
fn what_a_lost_line_is_told_is_remembered_and_no_refusal() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(1);
    let seq = post(&mut client, &outputs(0b1, 0b1));
    refuse(&mut client, &mut peer, seq, ErrorCode::LineLost);
    assert_eq!(client.outputs(), 0b1);
    peer.send(0, &Message::Restored(0b1));
    events_until(&mut client, |event| matches!(event, Event::Restored { .. }));
    assert_eq!(client.outputs(), 0b1);
}

#[test]
fn after_a_reconnect_the_restored_state_is_what_stands() {
    let mock = Mock::new();
    let (mut client, peer) = mock.attached(1);
    post(&mut client, &outputs(0b1, 0b1));
    drop(peer);
    events_until(&mut client, |event| matches!(event, Event::Disconnected { .. }));
    let mut peer = mock.again(&mut client, &entries(1));
    peer.expect(Request::Configure(outputs(0b1, 0b1)));
    let seq = post(&mut client, &outputs(0b1, 0));
    refuse(&mut client, &mut peer, seq, ErrorCode::Host);
    assert_eq!((client.outputs(), client.levels()), (0b1, 0b1));
}
