// SPDX-License-Identifier: MIT OR Apache-2.0
//! The PL061 on a backend's lines: guest stores against messages, messages against the interrupt.

mod mock;

use mock::{Mock, Peer, deadline, entries, entry, values};
use vgpio::client::{Error, Event, Lines, Options, OptionsError, State};
use vgpio::controller::{Notice, Outcome, Pl061Controller};
use vgpio_protocol::{
    Configure, Edge, Edges, ErrorCode, Event as Message, LineEntry, LineSet, Lines as Entries,
    Reason, Request,
};

const DIR: u64 = 0x400;
const IBE: u64 = 0x408;
const IE: u64 = 0x410;
const MIS: u64 = 0x418;
const IC: u64 = 0x41c;

const QUIET: Outcome = Outcome { irq: None, guest_error: None };

/// Address of the data register for the lines in `mask`.
fn data(mask: u8) -> u64 {
    u64::from(mask) << 2
}

fn set(mask: u64, bits: u64) -> Request<'static> {
    Request::Set(LineSet { mask, bits })
}

fn directions(mask: u64, outputs: u64, bits: u64) -> Request<'static> {
    Request::Configure(Configure::directions(mask, outputs, bits))
}

fn edge(line: u16, active: bool) -> Message<'static> {
    let edge = Edge { line, active, line_seqno: 1, timestamp_ns: 5 };
    Message::Edges(Edges::new(Box::leak(Box::new([edge]))))
}

/// Processes until a notice is as wanted.
fn until(gpio: &mut Pl061Controller, wanted: impl Fn(&Notice) -> bool) -> Vec<Notice> {
    let mut notices = Vec::new();
    while !notices.iter().any(&wanted) {
        let happened = gpio.wait(deadline(), &mut |notice| notices.push(notice));
        assert!(happened, "nothing more after {notices:?}");
    }
    notices
}

fn levels(notice: &Notice) -> bool {
    matches!(notice, Notice::Client(Event::Levels { .. }))
}

/// Attaches these lines, all low.
fn serve(mock: &Mock, gpio: &mut Pl061Controller, lines: &[LineEntry<'_>]) -> Peer {
    let mut peer = mock.accept();
    peer.greet();
    peer.attach(lines);
    until(gpio, levels);
    peer
}

fn attached(lines: &[LineEntry<'_>]) -> (Mock, Pl061Controller, Peer) {
    let mock = Mock::new();
    let mut gpio = Pl061Controller::new(mock.options()).expect("good options");
    gpio.connect().expect("the mock listens");
    let peer = serve(&mock, &mut gpio, lines);
    (mock, gpio, peer)
}

#[test]
fn a_guest_store_is_at_most_one_message() {
    // The attachment has the guest's lines in another order, and not all of them.
    let lines = [entry(2, 0), entry(0, 0), entry(5, 0)];
    let (_mock, mut gpio, mut peer) = attached(&lines);
    assert_eq!(gpio.write(data(0xff), 1, 0b0000_0100), QUIET);
    assert_eq!(gpio.write(DIR, 1, 0b0010_0101), QUIET);
    peer.expect(directions(0b111, 0b111, 0b001));
    assert_eq!(gpio.write(data(0b101), 1, 0b001), QUIET);
    peer.expect(set(0b011, 0b010));
    // Not moved, not mapped, not an output: no message.
    assert_eq!(gpio.write(data(0b101), 1, 0b001), QUIET);
    assert_eq!(gpio.write(data(0b10), 1, 0b10), QUIET);
    assert_eq!(gpio.write(DIR, 1, 0b0010_0111), QUIET);
    peer.expect_nothing();
    assert_eq!(gpio.read(data(0xff), 1), (0b011, QUIET));
}

#[test]
fn a_reset_of_the_guest_makes_its_outputs_inputs() {
    let (_mock, mut gpio, mut peer) = attached(&entries(8));
    assert_eq!(gpio.write(DIR, 1, 0x0f), QUIET);
    peer.expect(directions(0x0f, 0x0f, 0));
    assert_eq!(gpio.reset(), QUIET);
    peer.expect(directions(0x0f, 0, 0));
}

#[test]
fn edges_and_snapshots_reach_the_interrupt() {
    let (_mock, mut gpio, mut peer) = attached(&[entry(7, 0), entry(3, 0)]);
    assert_eq!(gpio.write(IBE, 1, 0x88), QUIET);
    assert_eq!(gpio.write(IE, 1, 0x88), QUIET);
    peer.send(0, &edge(1, true));
    let notices = until(&mut gpio, |n| *n == Notice::Irq(true));
    assert!(matches!(notices[0], Notice::Client(Event::Edge(_))));
    assert_eq!(gpio.read(MIS, 1).0, 0x08);
    let lowered = gpio.write(IC, 1, 0x08);
    assert_eq!(lowered.irq, Some(false));
    peer.send(0, &values(0b11, 0b11, Reason::Resync));
    until(&mut gpio, |n| *n == Notice::Irq(true));
    assert_eq!(gpio.read(MIS, 1).0, 0x80, "the line whose level is new");
    assert_eq!(gpio.read(data(0xff), 1).0, 0x88);
}

#[test]
fn a_line_that_turns_to_an_input_starts_from_the_level_it_was_driven_to() {
    let (_mock, mut gpio, mut peer) = attached(&entries(1));
    assert_eq!(gpio.write(DIR, 1, 1), QUIET);
    assert_eq!(gpio.write(data(1), 1, 1), QUIET);
    assert_eq!(gpio.write(IBE, 1, 1), QUIET);
    assert_eq!(gpio.write(IE, 1, 1), QUIET);
    assert_eq!(gpio.write(DIR, 1, 0), QUIET);
    peer.send(0, &values(1, 1, Reason::Configured));
    let notices = until(&mut gpio, levels);
    assert_eq!(notices.len(), 1, "it is high as before: {notices:?}");
    assert_eq!(gpio.read(data(1), 1).0, 1);
}

#[test]
fn the_outputs_of_a_guest_that_started_first_follow_when_an_export_is_attached() {
    let mock = Mock::new();
    let mut gpio = Pl061Controller::new(mock.options()).expect("good options");
    assert_eq!(gpio.write(DIR, 1, 0b11), QUIET);
    assert_eq!(gpio.write(data(0b10), 1, 0b10), QUIET);
    gpio.connect().expect("the mock listens");
    let mut peer = serve(&mock, &mut gpio, &[entry(4, 0), entry(1, 0)]);
    peer.expect(directions(0b10, 0b10, 0b10));
    peer.expect_nothing();
}

#[test]
fn an_output_that_was_refused_is_asked_for_again_on_the_next_attachment() {
    let (mock, mut gpio, mut peer) = attached(&entries(2));
    assert_eq!(gpio.write(DIR, 1, 0b01), QUIET);
    let (seq, _) = peer.receive().expect("CONFIGURE");
    peer.send(seq, &mock::error(0b01, ErrorCode::NotAllowed, "inputs only"));
    until(&mut gpio, |notice| matches!(notice, Notice::Client(Event::Error(_))));
    drop(peer);
    until(&mut gpio, |notice| matches!(notice, Notice::Client(Event::Disconnected { .. })));
    while gpio.client().state() == State::Disconnected {
        assert!(!gpio.wait(gpio.client().next_deadline().expect("a retry"), &mut |_| ()));
    }
    let mut peer = serve(&mock, &mut gpio, &entries(2));
    peer.expect(directions(0b01, 0b01, 0b00));
    peer.expect_nothing();
}

#[test]
fn a_guest_that_has_driven_nothing_leaves_the_lines_as_they_were_taken() {
    let (_mock, _gpio, mut peer) = attached(&entries(8));
    peer.expect_nothing();
}

#[test]
fn a_restored_state_is_brought_to_the_lines_and_the_lines_to_it() {
    let (_mock, mut saved, mut peer) = attached(&entries(3));
    assert_eq!(saved.write(DIR, 1, 0b001), QUIET);
    assert_eq!(saved.write(data(1), 1, 1), QUIET);
    assert_eq!(saved.write(IBE, 1, 0b100), QUIET);
    assert_eq!(saved.write(IE, 1, 0b100), QUIET);
    peer.send(0, &edge(2, true));
    until(&mut saved, |n| *n == Notice::Irq(true));
    let state = saved.save();

    let (_mock, mut gpio, mut peer) = attached(&entries(3));
    assert_eq!(gpio.write(DIR, 1, 0b010), QUIET);
    peer.expect(directions(0b010, 0b010, 0));
    let outcome = gpio.restore(&state).expect("a good state");
    assert_eq!(outcome.irq, Some(true));
    peer.expect(directions(0b111, 0b001, 0b001));
    assert_eq!(gpio.read(data(0xff), 1).0, 0b001, "line 2 is low here");
}

#[test]
fn vgpios_above_7_are_refused() {
    let options = Options::new(Lines::Map("chip,vgpios=7:8".into()));
    let refused = Pl061Controller::new(options).expect_err("8 is too much");
    assert!(matches!(refused, OptionsError::NoGuestLine(ref e) if e.vgpio == 8));
    assert!(refused.to_string().contains("lines 0 to 7"), "{refused}");

    let mock = Mock::new();
    let mut gpio = Pl061Controller::new(mock.options()).expect("an export");
    gpio.connect().expect("the mock listens");
    let mut peer = mock.accept();
    peer.greet();
    let seq = peer.take_attach();
    peer.send(seq, &Message::Attached(Entries::new(&[entry(8, 0)])));
    let notices = until(&mut gpio, |_| true);
    assert!(matches!(
        &notices[0],
        Notice::Client(Event::Disconnected { error: Error::NoGuestLine(_), retry: false })
    ));
}

#[test]
fn the_store_of_a_guest_that_makes_a_mistake_is_told_and_not_sent() {
    let (_mock, mut gpio, mut peer) = attached(&entries(8));
    let outcome = gpio.write(0x401, 1, 0xff);
    assert!(outcome.guest_error.is_some());
    peer.expect_nothing();
}
