// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a session tells its frontend of its own accord, and of its lines.

use vgpio_protocol::{Edge, Edges, Event, LineEntry, LineFlags, Lines, Lost, Reason};

use super::operation::Operation;
use super::{Attachment, Context, Phase, Session};
use crate::chip::ChipEdge;
use crate::hub::{Hold, Hub, Route};

/// Edges that are translated at a time; many more than one turn brings.
const BATCH: usize = 64;

impl Session {
    pub(super) fn info(&mut self, seq: u64, cx: &Context<'_>) {
        if let Phase::Attached(attachment) = &self.phase {
            let entries = entries(attachment, cx.hub);
            self.outbox.push(&Event::Lines(Lines::new(&entries)), seq);
        }
    }

    /// Passes on edges of a hold. `lost`: how many more there were.
    pub fn edges(&mut self, route: Route, edges: &[ChipEdge], lost: u32, cx: &mut Context<'_>) {
        let is_early = self.operation.as_ref().is_some_and(Operation::is_of_attaching);
        if self.attachment().is_none() && !is_early {
            return;
        }
        if let Some(operation) = &mut self.operation {
            let lines = edges.iter().fold(0, |all, edge| all | 1 << route.index(edge.line));
            operation.moved |= lines;
        }
        let is_full = if is_early { self.early.is_full() } else { self.outbox.is_full() };
        if lost > 0 || (is_full && !edges.is_empty()) {
            let unsent = if is_full { edges.len() } else { 0 };
            let unsent = u32::try_from(unsent).unwrap_or(u32::MAX).saturating_add(lost);
            self.stale |= route.lines();
            self.stale_edges = self.stale_edges.saturating_add(unsent);
            self.counters.lost_edges += u64::from(unsent);
        }
        if !is_full {
            self.send_edges(route, edges, is_early);
        }
        self.resync(cx);
    }

    /// `early`: the levels of the attachment are yet to be sent, and go first.
    fn send_edges(&mut self, route: Route, edges: &[ChipEdge], early: bool) {
        const NONE: Edge = Edge { line: 0, active: false, line_seqno: 0, timestamp_ns: 0 };
        let mut batch = [NONE; BATCH];
        let outbox = if early { &mut self.early } else { &mut self.outbox };
        for edges in edges.chunks(BATCH) {
            for (to, edge) in batch.iter_mut().zip(edges) {
                *to = Edge {
                    line: route.index(edge.line),
                    active: edge.active,
                    line_seqno: edge.line_seqno,
                    timestamp_ns: edge.timestamp_ns,
                };
            }
            let sent = batch.get(..edges.len()).unwrap_or_default();
            outbox.push(&Event::Edges(Edges::new(sent)), 0);
            self.counters.edges += sent.len() as u64;
        }
    }

    /// Sends the present levels of lines whose edges were lost, once the frontend keeps up. Returns
    /// whether it did.
    pub fn resync(&mut self, cx: &mut Context<'_>) -> bool {
        let due = self.stale != 0 && self.operation.is_none() && self.outbox.is_low();
        if due {
            // Those of a chip that is gone are told when it is back.
            self.stale &= !self.attachment().map_or(0, |attachment| attachment.gone(cx.hub));
            self.read(0, self.stale, Reason::Resync, cx);
        }
        due
    }

    /// Tells that lines are gone for now.
    pub fn lost(&mut self, route: Route, text: &str) {
        if self.attachment().is_none() {
            return;
        }
        self.outbox.push(&Event::Lost(Lost { mask: route.lines(), text }), 0);
    }

    /// Tells that lines are back, and their levels.
    pub fn restored(&mut self, route: Route, cx: &mut Context<'_>) {
        if self.attachment().is_none() {
            return;
        }
        self.outbox.push(&Event::Restored(route.lines()), 0);
        if self.operation.is_none() {
            self.read(0, route.lines(), Reason::Restored, cx);
        } else {
            self.stale |= route.lines();
        }
    }
}

/// What the lines are now.
pub(super) fn entries<'a>(attachment: &'a Attachment, hub: &Hub) -> Vec<LineEntry<'a>> {
    (0..attachment.lines.len()).filter_map(|i| entry(attachment, i, hub)).collect()
}

fn entry<'a>(attachment: &'a Attachment, i: usize, hub: &Hub) -> Option<LineEntry<'a>> {
    let line = attachment.lines.get(i)?;
    let (hold, k) = attachment.hold_of(i, hub)?;
    let config = hold.config.get(k.trailing_zeros() as usize)?;
    let us = |period: Option<std::time::Duration>| {
        period.map_or(0, |p| u32::try_from(p.as_micros()).unwrap_or(u32::MAX))
    };
    let poll = hold.polled.filter(|_| hold.outputs & k == 0);
    Some(LineEntry {
        vgpio: line.vgpio,
        offset: line.offset,
        flags: flags(hold, k, config.active_low, poll.is_some()),
        debounce_us: us(config.debounce),
        poll_us: us(poll),
        bias: config.bias,
        drive: config.drive,
        edges: config.edges,
        name: &line.name,
        chip: &line.chip,
    })
}

fn flags(hold: &Hold, line: u64, active_low: bool, polled: bool) -> LineFlags {
    let facts = [
        (hold.outputs & line != 0, LineFlags::OUTPUT),
        (active_low, LineFlags::ACTIVE_LOW),
        (hold.is_shared(), LineFlags::SHARED),
        (polled, LineFlags::POLLED),
        (hold.is_lost(), LineFlags::LOST),
    ];
    LineFlags(facts.iter().filter(|(fact, _)| *fact).map(|(_, flag)| flag).sum())
}
