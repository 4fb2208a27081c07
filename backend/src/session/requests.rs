// SPDX-License-Identifier: MIT OR Apache-2.0
//! The messages of a frontend, one function each.

use vgpio_protocol::limits::{MAX_LINES, MAX_PAYLOAD};
use vgpio_protocol::{
    Configure, ErrorCode, Event, Hello, HelloReply, LineSet, Reason, Request, VERSION, features,
};

use super::operation::{Operation, Work};
use super::watchdog::Watch;
use super::{Attachment, Context, Phase, Session, printable};
use crate::chip::LineConfig;
use crate::hub::{Failure, Hold, Hub, Link, Route, Step, in_session};

impl Session {
    pub(super) fn request(&mut self, seq: u64, request: &Request<'_>, cx: &mut Context<'_>) {
        match (&self.phase, request) {
            (Phase::New, Request::Hello(hello)) => self.hello(seq, hello, cx),
            (Phase::Ready, Request::Attach(attach)) => self.attach(seq, attach, cx),
            (Phase::Attached(_), Request::Set(set)) => self.set(seq, *set, cx),
            (Phase::Attached(_), Request::Configure(change)) => self.configure(seq, change, cx),
            (Phase::Attached(_), Request::Get(mask)) => self.get(seq, *mask, cx),
            (Phase::Attached(_), Request::Sync) => self.sync(seq, cx),
            (Phase::Attached(_), Request::Info) => self.info(seq, cx),
            (Phase::Ready | Phase::Attached(_), Request::Ring) if self.inlet.use_ring() => {}
            (Phase::Attached(_), Request::Pong) if self.answers => {
                self.watch.iter_mut().for_each(Watch::answered);
            }
            _ => {
                let text = match self.phase {
                    _ if *request == Request::Ring => "there is no ring, or it is in use already",
                    _ if *request == Request::Pong => {
                        "PONG answers PING, and nothing has been asked"
                    }
                    Phase::New => "the first message must be HELLO",
                    Phase::Ready => "after HELLO comes ATTACH, which must have been accepted",
                    _ => "HELLO and ATTACH are sent once",
                };
                self.fail(seq, &Failure::new(ErrorCode::BadState, 0, text), cx);
            }
        }
    }

    fn hello(&mut self, seq: u64, hello: &Hello<'_>, cx: &mut Context<'_>) {
        if !(hello.version_min..=hello.version_max).contains(&VERSION) {
            let text = format!(
                "this daemon speaks version {VERSION}, the frontend {} to {}; update the older side",
                hello.version_min, hello.version_max
            );
            return self.fail(seq, &Failure::new(ErrorCode::Version, 0, text), cx);
        }
        self.name = printable(hello.name);
        self.phase = Phase::Ready;
        let ring = if self.offer_ring(hello.features, cx) { features::RING } else { 0 };
        let features = ring | hello.features & features::PING;
        self.answers = features & features::PING != 0;
        self.outbox.push(
            &Event::Hello(HelloReply {
                version: VERSION,
                max_lines: u16::try_from(MAX_LINES).unwrap_or(u16::MAX),
                max_payload: u32::try_from(MAX_PAYLOAD).unwrap_or(u32::MAX),
                session: self.id,
                features,
                name: concat!("vgpiod ", env!("CARGO_PKG_VERSION")),
            }),
            seq,
        );
    }

    fn set(&mut self, seq: u64, set: LineSet, cx: &mut Context<'_>) {
        let Phase::Attached(attachment) = &self.phase else {
            return;
        };
        let outputs = attachment.outputs(cx.hub, set.mask);
        if outputs != set.mask {
            let failure = not_settable(attachment, set.mask & !outputs);
            return self.fail(seq, &failure, cx);
        }
        self.counters.sets += 1;
        let origin = self.origin(seq);
        let (mut failed, mut withheld) = (None, None);
        for Link { hold, route } in &attachment.links {
            let mut mask = set.mask & route.lines();
            if mask != 0 && cx.hub.hold(*hold).is_some_and(Hold::is_limited) {
                let (lines, bits) = (route.to_hold(mask), route.to_hold(set.bits));
                let failure = cx.hub.withheld_levels(*hold, lines, bits);
                mask &= !also(&mut withheld, failure, *route);
            }
            if mask != 0
                && let Step::Done(Err(failure)) =
                    cx.hub.set(*hold, route.to_hold(mask), route.to_hold(set.bits), origin)
            {
                let failure = in_session(failure, *route);
                failed = Some(Failure { mask: failure.mask & mask, ..failure });
            }
        }
        for failure in failed.into_iter().chain(withheld) {
            self.fail(seq, &failure, cx);
        }
    }

    fn configure(&mut self, seq: u64, change: &Configure, cx: &mut Context<'_>) {
        let Phase::Attached(attachment) = &self.phase else {
            return;
        };
        if change.mask & !attachment.all() != 0 {
            let failure = bad_line(attachment, change.mask);
            return self.fail(seq, &failure, cx);
        }
        let shared = reconfigured_shares(attachment, change, cx.hub);
        if shared != 0 {
            let text = "a shared input keeps the settings it was attached with";
            return self.fail(seq, &Failure::new(ErrorCode::NotAllowed, shared, text), cx);
        }
        if let Some(failure) = withheld(attachment, change, cx.hub) {
            return self.fail(seq, &failure, cx);
        }
        self.counters.configures += 1;
        let origin = self.origin(seq);
        let mut operation =
            Operation::new(seq, Work::Configure { change: change.mask, undo: Vec::new() });
        for Link { hold: key, route } in &attachment.links {
            let lines = change.mask & route.lines();
            let Some(hold) = cx.hub.hold(*key).filter(|hold| lines != 0 && !hold.is_shared())
            else {
                continue;
            };
            let (config, before) = (hold.configured(&in_hold(change, *route)), hold.current());
            let step = cx.hub.configure(*key, config, origin);
            operation.configured(*key, before);
            operation.absorb(step, *route);
            if operation.has_failed() {
                break;
            }
        }
        self.begin(operation, cx);
    }

    fn get(&mut self, seq: u64, mask: u64, cx: &mut Context<'_>) {
        let Phase::Attached(attachment) = &self.phase else {
            return;
        };
        if mask & !attachment.all() != 0 {
            let failure = bad_line(attachment, mask);
            return self.fail(seq, &failure, cx);
        }
        self.read(seq, mask, Reason::Reply, cx);
    }

    /// Reads levels and sends them.
    pub(super) fn read(&mut self, seq: u64, mask: u64, reason: Reason, cx: &mut Context<'_>) {
        let Phase::Attached(attachment) = &self.phase else {
            return;
        };
        let origin = self.origin(seq);
        let mut operation = Operation::new(seq, Work::Read { reason });
        for Link { hold: key, route } in &attachment.links {
            let lines = mask & route.lines();
            if lines == 0 || cx.hub.hold(*key).is_none_or(Hold::is_lost) {
                continue;
            }
            operation.mask |= lines;
            operation.absorb(cx.hub.get(*key, route.to_hold(lines), origin), *route);
        }
        self.begin(operation, cx);
    }

    fn sync(&mut self, seq: u64, cx: &mut Context<'_>) {
        let Phase::Attached(attachment) = &self.phase else {
            return;
        };
        let origin = self.origin(seq);
        let mut operation = Operation::new(seq, Work::Sync);
        for link in &attachment.links {
            operation.absorb(cx.hub.barrier(link.hold, origin), link.route);
        }
        self.begin(operation, cx);
    }
}

/// Why lines may not be changed so yet.
fn withheld(attachment: &Attachment, change: &Configure, hub: &mut Hub) -> Option<Failure> {
    let mut withheld = None;
    for Link { hold: key, route } in &attachment.links {
        let is_meant = |hold: &&Hold| hold.is_limited() && change.mask & route.lines() != 0;
        if let Some(hold) = hub.hold(*key).filter(is_meant) {
            let config = hold.configured(&in_hold(change, *route));
            also(&mut withheld, hub.withheld_settings(*key, &config), *route);
        }
    }
    withheld
}

/// Adds a hold's failure to those of others; returns the session's lines that it is about.
fn also(all: &mut Option<Failure>, failure: Option<Failure>, route: Route) -> u64 {
    let Some(failure) = failure.map(|failure| in_session(failure, route)) else { return 0 };
    let mask = failure.mask;
    match all {
        Some(all) => all.mask |= mask,
        None => *all = Some(failure),
    }
    mask
}

/// The shared lines whose settings a change would not leave as they are.
fn reconfigured_shares(attachment: &Attachment, change: &Configure, hub: &Hub) -> u64 {
    let is_changed = |link: &&Link| {
        hub.hold(link.hold).filter(|hold| hold.is_shared()).is_some_and(|hold| {
            let after = hold.configured(&in_hold(change, link.route));
            !after
                .into_iter()
                .map(LineConfig::effective)
                .eq(hold.current().into_iter().map(LineConfig::effective))
        })
    };
    let changed = attachment.links.iter().filter(is_changed);
    changed.fold(0, |all, link| all | link.route.lines())
}

fn bad_line(attachment: &Attachment, mask: u64) -> Failure {
    let text =
        format!("the attachment has {} lines; the mask names others", attachment.lines.len());
    Failure::new(ErrorCode::BadLine, mask & !attachment.all(), text)
}

fn not_settable(attachment: &Attachment, lines: u64) -> Failure {
    if lines & !attachment.all() != 0 {
        return bad_line(attachment, lines);
    }
    let text = "the line is an input; CONFIGURE it as an output first";
    Failure::new(ErrorCode::NotOutput, lines, text)
}

/// A change of a session's lines as one of a hold's.
fn in_hold(change: &Configure, route: Route) -> Configure {
    Configure {
        mask: route.to_hold(change.mask),
        direction: change.direction.map(|directions| vgpio_protocol::Directions {
            outputs: route.to_hold(directions.outputs),
            bits: route.to_hold(directions.bits),
        }),
        ..*change
    }
}
