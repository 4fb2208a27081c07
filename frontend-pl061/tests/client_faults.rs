// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client whose backend refuses, vanishes or breaks the protocol.

mod mock;

use std::time::Duration;

use mock::{HELLO, Mock, deadline, entries, entry, events_until, values};
use nix::errno::Errno;
use vgpio::client::{
    Client, Error, Event, Lines, NoGuestLine, Options, OptionsError, Report, State, Violation,
    WaitError,
};
use vgpio_protocol::{
    DecodeError, Edge, Edges, ErrorCode, Event as Message, HelloReply, LineEntry, Reason, Request,
};

/// Why the client lost its connection, and whether it will try again.
fn disconnected(client: &mut Client) -> (Error, bool) {
    let wanted = |event: &Event| matches!(event, Event::Disconnected { .. });
    match events_until(client, wanted).pop() {
        Some(Event::Disconnected { error, retry }) => (error, retry),
        other => panic!("{other:?}"),
    }
}

/// The violation that a message, sent to an attached client of two lines, is.
fn violation(send: impl FnOnce(&mut mock::Peer)) -> Violation {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(2);
    send(&mut peer);
    match disconnected(&mut client) {
        (Error::Protocol(violation), true) => violation,
        other => panic!("{other:?}"),
    }
}

/// The violation of a backend that answers HELLO and ATTACH like this.
fn bad_start(hello: &Message<'_>, lines: &[LineEntry<'_>]) -> Violation {
    let mock = Mock::new();
    let mut client = Client::new(mock.options()).expect("good options");
    client.connect().expect("the mock listens");
    let mut peer = mock.accept();
    let (seq, _) = peer.receive().expect("HELLO");
    let attach = peer.take_attach();
    peer.send(seq, hello);
    peer.send(attach, &Message::Attached(vgpio_protocol::Lines::new(lines)));
    match disconnected(&mut client) {
        (Error::Protocol(violation), true) => violation,
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_daemon_the_client_says_where_it_looked_and_tries_again() {
    let mock = Mock::new();
    let path = mock.path();
    let mut client = Client::new(mock.options()).expect("good options");
    drop(mock);
    let error = client.connect().expect_err("nobody is there");
    let wanted = Error::Connect { path: path.clone(), source: Errno::ENOENT };
    assert_eq!(error, wanted);
    assert!(error.chain().contains(&path.display().to_string()));
    assert_eq!(client.state(), State::Disconnected);
    assert!(client.next_deadline().is_some());
    assert_eq!(client.last_error(), Some(&wanted));
    // The same failure again is no news.
    let soon = std::time::Instant::now() + Duration::from_millis(20);
    assert!(!client.wait(soon, &mut |_| ()));
}

#[test]
fn a_busy_line_is_tried_again_until_it_is_free() {
    let mock = Mock::new();
    let mut client = Client::new(mock.options()).expect("good options");
    client.connect().expect("the mock listens");
    let text = "line 11 is held by led-daemon";
    let refuse = || {
        let mut peer = mock.accept();
        peer.greet();
        let seq = peer.take_attach();
        peer.send(seq, &mock::error(1, ErrorCode::Busy, text));
    };
    refuse();
    let report = Report { code: ErrorCode::Busy, errno: 0, mask: 1, seq: 0, text: text.into() };
    assert_eq!(disconnected(&mut client), (Error::Refused(report), true));
    // The same refusal again is no news.
    let no_news = &mut |event| panic!("{event:?}");
    let connecting = |c: &Client| c.state() == State::Connecting;
    let ended = |c: &Client| c.state() == State::Disconnected;
    client.wait_until(deadline(), no_news, connecting).expect("it tries again");
    refuse();
    client.wait_until(deadline(), no_news, ended).expect("it is refused");
    client.wait_until(deadline(), no_news, connecting).expect("it tries again");
    mock.serve(&mut client, &entries(1));
    assert_eq!(client.last_error(), None);
}

#[test]
fn a_refusal_that_will_not_pass_is_not_tried_again() {
    for code in [ErrorCode::NotAllowed, ErrorCode::NoExport, ErrorCode::MapSyntax] {
        let mock = Mock::new();
        let mut client = Client::new(mock.options()).expect("good options");
        client.connect().expect("the mock listens");
        let mut peer = mock.accept();
        peer.greet();
        let seq = peer.take_attach();
        peer.send(seq, &mock::error(0, code, "no"));
        let (error, retry) = disconnected(&mut client);
        assert!(matches!(error, Error::Refused(report) if report.code == code));
        assert!(!retry);
        assert_eq!(client.next_deadline(), None);
        let waited = client.sync_wait(deadline(), &mut |_| ());
        assert!(matches!(waited, Err(WaitError::Disconnected(_))));
    }
}

#[test]
fn a_refused_hello_is_typed() {
    let mock = Mock::new();
    let mut client = Client::new(mock.options()).expect("good options");
    client.connect().expect("the mock listens");
    let mut peer = mock.accept();
    let (seq, _) = peer.receive().expect("HELLO");
    peer.send(seq, &mock::error(0, ErrorCode::TooManySessions, "8 of 8"));
    let (error, retry) = disconnected(&mut client);
    assert!(matches!(error, Error::Refused(r) if r.code == ErrorCode::TooManySessions));
    assert!(retry);
}

#[test]
fn a_fatal_error_ends_the_session_with_its_text() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(1);
    peer.send(0, &mock::error(0, ErrorCode::ShuttingDown, "vgpiod ends"));
    drop(peer);
    let (error, retry) = disconnected(&mut client);
    assert!(retry);
    assert_eq!(error.chain(), "the backend ended the session: vgpiod ends (shutting-down)");
}

#[test]
fn a_set_after_the_backend_has_gone_does_no_harm() {
    let mock = Mock::new();
    let (mut client, peer) = mock.attached(1);
    drop(peer);
    for bits in 0..100 {
        client.set(1, bits & 1);
    }
    let (error, retry) = disconnected(&mut client);
    assert!(matches!(error, Error::Closed | Error::Io(_)), "{error:?}");
    assert!(retry);
}

#[test]
fn the_end_in_the_middle_of_a_message_is_an_end() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(1);
    let mut bytes = Vec::new();
    values(1, 1, Reason::Resync).encode(0, &mut bytes);
    peer.send_bytes(&bytes[..bytes.len() - 1]);
    drop(peer);
    assert_eq!(disconnected(&mut client), (Error::Closed, true));
    assert_eq!(client.levels(), 0);
}

#[test]
fn messages_split_at_every_byte_are_put_together() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(1);
    let mut bytes = Vec::new();
    values(1, 1, Reason::Resync).encode(0, &mut bytes);
    for byte in bytes {
        assert_eq!(client.levels(), 0);
        peer.send_bytes(&[byte]);
        client.advance();
    }
    assert_eq!(client.levels(), 1);
}

#[test]
fn lines_beyond_the_attachment_are_a_violation() {
    let edge = Edge { line: 2, active: true, line_seqno: 1, timestamp_ns: 0 };
    let edges = [edge];
    let cases: [(&str, Message<'_>); 4] = [
        ("EDGES", Message::Edges(Edges::new(&edges))),
        ("VALUES", values(0b100, 0, Reason::Resync)),
        ("RESTORED", Message::Restored(0b100)),
        ("LOST", Message::Lost(vgpio_protocol::Lost { mask: 1 << 63, text: "" })),
    ];
    for (name, message) in cases {
        let found = violation(|peer| peer.send(0, &message));
        assert_eq!(found, Violation::NoSuchLine(name));
    }
}

#[test]
fn messages_out_of_place_are_a_violation() {
    let two = entries(2);
    let attached = Message::Attached(vgpio_protocol::Lines::new(&two));
    let found = violation(|peer| peer.send(2, &attached));
    assert_eq!(found, Violation::Unexpected("ATTACHED"));
    let found = violation(|peer| peer.send(1, &HELLO));
    assert_eq!(found, Violation::Unexpected("HELLO reply"));
    let found = violation(|peer| peer.send(3, &Message::Synced));
    assert_eq!(found, Violation::WrongReply("SYNCED", 3));
    let three = entries(3);
    let lines = Message::Lines(vgpio_protocol::Lines::new(&three));
    let found = violation(|peer| peer.send(3, &lines));
    assert_eq!(found, Violation::LineCount("LINES", 3));
}

#[test]
fn bytes_that_are_no_message_are_a_violation() {
    let found = violation(|peer| peer.send_bytes(&[0xff; 16]));
    let wanted = DecodeError::BadValue("reserved header flags");
    assert_eq!(found, Violation::Decode(wanted));
    let long = [1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let found = violation(|peer| peer.send_bytes(&long));
    assert_eq!(found, Violation::Decode(DecodeError::TooLong(1 << 24)));
    let unknown = [1, 0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let found = violation(|peer| peer.send_bytes(&unknown));
    assert_eq!(found, Violation::Decode(DecodeError::UnknownType(0x9001)));
}

#[test]
fn connecting_with_a_deadline_waits_for_the_lines_or_says_why_not() {
    let mock = Mock::new();
    let mut client = Client::new(mock.options()).expect("good options");
    let waited = client.connect_wait(std::time::Instant::now(), &mut |_| ());
    assert_eq!(waited, Err(Error::Timeout));
    assert!(client.next_deadline().is_some(), "it tries again");
    let _silent = mock.accept();

    std::thread::scope(|scope| {
        let backend = scope.spawn(|| {
            let mut peer = mock.accept();
            peer.greet();
            peer.attach(&entries(1));
            assert_eq!(peer.until_sync(), []);
            peer
        });
        assert_eq!(client.connect_wait(deadline(), &mut |_| ()), Ok(()));
        assert_eq!(client.state(), State::Attached);
        drop(backend.join().expect("no panic"));
    });
}

#[test]
fn a_bad_start_is_a_violation() {
    let Message::Hello(good) = HELLO else {
        unreachable!("HELLO is one");
    };
    let two = HelloReply { version: 2, ..good };
    let found = bad_start(&Message::Hello(two), &entries(1));
    assert_eq!(found, Violation::Version(2));
    let features = HelloReply { features: 4, ..good };
    let found = bad_start(&Message::Hello(features), &entries(1));
    assert_eq!(found, Violation::Features(4));
    let few = Message::Hello(HelloReply { max_lines: 1, ..good });
    let found = bad_start(&few, &entries(2));
    assert_eq!(found, Violation::LineCount("ATTACHED", 2));
    let found = bad_start(&HELLO, &[entry(4, 0), entry(4, 0)]);
    assert_eq!(found, Violation::VgpioTwice(4));
}

#[test]
fn an_export_with_lines_that_the_guest_does_not_have_is_not_taken() {
    let mock = Mock::new();
    let options = Options { guest_lines: 8, ..mock.options() };
    let mut client = Client::new(options).expect("good options");
    client.connect().expect("the mock listens");
    let mut peer = mock.accept();
    peer.greet();
    peer.attach(&[entry(7, 0), entry(8, 0)]);
    let wanted = Error::NoGuestLine(NoGuestLine { vgpio: 8, lines: 8 });
    assert_eq!(disconnected(&mut client), (wanted, false));
    assert_eq!(peer.receive(), None);
}

#[test]
fn wrong_options_are_refused_with_the_reason() {
    let refused = |options: Options| Client::new(options).expect_err("wrong options");
    let map = |text: &str| Options::new(Lines::Map(text.into()));
    let export = |text: &str| Options::new(Lines::Export(text.into()));
    assert!(matches!(
        refused(map("chip,vgpios=0:one")),
        OptionsError::Map(error) if error.column == 15
    ));
    let few = Options { guest_lines: 8, ..map("chip,vgpios=0:8") };
    assert!(matches!(refused(few), OptionsError::NoGuestLine(_)));
    assert_eq!(refused(export("")), OptionsError::LinesLength(0));
    assert_eq!(refused(export(&"x".repeat(4097))), OptionsError::LinesLength(4097));
    let name = Options { name: "x".repeat(65), ..export("leds") };
    assert_eq!(refused(name), OptionsError::NameLength(65));
    for bytes in [0, 8191, 64 * 1024 * 1024 + 1, usize::MAX] {
        let queue = Options { queue_bytes: bytes, ..export("leds") };
        assert_eq!(refused(queue), OptionsError::Queue(bytes));
    }
}

#[test]
fn a_flood_of_edges_that_nobody_takes_stays_in_the_socket() {
    let mock = Mock::new();
    let (mut client, mut peer) = mock.attached(1);
    let edges = [Edge { line: 0, active: true, line_seqno: 1, timestamp_ns: 0 }; 512];
    let flood = std::thread::spawn(move || {
        for _ in 0..64 {
            peer.send(0, &Message::Edges(Edges::new(&edges)));
        }
        peer
    });
    let mut waiting = 0;
    while waiting < 2 * 4096 && client.counters().edges < 64 * 512 {
        let before = client.counters().edges;
        client.advance();
        waiting += client.counters().edges - before;
        if waiting >= 4096 && client.counters().edges == before {
            break;
        }
    }
    assert!(waiting < 2 * 4096, "{waiting} events are kept");
    while client.counters().edges < 64 * 512 {
        client.wait(deadline(), &mut |_| ());
    }
    let mut peer = flood.join().expect("no panic");
    client.set(1, 1);
    assert!(matches!(peer.receive(), Some((_, Request::Set(_)))));
}
