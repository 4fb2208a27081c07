// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines of a client of the control socket: each gets one answer, which is JSON and is about it.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

use serde_json::Value;
use vgpio_backend::control::api::Refusal;
use vgpio_backend::control::{Connection, Progress, Then, dispatch};

#[path = "../../backend/tests/common/fake_host.rs"]
#[expect(dead_code, reason = "not all that it knows is asked here")]
mod fake_host;

use fake_host::FakeHost;

/// The control socket: its commands one by one, and as a stream that comes in pieces.
///
/// # Panics
/// A command has no answer, another's, or one that is not JSON.
pub fn control(input: &[u8]) {
    for line in input.split(|byte| *byte == b'\n') {
        if let Ok(line) = str::from_utf8(line) {
            command(line);
        }
    }
    stream(input);
}

fn command(line: &str) {
    let mut host = FakeHost::default();
    let outcome = dispatch(line, &mut host);
    let id = serde_json::from_str::<Value>(line).ok().and_then(|asked| asked["id"].as_u64());
    let succeeded = outcome.reply.as_deref().map(|reply| answer(reply, id));
    match outcome.then {
        Then::Nothing => assert!(succeeded.is_some(), "no answer to {line}"),
        Then::Monitor(of, lines) => {
            assert!(succeeded == Some(true) && Some(of) == id && !lines.is_empty(), "{line}");
        }
        Then::Wait(of, ticket) => {
            assert_eq!((succeeded, Some(of), ticket), (None, id, host.ticket), "{line}");
        }
    }
    let simulated =
        |done: &String| done.split(' ').nth(1).is_some_and(|chip| chip.starts_with("sim"));
    assert!(host.done.len() <= 1 || host.done.iter().all(simulated), "{:?}", host.done);
}

/// Checks an answer; returns whether the command was carried out.
fn answer(reply: &str, id: Option<u64>) -> bool {
    assert!(!reply.contains('\n'));
    let reply: Value = serde_json::from_str(reply).expect("an answer is JSON");
    if let Some(id) = reply["id"].as_u64() {
        assert_eq!(Some(id), id.into(), "{reply}");
    }
    if id.is_none() {
        assert!(reply.get("ok").is_none(), "{reply}");
    }
    let Some(error) = reply.get("error") else {
        assert!(reply.get("ok").is_some(), "{reply}");
        return true;
    };
    let refusal: Refusal =
        serde_json::from_value(error.clone()).expect("an error of the interface");
    assert!(!refusal.message.is_empty());
    false
}

/// The same bytes through a socket, in pieces of a size that the first of them gives.
fn stream(input: &[u8]) {
    let (server, mut client) = UnixStream::pair().expect("sockets");
    server.set_nonblocking(true).expect("a socket");
    client.set_nonblocking(true).expect("a socket");
    let mut connection = Connection::new(mio::net::UnixStream::from_std(server));
    let mut host = FakeHost::default();
    let mut told = Vec::new();
    let size = usize::from(input.first().copied().unwrap_or(0)) + 1;
    for piece in input.chunks(size) {
        client.write_all(piece).expect("the daemon reads");
        while connection.ready(&mut host).expect("a socket") == Progress::More {}
        if let Err(error) = client.read_to_end(&mut told) {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
        }
    }
    let lines = input.split(|byte| *byte == b'\n').count();
    let answers = told.split(|byte| *byte == b'\n').filter(|answer| !answer.is_empty());
    let mut count = 0;
    for answer in answers {
        count += 1;
        assert!(serde_json::from_slice::<Value>(answer).is_ok(), "not JSON");
    }
    assert!(count <= lines, "{count} answers to {lines} lines");
}
