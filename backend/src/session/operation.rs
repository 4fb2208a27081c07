// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a session waits for: answers of one or more chips, some of them of worker threads.

use vgpio_protocol::{ErrorCode, Event, Reason, Values};

use super::{Attachment, Context, Phase, Session};
use crate::chip::LineConfig;
use crate::clock;
use crate::hub::{
    Completed, Failure, HoldKey, Hub, Link, Origin, Route, SessionKey, Step, in_session,
};

/// An operation on several holds, of which some may not have answered yet.
pub(super) struct Operation {
    seq: u64,
    work: Work,
    pending: u32,
    /// Of reads, the lines.
    pub mask: u64,
    /// What was read, or of new settings the lines whose edges may have been missed.
    bits: u64,
    /// Lines whose edges were sent meanwhile: what was read of them may be older.
    pub moved: u64,
    failure: Option<Failure>,
}

/// What is to be done when all have answered.
pub(super) enum Work {
    Attach(Attachment),
    Configure {
        change: u64,
        /// What each hold had before.
        undo: Vec<(HoldKey, Vec<LineConfig>)>,
    },
    Read {
        reason: Reason,
    },
    Sync,
}

impl Operation {
    pub fn new(seq: u64, work: Work) -> Self {
        Self { seq, work, pending: 0, mask: 0, bits: 0, moved: 0, failure: None }
    }

    /// Expects that many more answers.
    pub fn expect(mut self, pending: u32) -> Self {
        self.pending += pending;
        self
    }

    /// Takes in how far one hold has come.
    pub fn absorb(&mut self, step: Step, route: Route) {
        match step {
            Step::Pending => self.pending += 1,
            Step::Done(Ok(bits)) => self.bits |= route.to_session(bits),
            Step::Done(Err(failure)) => {
                self.mask &= !route.lines();
                self.fail(in_session(failure, route));
            }
        }
    }

    /// Takes in a failure. One of a lost chip says least: what was asked of it is remembered.
    fn fail(&mut self, failure: Failure) {
        match &mut self.failure {
            Some(other) if other.code == failure.code => other.mask |= failure.mask,
            Some(other) if other.code != ErrorCode::LineLost => {}
            other => *other = Some(failure),
        }
    }

    /// Whether the rest need not be tried. What is asked of a lost line is remembered, so the
    /// others are to be changed all the same.
    pub fn has_failed(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.code != ErrorCode::LineLost)
    }

    /// Notes what a hold had before it was configured.
    pub fn configured(&mut self, hold: HoldKey, before: Vec<LineConfig>) {
        if let Work::Configure { undo, .. } = &mut self.work {
            undo.push((hold, before));
        }
    }

    /// Whether it ends with the levels of an attachment, or leads to them.
    pub fn is_of_attaching(&self) -> bool {
        matches!(self.work, Work::Attach(_) | Work::Read { reason: Reason::Attached })
    }

    /// Gives back lines that were about to be attached.
    pub fn abandon(self, session: SessionKey, hub: &mut Hub) {
        if let Work::Attach(attachment) = self.work {
            hub.leave(session, &attachment.links);
        }
    }

    fn links(&self) -> Option<&Attachment> {
        match &self.work {
            Work::Attach(attachment) => Some(attachment),
            _ => None,
        }
    }
}

impl Session {
    /// Ends an operation at once, or waits for what is pending.
    pub(super) fn begin(&mut self, operation: Operation, cx: &mut Context<'_>) {
        if operation.pending == 0 {
            self.finish(operation, cx);
        } else {
            self.operation = Some(operation);
        }
    }

    /// A worker has answered.
    pub fn completed(&mut self, completed: Completed, cx: &mut Context<'_>) {
        let attachment = self.operation.as_ref().and_then(Operation::links).or(self.attachment());
        let link = attachment.and_then(|a| a.links.iter().find(|link| link.hold == completed.hold));
        let Some(route) = link.map(|link| link.route) else {
            return;
        };
        match (self.operation.take(), completed.result) {
            (Some(mut operation), result) if operation.seq == completed.origin.seq => {
                operation.pending = operation.pending.saturating_sub(1);
                operation.absorb(Step::Done(result), route);
                self.begin(operation, cx);
            }
            // A posted set: nobody waits, but its failure is told.
            (operation, Err(failure)) => {
                self.operation = operation;
                self.fail(completed.origin.seq, &in_session(failure, route), cx);
            }
            (operation, Ok(_)) => self.operation = operation,
        }
    }

    fn finish(&mut self, operation: Operation, cx: &mut Context<'_>) {
        let Operation { seq, work, mask, bits, moved, failure, .. } = operation;
        match work {
            Work::Attach(attachment) => self.attached(seq, attachment, failure, cx),
            Work::Configure { change, undo } => {
                self.miss(change, bits, failure.as_ref(), cx);
                self.configured(seq, change, undo, failure, cx);
            }
            Work::Read { reason } => {
                // A chip that went meanwhile says so by LOST; what could be read is still true.
                if let Some(failure) = failure.filter(|f| f.code != ErrorCode::LineLost) {
                    self.fail(seq, &failure, cx);
                } else {
                    let known = self.attachment().map_or(0, |attachment| attachment.levels(cx.hub));
                    self.send_values(seq, reason, mask, (bits & !moved) | (known & moved));
                }
                self.outbox.append(&mut self.early);
            }
            Work::Sync => self.outbox.push(&Event::Synced, seq),
        }
    }

    /// Notes the lines whose edges may have been missed while settings were changed: of those that
    /// were left as they are, `missed`, and if it failed all that the change was about.
    fn miss(&mut self, change: u64, missed: u64, failure: Option<&Failure>, cx: &Context<'_>) {
        let Phase::Attached(attachment) = &self.phase else {
            return;
        };
        let touched = |link: &Link| {
            let hold = cx.hub.hold(link.hold).filter(|hold| !hold.is_lost());
            let is_touched = link.route.lines() & change != 0;
            hold.filter(|_| is_touched).map_or(0, |hold| link.route.to_session(hold.inputs()))
        };
        self.stale |= if failure.is_some_and(|failure| failure.code != ErrorCode::LineLost) {
            attachment.links.iter().fold(0, |all, link| all | touched(link))
        } else {
            missed & !change
        };
    }

    fn configured(
        &mut self,
        seq: u64,
        change: u64,
        undo: Vec<(HoldKey, Vec<LineConfig>)>,
        failure: Option<Failure>,
        cx: &mut Context<'_>,
    ) {
        if let Some(mut failure) = failure {
            failure.mask &= change;
            // What is asked of a lost line is remembered; any other failure leaves all as it was.
            if failure.code != ErrorCode::LineLost {
                for (hold, before) in undo {
                    if let Step::Done(Err(failure)) = cx.hub.configure(hold, before, Origin::NOBODY)
                    {
                        log::error!("settings could not be taken back: {}", failure.text);
                    }
                }
            }
            return self.fail(seq, &failure, cx);
        }
        let inputs = match &self.phase {
            Phase::Attached(attachment) => change & !attachment.outputs(cx.hub, change),
            _ => 0,
        };
        if inputs != 0 {
            self.read(seq, inputs, Reason::Configured, cx);
        }
    }

    pub(super) fn send_values(&mut self, seq: u64, reason: Reason, mask: u64, bits: u64) {
        // Nothing but a resync tells of lost edges, and it does so of all lines that have lost some.
        let tells = reason == Reason::Resync && mask & self.stale == self.stale;
        let lost_edges = if tells {
            self.stale = 0;
            std::mem::take(&mut self.stale_edges)
        } else {
            0
        };
        let timestamp_ns = clock::now_ns();
        let values = Values { mask, bits: bits & mask, timestamp_ns, lost_edges, reason };
        self.outbox.push(&Event::Values(values), seq);
    }
}
