// SPDX-License-Identifier: MIT OR Apache-2.0
//! A daemon without a loop and without sockets, on a simulated block.

use std::sync::Arc;

use mio::{Poll, Token, Waker};
use vgpio_backend::chip::sim::{SimBlock, SimOptions};
use vgpio_backend::config::{
    Access, Config, DEFAULT_GRACE, ExportConfig, ExportLine, Keep, Policy,
};
use vgpio_backend::hub::{Chips, Hub, SessionKey};
use vgpio_backend::session::{Context, LogLimit, Peer, Session};
use vgpio_protocol::{Attach, ErrorCode, Event, Frame, Hello, LineMap, Request};
use vgpio_rcar::Generation;

/// Who is at the other end.
pub const PEER: Peer = Peer { pid: 1, uid: 0, gid: 0 };

/// A daemon without a loop: one block whose lines 8, 9, 20 and 21 are exported.
pub struct Bench {
    pub sim: SimBlock,
    pub hub: Hub,
    pub config: Config,
    pub log: LogLimit,
    _poll: Poll,
}

impl Bench {
    pub fn new() -> Self {
        let poll = Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
        let sim = SimBlock::new(SimOptions {
            generation: Generation::Gen3,
            name: "sim0".into(),
            label: "block".into(),
            names: vec![],
        });
        let chips = Chips::new(vec![sim.clone()], vec![], waker);
        let hub = Hub::new(chips, poll.registry().try_clone().unwrap());
        let map: LineMap = "block,gpios=8-9:20-21".parse().unwrap();
        let lines = ExportLine::of_map(map).collect();
        let export =
            ExportConfig { name: "e".into(), lines, access: Access::default(), watchdog: None };
        let config = Config {
            socket: None,
            control: None,
            max_sessions: 2,
            policy: Policy::default(),
            sims: vec![],
            chips: vec![],
            exports: vec![export],
            vhost_users: Vec::new(),
            keep: Keep::Off,
            grace: DEFAULT_GRACE,
        };
        Self { sim, hub, config, log: LogLimit::default(), _poll: poll }
    }

    /// Feeds bytes and returns what the session says, as (seq, error code if it is one).
    pub fn feed(&mut self, session: &mut Session, bytes: &[u8]) -> Vec<(u64, Option<ErrorCode>)> {
        let mut cx = Context { hub: &mut self.hub, config: &self.config, log: &mut self.log };
        session.consume(bytes, &mut cx);
        let mut sent = Vec::new();
        session.outbox.write(&mut sent).unwrap();
        let mut said = Vec::new();
        let mut rest = &sent[..];
        while let Some(frame) = Frame::split(rest).unwrap() {
            let code = match Event::decode(&frame).unwrap().unwrap() {
                Event::Error(report) => Some(report.code),
                _ => None,
            };
            said.push((frame.seq, code));
            rest = &rest[frame.size()..];
        }
        assert!(rest.is_empty(), "a session says whole messages");
        said
    }

    /// A session that has the lines of the export.
    pub fn attached(&mut self) -> Session {
        let mut session = Session::new(SessionKey(0), 1, PEER);
        let hello = Hello { version_min: 1, version_max: 9, features: u64::MAX, name: "x" };
        let mut bytes = Vec::new();
        Request::Hello(hello).encode(1, &mut bytes);
        Request::Attach(Attach::Export("e")).encode(2, &mut bytes);
        let said = self.feed(&mut session, &bytes);
        assert_eq!(said, [(1, None), (2, None), (2, None)]);
        session
    }
}
