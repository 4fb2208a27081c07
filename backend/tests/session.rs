// SPDX-License-Identifier: MIT OR Apache-2.0
//! A session without a socket: any messages, in any order, on a simulated block.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::bench::{Bench, PEER};
use proptest::prelude::*;
use vgpio_backend::chip::ChipEdge;
use vgpio_backend::config::Rule;
use vgpio_backend::hub::{Route, SessionKey};
use vgpio_backend::session::{Context, Outbox, Session};
use vgpio_protocol::{
    Attach, Configure, Directions, ErrorCode, Event, Frame, Hello, LineSet, Reason, Request,
};

fn requests() -> impl Strategy<Value = Request<'static>> {
    // Mostly lines that there are, at times one beyond.
    let mask = prop_oneof![9 => 0_u64..16, 1 => 0_u64..32];
    prop_oneof![
        4 => (mask.clone(), any::<u64>())
            .prop_map(|(mask, bits)| Request::Set(LineSet { mask, bits: bits & mask })),
        3 => (mask.clone(), any::<u64>(), any::<u64>()).prop_map(|(mask, outputs, bits)| {
            let outputs = outputs & mask;
            let direction = Some(Directions { outputs, bits: bits & outputs });
            Request::Configure(Configure { mask, direction, ..Configure::default() })
        }),
        1 => mask.prop_map(Request::Get),
        1 => Just(Request::Sync),
        1 => Just(Request::Info),
    ]
}

/// What the pads must be: direction and level of the four lines.
#[derive(Default)]
struct Expected {
    outputs: u64,
    levels: u64,
}

impl Expected {
    /// Takes in a request; returns the error it must give.
    fn apply(&mut self, request: &Request<'_>) -> Option<ErrorCode> {
        let mask = match request {
            Request::Set(set) => set.mask,
            Request::Configure(change) => change.mask,
            Request::Get(mask) => *mask,
            _ => 0,
        };
        if mask > 15 {
            return Some(ErrorCode::BadLine);
        }
        match request {
            Request::Set(set) if set.mask & !self.outputs != 0 => {
                return Some(ErrorCode::NotOutput);
            }
            Request::Set(set) => self.levels = (self.levels & !set.mask) | set.bits,
            Request::Configure(Configure { mask, direction: Some(directions), .. }) => {
                self.outputs = (self.outputs & !mask) | directions.outputs;
                self.levels = (self.levels & !directions.outputs) | directions.bits;
            }
            _ => {}
        }
        None
    }
}

/// The four lines of the export as bits 0 to 3.
fn lines(pads: u32) -> u64 {
    [8, 9, 20, 21].iter().enumerate().map(|(i, pad)| u64::from(pads >> pad & 1) << i).sum()
}

/// A session that has attached to a line map, and what it was told.
fn mapped(bench: &mut Bench, key: usize, map: &str) -> (Session, Option<ErrorCode>) {
    let mut session = Session::new(SessionKey(key), 1, PEER);
    let mut bytes = Vec::new();
    let hello = Hello { version_min: 1, version_max: 1, features: 0, name: "z" };
    Request::Hello(hello).encode(1, &mut bytes);
    Request::Attach(Attach::Map(map)).encode(2, &mut bytes);
    let said = bench.feed(&mut session, &bytes);
    (session, said[1].1)
}

fn tell(bench: &mut Bench, session: &mut Session, seq: u64, request: &Request<'_>) {
    let mut bytes = Vec::new();
    request.encode(seq, &mut bytes);
    bench.feed(session, &bytes);
}

#[test]
fn a_refused_claim_leaves_lines_in_their_safe_state() {
    let mut bench = Bench::new();
    bench.config.policy.rules.push(Rule::All);
    let (mut kept, _) = mapped(&mut bench, 0, "block,gpios=1,init=high,safe=high");
    kept.close(&mut bench.hub, &mut bench.log);
    let (_owner, _) = mapped(&mut bench, 1, "block,gpios=2");
    let (_refused, code) = mapped(&mut bench, 2, "block,gpios=1:2,init=low");
    assert_eq!(code, Some(ErrorCode::Busy));
    assert_eq!((bench.sim.outputs(), bench.sim.levels() & 2), (2, 2), "still driven high");
}

#[test]
fn lines_in_their_safe_state_may_be_had_in_another_order() {
    let mut bench = Bench::new();
    bench.config.policy.rules.push(Rule::All);
    let (mut kept, _) = mapped(&mut bench, 0, "block,gpios=2:1,init=high,safe=high");
    kept.close(&mut bench.hub, &mut bench.log);
    let (_other, code) = mapped(&mut bench, 1, "block,gpios=1:2:3");
    assert_eq!(code, None);
}

#[test]
fn a_guest_cannot_change_what_safe_means() {
    let mut bench = Bench::new();
    bench.config.policy.rules.push(Rule::All);
    let (mut guest, _) = mapped(&mut bench, 0, "block,gpios=1,init=low,safe=low");
    let change = Configure { mask: 1, active_low: Some(true), ..Configure::default() };
    tell(&mut bench, &mut guest, 3, &Request::Configure(change));
    assert_eq!(bench.sim.levels() & 2, 2, "the level is kept, so the voltage changes");
    guest.close(&mut bench.hub, &mut bench.log);
    assert_eq!((bench.sim.outputs(), bench.sim.levels() & 2), (2, 0), "low as the map meant it");
}

#[test]
fn what_is_sent_frees_its_room_though_the_rest_must_wait() {
    struct Narrow(usize);
    impl std::io::Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if self.0 == 0 {
                return Err(std::io::ErrorKind::WouldBlock.into());
            }
            let n = bytes.len().min(std::mem::take(&mut self.0));
            Ok(n)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut outbox = Outbox::default();
    for _ in 0..100_000 {
        outbox.push(&Event::Synced, 1);
        outbox.push(&Event::Synced, 2);
        outbox.write(Narrow(31)).unwrap();
        outbox.write(Narrow(1)).unwrap();
        outbox.push(&Event::Synced, 3);
        outbox.write(Narrow(16)).unwrap();
    }
    assert!(outbox.len() < 64 && outbox.room() < 4096, "{} bytes of room", outbox.room());
}

/// What the session says of levels: the lines, why, and how many edges were lost.
fn values(session: &mut Session) -> Vec<(u64, Reason, u32)> {
    let mut sent = Vec::new();
    session.outbox.write(&mut sent).unwrap();
    let mut rest = &sent[..];
    let mut values = Vec::new();
    while let Some(frame) = Frame::split(rest).unwrap() {
        if let Some(Event::Values(v)) = Event::decode(&frame).unwrap() {
            values.push((v.mask, v.reason, v.lost_edges));
        }
        rest = &rest[frame.size()..];
    }
    values
}

/// Loses three edges, and has so many others wait that a resync must, but a message need not.
fn lose_edges(session: &mut Session, cx: &mut Context<'_>) {
    let edge = ChipEdge { line: 0, active: true, line_seqno: 1, timestamp_ns: 0 };
    let route = Route::new(15);
    while session.outbox.is_low() {
        session.edges(route, &[edge; 64], 0, cx);
    }
    session.edges(route, &[], 3, cx);
}

#[test]
fn a_reply_does_not_stand_for_the_resync_of_lost_edges() {
    let mut bench = Bench::new();
    let mut session = bench.attached();
    let mut cx = Context { hub: &mut bench.hub, config: &bench.config, log: &mut bench.log };
    lose_edges(&mut session, &mut cx);
    let mut bytes = Vec::new();
    Request::Get(0b0001).encode(3, &mut bytes);
    Request::Get(0b1111).encode(4, &mut bytes);
    session.consume(&bytes, &mut cx);
    assert_eq!(values(&mut session), [(1, Reason::Reply, 0), (15, Reason::Reply, 0)]);
    assert!(session.resync(&mut cx));
    assert_eq!(values(&mut session), [(15, Reason::Resync, 3)]);
    assert!(!session.resync(&mut cx), "all is told");
}

#[test]
fn a_resync_does_not_wait_for_a_chip_that_is_gone() {
    let mut bench = Bench::new();
    let mut session = bench.attached();
    let mut cx = Context { hub: &mut bench.hub, config: &bench.config, log: &mut bench.log };
    lose_edges(&mut session, &mut cx);
    bench.sim.unplug();
    let mut bytes = Vec::new();
    Request::Get(1).encode(3, &mut bytes);
    session.consume(&bytes, &mut cx);
    assert_eq!(cx.hub.lose_chips().0.len(), 1, "its lines are lost");
    values(&mut session);
    assert!(session.resync(&mut cx));
    assert_eq!(values(&mut session), [(0, Reason::Resync, 3)]);
    assert!(!session.resync(&mut cx), "there is nothing more to tell");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn pads_follow_any_messages(requests in proptest::collection::vec(requests(), 1..40)) {
        let mut bench = Bench::new();
        let mut session = bench.attached();
        let mut expected = Expected::default();
        for (seq, request) in (3..).zip(&requests) {
            let error = expected.apply(request);
            let mut bytes = Vec::new();
            request.encode(seq, &mut bytes);
            let said = bench.feed(&mut session, &bytes);
            prop_assert!(said.iter().all(|(s, code)| *s == seq && *code == error), "{:?}", said);
            let replies = usize::from(matches!(request, Request::Get(_) | Request::Sync | Request::Info));
            let expect = if error.is_some() { 1 } else { replies };
            match request {
                Request::Configure(change) if error.is_none() => {
                    let inputs = change.mask & !expected.outputs != 0;
                    prop_assert_eq!(said.len(), usize::from(inputs));
                }
                _ => prop_assert_eq!(said.len(), expect),
            }
            prop_assert_eq!(lines(bench.sim.outputs()), expected.outputs);
            prop_assert_eq!(lines(bench.sim.levels()) & expected.outputs, expected.levels & expected.outputs);
        }
        session.close(&mut bench.hub, &mut bench.log);
        prop_assert_eq!(bench.sim.outputs(), 0, "released lines are inputs");
    }

    #[test]
    fn any_bytes_leave_a_session_open_or_closed_with_a_reason(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        seq in 3_u64..9,
        kind in 0_u16..12,
    ) {
        let mut bench = Bench::new();
        let mut session = bench.attached();
        let mut message = Vec::new();
        message.extend_from_slice(&kind.to_le_bytes());
        message.extend_from_slice(&[0, 0]);
        message.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_le_bytes());
        message.extend_from_slice(&seq.to_le_bytes());
        message.extend_from_slice(&bytes);
        let said = bench.feed(&mut session, &message);
        let fatal = said.iter().any(|(_, code)| code.is_some_and(ErrorCode::is_fatal));
        prop_assert_eq!(session.is_closed(), fatal);
    }

    #[test]
    fn a_second_claim_is_refused_whatever_the_first_does(
        requests in proptest::collection::vec(requests(), 0..10),
    ) {
        let mut bench = Bench::new();
        let mut first = bench.attached();
        for (seq, request) in (3..).zip(&requests) {
            let mut bytes = Vec::new();
            request.encode(seq, &mut bytes);
            bench.feed(&mut first, &bytes);
        }
        let mut second = Session::new(SessionKey(1), 2, PEER);
        let mut bytes = Vec::new();
        Request::Hello(Hello { version_min: 1, version_max: 1, features: 0, name: "y" }).encode(1, &mut bytes);
        Request::Attach(Attach::Export("e")).encode(2, &mut bytes);
        prop_assert_eq!(bench.feed(&mut second, &bytes), [(1, None), (2, Some(ErrorCode::Busy))]);
        first.close(&mut bench.hub, &mut bench.log);
        let mut bytes = Vec::new();
        Request::Attach(Attach::Export("e")).encode(3, &mut bytes);
        prop_assert_eq!(bench.feed(&mut second, &bytes), [(3, None), (3, None)]);
    }
}
