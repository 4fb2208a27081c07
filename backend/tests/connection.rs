// SPDX-License-Identifier: MIT OR Apache-2.0
//! One client of the control socket, from the daemon's side.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use common::fake_host::FakeHost;
use serde_json::{Value, json};
use vgpio_backend::control::api::{Driver, Event, EventKind};
use vgpio_backend::control::{Connection, MAX_LINE, MAX_QUEUE, Progress};

/// Longest wait for what is certain to come.
const DEADLINE: Duration = Duration::from_secs(20);

/// The two ends, and the daemon behind the one.
struct Pair {
    connection: Connection,
    host: FakeHost,
    client: BufReader<UnixStream>,
}

impl Pair {
    fn new() -> Self {
        let (server, client) = UnixStream::pair().unwrap();
        server.set_nonblocking(true).unwrap();
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        client.set_write_timeout(Some(DEADLINE)).unwrap();
        Self {
            connection: Connection::new(mio::net::UnixStream::from_std(server)),
            host: FakeHost::default(),
            client: BufReader::new(client),
        }
    }

    fn send(&mut self, text: &[u8]) {
        self.client.get_mut().write_all(text).unwrap();
    }

    /// Lets the daemon go on until it waits.
    fn turn(&mut self) -> Progress {
        loop {
            match self.connection.ready(&mut self.host).unwrap() {
                Progress::More => {}
                progress => return progress,
            }
        }
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.client.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Whether the daemon has sent nothing that was not read.
    fn is_silent(&mut self) -> bool {
        self.client.get_mut().set_nonblocking(true).unwrap();
        let silent = self.client.fill_buf().is_err();
        self.client.get_mut().set_nonblocking(false).unwrap();
        silent
    }

    fn event(&mut self, offset: u32, n: u64) {
        let event = Event {
            chip: "sim0".into(),
            offset,
            name: "LED1".into(),
            level: u8::from(n.is_multiple_of(2)),
            timestamp_ns: n,
            kind: EventKind::Pad,
            driven_by: Some(Driver::Chip),
        };
        self.connection.event(&event).unwrap();
    }

    fn monitor(&mut self) {
        self.send(b"{\"id\":9,\"command\":\"monitor\",\"lines\":[{\"line\":\"LED1\"}]}\n");
        self.turn();
        let led = json!([{"chip": "sim0", "offset": 11, "name": "LED1"}]);
        assert_eq!(self.line(), json!({"id": 9, "ok": led}));
    }
}

#[test]
fn a_command_that_comes_in_pieces_is_answered_when_it_is_whole() {
    let mut pair = Pair::new();
    pair.send(b"{\"id\":1,\"command\":\"get\",\"lines\":[{\"li");
    assert_eq!(pair.turn(), Progress::Idle);
    assert!(pair.is_silent());
    pair.send(b"ne\":\"LED1\"}]}\n");
    pair.turn();
    let led = json!([{"chip": "sim0", "offset": 11, "name": "LED1", "level": 1}]);
    assert_eq!(pair.line(), json!({"id": 1, "ok": led}));
}

#[test]
fn commands_are_answered_in_their_order_and_empty_lines_not_at_all() {
    let mut pair = Pair::new();
    pair.send(b"{\"id\":1,\"command\":\"status\"}\n\r\n\n{\"id\":2,\"command\":\"detect\"}\n");
    pair.turn();
    assert_eq!(pair.line()["id"], 1);
    assert_eq!(pair.line()["id"], 2);
    assert!(pair.is_silent());
}

#[test]
fn a_command_that_is_too_long_is_refused_and_skipped() {
    let mut pair = Pair::new();
    let long = vec![b'x'; MAX_LINE];
    for piece in [&long[..], &long[..3000], &long, &long[..5000], b"\n"] {
        pair.send(piece);
        pair.turn();
    }
    assert_eq!(pair.line()["error"]["code"], "too-long");
    pair.send(b"{\"id\":1,\"command\":\"status\"}\n");
    pair.turn();
    assert_eq!(pair.line()["id"], 1);
}

#[test]
fn a_command_of_the_greatest_length_is_carried_out() {
    let mut pair = Pair::new();
    let mut command = b"{\"id\":1,\"command\":\"status\"}".to_vec();
    command.resize(MAX_LINE, b' ');
    command.push(b'\n');
    for piece in command.chunks(10_000) {
        pair.send(piece);
        pair.turn();
    }
    assert_eq!(pair.line()["id"], 1);
}

#[test]
fn text_that_is_not_utf8_is_refused() {
    let mut pair = Pair::new();
    pair.send(b"{\"id\":1,\xff}\n");
    pair.turn();
    assert_eq!(pair.line()["error"]["code"], "bad-json");
}

#[test]
fn a_client_that_does_not_read_gets_no_more_answers_until_it_does() {
    const COMMANDS: u64 = 400;
    let mut pair = Pair::new();
    let commands: Vec<_> =
        (0..COMMANDS).map(|id| format!("{{\"id\":{id},\"command\":\"info\"}}\n")).collect();
    pair.send(commands.concat().as_bytes());
    pair.turn();
    for id in 0..COMMANDS {
        assert_eq!(pair.line()["id"], id);
        pair.turn();
    }
}

#[test]
fn events_of_other_lines_are_not_told() {
    let mut pair = Pair::new();
    assert!(!pair.connection.is_monitoring());
    pair.event(11, 1);
    pair.monitor();
    assert!(pair.connection.is_monitoring());
    pair.event(12, 2);
    pair.event(11, 3);
    let event = json!({
        "chip": "sim0", "offset": 11, "name": "LED1", "level": 0, "timestamp_ns": 3, "kind": "pad",
        "driven_by": "chip",
    });
    assert_eq!(pair.line(), json!({"id": 9, "event": event}));
    assert!(pair.is_silent());
}

#[test]
fn a_slow_monitor_is_told_how_many_events_it_missed() {
    let mut pair = Pair::new();
    pair.monitor();
    let events = u64::try_from(MAX_QUEUE / 20).unwrap();
    for n in 0..events {
        pair.event(11, n);
    }
    let (mut told, mut dropped) = (0, 0);
    while told + dropped < events {
        let line = pair.line();
        if let Some(n) = line["dropped"].as_u64() {
            dropped += n;
        } else {
            assert_eq!(line["event"]["timestamp_ns"], told, "what comes before is whole");
            told += 1;
        }
        pair.turn();
    }
    assert!(dropped > 0 && told > 0, "{told} told, {dropped} dropped");
    pair.event(11, events);
    assert_eq!(pair.line()["event"]["timestamp_ns"], events);
}

#[test]
fn events_that_the_chip_lost_are_told_to_those_who_monitor_it() {
    let mut pair = Pair::new();
    pair.connection.dropped("sim0", 1).unwrap();
    pair.monitor();
    pair.connection.dropped("sim1", 2).unwrap();
    assert!(pair.is_silent());
    pair.connection.dropped("sim0", 3).unwrap();
    assert_eq!(pair.line(), json!({"id": 9, "dropped": 3}));
}

/// What a connection may hold for its client: a command, what one turn reads behind it, and what
/// waits to be sent with one answer, each in memory that has grown by doubling.
const MAX_HELD: u64 = 4 * (MAX_LINE + MAX_QUEUE) as u64;

#[test]
fn a_command_without_an_end_takes_no_more_memory_than_the_longest() {
    let mut pair = Pair::new();
    let piece = vec![b'x'; MAX_LINE];
    let held = allocation_counter::measure(|| {
        for _ in 0..20 {
            pair.send(&piece);
            pair.turn();
        }
    });
    assert!(held.bytes_max < MAX_HELD, "{held:?}");
    assert_eq!(pair.line()["error"]["code"], "too-long");
    assert!(pair.is_silent(), "it is told once");
}

#[test]
fn a_client_that_never_reads_is_not_read_any_more() {
    let mut pair = Pair::new();
    pair.monitor();
    pair.client.get_mut().set_nonblocking(true).unwrap();
    let command = b"{\"id\":1,\"command\":\"info\"}\n".repeat(1000);
    let mut full = 0;
    let held = allocation_counter::measure(|| {
        for n in 0..500 {
            if pair.client.get_mut().write(&command).is_err() {
                full += 1;
            }
            pair.turn();
            pair.event(11, n);
        }
    });
    assert!(held.bytes_max < MAX_HELD, "{held:?}");
    assert!(full > 250, "its socket is full: {full}");
}

#[test]
fn a_connection_monitors_once() {
    let mut pair = Pair::new();
    pair.monitor();
    pair.send(b"{\"id\":10,\"command\":\"monitor\",\"lines\":[{\"line\":\"LED1\"}]}\n");
    pair.turn();
    assert_eq!(pair.line()["error"]["code"], "busy");
}

#[test]
fn a_press_is_answered_when_the_button_is_let_go() {
    let mut pair = Pair::new();
    pair.send(
        b"{\"id\":3,\"command\":\"press\",\"pad\":{\"line\":\"BUTTON\"},\"level\":\"low\"}\n",
    );
    pair.turn();
    assert_eq!(pair.host.done, ["press sim0 21 Some(false) 100ms"]);
    pair.connection.finished(pair.host.ticket + 1).unwrap();
    assert!(pair.is_silent());
    pair.connection.finished(pair.host.ticket).unwrap();
    assert_eq!(pair.line(), json!({"id": 3, "ok": {}}));
}

#[test]
fn a_client_that_has_gone_is_closed() {
    let mut pair = Pair::new();
    pair.client.get_mut().shutdown(Shutdown::Both).unwrap();
    assert_eq!(pair.turn(), Progress::Closed);
}

#[test]
fn a_client_that_sends_no_more_gets_what_it_waits_for() {
    let mut pair = Pair::new();
    pair.send(b"{\"id\":3,\"command\":\"press\",\"pad\":{\"line\":\"BUTTON\"},\"for_ms\":5}\n");
    pair.client.get_mut().shutdown(Shutdown::Write).unwrap();
    assert_eq!(pair.turn(), Progress::Idle);
    pair.connection.finished(pair.host.ticket).unwrap();
    assert_eq!(pair.line()["id"], 3);
    assert_eq!(pair.turn(), Progress::Closed);
}
