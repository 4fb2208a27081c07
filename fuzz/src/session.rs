// SPDX-License-Identifier: MIT OR Apache-2.0
//! Several frontends and the world outside the chip: sessions keep to the protocol, and lines to their owners.

use arbitrary::{Result, Unstructured};
use vgpio_backend::config::{Access, ExportConfig, ExportLine, Rule};
use vgpio_backend::hub::{HoldKey, SessionKey};
use vgpio_backend::session::{Context, Session};
use vgpio_protocol::{
    Attach, Configure, Directions, ErrorCode, Event, Frame, Hello, LineMap, LineSet, Request,
};

#[path = "../../backend/tests/common/bench.rs"]
mod bench;

use bench::{Bench, PEER};

use crate::some_bytes;

/// Line maps of frontends: of the exports' lines and of others, with and without settings. Those of the export
/// `e` have no safe state, in which they would be held until they are wanted together.
const MAPS: [&str; 8] = [
    "block,gpios=1,max-toggle-rate=1,min-hold=1s",
    "block,gpios=0-3,init=high,safe=hold",
    "block,gpios=8:29,init=low",
    "block,gpios=20,shared=on",
    "block,gpios=20-25,shared=on,bias=pull-up",
    "block,gpios=30:31,active-low=on,drive=open-drain,safe=high",
    "block,gpios=4,edges=both,debounce=1s,init=low,safe=low",
    "block,vgpios=9,gpios=5,poll=10ms,safe=input",
];

/// Sessions of the native protocol, without sockets, as sequences of messages.
///
/// # Panics
/// A session says what is no message, or closes without a reason; a line has two owners, is driven by nobody, or
/// cannot be had when all have gone.
pub fn session(input: &[u8]) {
    let mut world = World::new();
    let mut input = Unstructured::new(input);
    while !input.is_empty() && world.step(&mut input).is_ok() {
        world.check();
    }
    world.end();
}

/// A frontend.
struct Frontend {
    session: Session,
    /// What the session has not taken yet.
    waiting: Vec<u8>,
    seq: u64,
    /// Whether every byte so far was of a message that the protocol has.
    is_honest: bool,
}

struct World {
    bench: Bench,
    frontends: Vec<Frontend>,
    /// Lines that somebody has had.
    touched: u32,
}

impl World {
    fn new() -> Self {
        let mut bench = Bench::new();
        bench.config.policy.rules.push(Rule::All);
        for (name, map) in [
            ("shared", "block,gpios=9-10,shared=on"),
            ("kept", "block,gpios=12-14,init=high,safe=hold"),
        ] {
            let map: LineMap = map.parse().expect("a line map");
            let lines = ExportLine::of_map(map).collect();
            bench.config.exports.push(ExportConfig {
                name: name.into(),
                lines,
                access: Access::default(),
                watchdog: None,
            });
        }
        let frontends = (0..3).map(Frontend::new).collect();
        Self { bench, frontends, touched: 0 }
    }

    fn step(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let i = u.int_in_range(0..=self.frontends.len() - 1)?;
        match u.int_in_range(0..=15)? {
            0..9 => {
                let mut bytes = Vec::new();
                let frontend = &mut self.frontends[i];
                frontend.seq += 1;
                request(u)?.encode(frontend.seq, &mut bytes);
                self.give(i, &bytes);
            }
            9 => {
                let bytes = message(u, &mut self.frontends[i])?;
                self.give(i, &bytes);
            }
            10 => {
                let bytes = some_bytes(u)?;
                self.frontends[i].is_honest = false;
                self.give(i, bytes);
            }
            11 => {
                self.frontends[i].session.close(&mut self.bench.hub, &mut self.bench.log);
                self.frontends[i] = Frontend::new(i);
            }
            12 => {
                let (pad, level) = (u.int_in_range(0..=31)?, u.arbitrary()?);
                let driven = self.bench.sim.drive(pad, level);
                driven.expect("there is such a pad");
            }
            13 => self.pass_edges(),
            14 => self.unplug(),
            _ => self.plug(),
        }
        Ok(())
    }

    /// Hands bytes to a session; it says whole messages, and closes for a reason.
    fn give(&mut self, i: usize, bytes: &[u8]) {
        let Some(frontend) = self.frontends.get_mut(i) else { return };
        frontend.waiting.extend_from_slice(bytes);
        loop {
            let Bench { hub, config, log, .. } = &mut self.bench;
            let mut cx = Context { hub, config, log };
            let used = frontend.session.consume(&frontend.waiting, &mut cx);
            frontend.waiting.drain(..used);
            let was_closed = frontend.said();
            assert_eq!(frontend.session.is_closed(), was_closed, "closed with a reason");
            if used == 0 {
                break;
            }
        }
        // No chip here is slow, so that what waits is the beginning of a message.
        let rest = Frame::split(&frontend.waiting);
        assert!(frontend.session.is_closed() || matches!(rest, Ok(None)), "a message is not taken");
    }

    /// What the event loop does when lines have edges.
    fn pass_edges(&mut self) {
        let mut edges = Vec::new();
        for key in (0..64).map(HoldKey) {
            edges.clear();
            let Some(lost) = self.bench.hub.read_edges(key, &mut edges) else { continue };
            let users = self.bench.hub.hold(key).map_or(Vec::new(), |hold| hold.users.clone());
            for user in users {
                let Bench { hub, config, log, .. } = &mut self.bench;
                let frontend = &mut self.frontends[user.session.0];
                let mut cx = Context { hub, config, log };
                frontend.session.edges(user.route, &edges, lost, &mut cx);
                frontend.session.resync(&mut cx);
            }
        }
    }

    fn unplug(&mut self) {
        self.bench.sim.unplug();
        self.pass_edges();
        let (lost, abandoned) = self.bench.hub.lose_chips();
        assert!(abandoned.is_empty(), "no chip here is slow");
        for lost in lost {
            self.frontends[lost.user.session.0].session.lost(lost.user.route, &lost.text);
        }
    }

    fn plug(&mut self) {
        self.bench.sim.plug();
        for key in self.bench.hub.restore(log::Level::Warn).holds {
            let users = self.bench.hub.hold(key).map_or(Vec::new(), |hold| hold.users.clone());
            for user in users {
                let Bench { hub, config, log, .. } = &mut self.bench;
                let mut cx = Context { hub, config, log };
                self.frontends[user.session.0].session.restored(user.route, &mut cx);
            }
        }
    }

    fn check(&mut self) {
        let mut owned = 0_u32;
        let mut driven_by_sessions = 0;
        for frontend in &mut self.frontends {
            assert!(!frontend.said() || frontend.session.is_closed());
            let Some(attachment) = frontend.session.attachment() else { continue };
            for (i, line) in attachment.lines.iter().enumerate() {
                let pad = 1 << line.offset;
                let Some((hold, bit)) = attachment.hold_of(i, &self.bench.hub) else { continue };
                self.touched |= pad;
                if !hold.is_shared() {
                    assert_eq!(owned & pad, 0, "line {} has two owners", line.offset);
                    owned |= pad;
                }
                if hold.outputs & bit != 0 {
                    driven_by_sessions |= pad;
                } else if !hold.is_lost() {
                    assert_eq!(
                        self.bench.sim.outputs() & pad,
                        0,
                        "input {} is driven",
                        line.offset
                    );
                }
            }
        }
        let driven = self.bench.sim.outputs();
        assert_eq!(driven & !self.touched, 0, "a line is driven that nobody has had");
        assert_eq!(driven_by_sessions & !owned, 0, "a shared line is an output");
    }

    /// All go; then a newcomer gets the lines.
    fn end(mut self) {
        self.plug();
        for i in 0..self.frontends.len() {
            self.barrier(i);
            self.frontends[i].session.close(&mut self.bench.hub, &mut self.bench.log);
        }
        self.bench.attached();
    }

    /// A frontend that has kept to the protocol gets an answer to SYNC.
    fn barrier(&mut self, i: usize) {
        let frontend = &mut self.frontends[i];
        if !frontend.is_honest
            || !frontend.waiting.is_empty()
            || frontend.session.attachment().is_none()
        {
            return;
        }
        frontend.said();
        frontend.seq += 1;
        let mut bytes = Vec::new();
        Request::Sync.encode(frontend.seq, &mut bytes);
        assert_eq!(self.bench.feed(&mut frontend.session, &bytes), [(frontend.seq, None)]);
    }
}

impl Frontend {
    fn new(i: usize) -> Self {
        let session = Session::new(SessionKey(i), u32::try_from(i).unwrap_or(0), PEER);
        Self { session, waiting: Vec::new(), seq: 0, is_honest: true }
    }

    /// Takes what the session has said; returns whether it is over.
    fn said(&mut self) -> bool {
        let mut sent = Vec::new();
        self.session.outbox.write(&mut sent).expect("a vector takes all");
        let mut rest = &sent[..];
        let mut is_over = self.session.is_closed() && sent.is_empty();
        while let Some(frame) = Frame::split(rest).expect("a session says messages") {
            let event = Event::decode(&frame).expect("a good message").expect("a known message");
            assert!(!self.is_honest || frame.seq <= self.seq, "an answer to nothing");
            if let Event::Error(report) = event {
                assert!(!report.text.is_empty());
                is_over |= report.code.is_fatal();
                assert!(!self.is_honest || report.code != ErrorCode::BadSequence);
            }
            rest = &rest[frame.size()..];
        }
        assert!(rest.is_empty(), "a session says whole messages");
        is_over
    }
}

fn request(u: &mut Unstructured<'_>) -> Result<Request<'static>> {
    let mask = |u: &mut Unstructured<'_>| -> Result<u64> {
        let mask = u64::from(u.arbitrary::<u8>()?);
        Ok(if mask == 255 { u.arbitrary()? } else { mask >> 3 })
    };
    Ok(match u.int_in_range(0..=11)? {
        0 | 1 => {
            let (version_min, features) =
                (u.int_in_range(0..=2)?, u64::from(u.arbitrary::<u8>()?) & !1);
            Request::Hello(Hello { version_min, version_max: 3, features, name: "guest" })
        }
        2 | 3 => {
            Request::Attach(Attach::Export(["e", "shared", "kept", "none"][u.int_in_range(0..=3)?]))
        }
        4 => Request::Attach(Attach::Map(MAPS[u.int_in_range(0..=7)?])),
        5 => Request::Info,
        6 | 7 => {
            let mask = mask(u)?;
            Request::Set(LineSet { mask, bits: u.arbitrary::<u64>()? & mask })
        }
        8 | 9 => {
            let mask = mask(u)?;
            Request::Configure(configure(u, mask)?)
        }
        10 => Request::Get(mask(u)?),
        _ => [Request::Sync, Request::Ring, Request::Pong][u.int_in_range(0..=2)?],
    })
}

fn configure(u: &mut Unstructured<'_>, mask: u64) -> Result<Configure> {
    use vgpio_protocol::{Bias, Drive, EdgeDetection};
    let outputs = u64::from(u.arbitrary::<u8>()?) & mask;
    let directions = Directions { outputs, bits: u64::from(u.arbitrary::<u8>()?) & outputs };
    let fields = u.arbitrary::<u8>()?;
    let named = |bit: u8| fields >> bit & 1 == 1;
    let value = u.arbitrary::<u8>()?;
    Ok(Configure {
        mask,
        direction: named(0).then_some(directions),
        bias: Bias::from_wire(value & 7).filter(|_| named(1)),
        drive: Drive::from_wire(value >> 3 & 3).filter(|_| named(2)),
        active_low: named(3).then_some(value & 0x80 != 0),
        edges: EdgeDetection::from_wire(value >> 5 & 3).filter(|_| named(4)),
        debounce_us: named(5).then_some(u32::from(value) * 100),
    })
}

/// A header of any type with any payload, mostly with the sequence number that is next.
fn message(u: &mut Unstructured<'_>, frontend: &mut Frontend) -> Result<Vec<u8>> {
    let kind =
        u16::from(u.int_in_range(0..=12_u8)?) | if u.ratio(1, 16)? { u.arbitrary()? } else { 0 };
    let flags = u16::from(u.ratio(1, 4)?);
    let payload = some_bytes(u)?;
    let step: u8 = u.arbitrary()?;
    frontend.is_honest &= step < 250;
    let seq = if step < 250 { frontend.seq + 1 } else { u64::from(step - 250) };
    frontend.seq = frontend.seq.max(seq);
    let length = u32::try_from(payload.len()).unwrap_or(0);
    let header =
        [&kind.to_le_bytes()[..], &flags.to_le_bytes(), &length.to_le_bytes(), &seq.to_le_bytes()];
    Ok([&header.concat(), payload].concat())
}
