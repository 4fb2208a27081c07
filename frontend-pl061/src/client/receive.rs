// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the backend says: checked, then taken over.
#![forbid(unsafe_code)]

use std::os::fd::AsFd;

use vgpio_protocol::limits::MAX_LINES;
use vgpio_protocol::{
    Edges, ErrorCode, ErrorReport, Event as Message, Frame, HelloReply, LineFlags, Lines, Lost,
    Reason, VERSION, Values, features,
};
use vgpio_ring::Writer;

use super::link::FEATURES;
use super::{Asked, Client, Error, Event, NoGuestLine, Phase, Report, Table, Violation};

impl Client {
    /// Takes the whole messages off the inbox; the start of the next one stays.
    pub(super) fn take_messages(&mut self) -> Result<(), Error> {
        let mut inbox = std::mem::take(&mut self.inbox);
        let mut at = 0;
        let result = loop {
            let bytes = inbox.get(at..self.received).unwrap_or_default();
            match Frame::split(bytes).map_err(Violation::from) {
                Ok(None) => break Ok(()),
                Ok(Some(frame)) => {
                    at += frame.size();
                    if let Err(error) = self.take_message(&frame) {
                        break Err(error);
                    }
                }
                Err(violation) => break Err(Error::Protocol(violation)),
            }
        };
        inbox.copy_within(at..self.received, 0);
        self.received -= at;
        self.inbox = inbox;
        result
    }

    fn take_message(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        let message = Message::decode(frame).map_err(|e| Error::Protocol(e.into()))?;
        let Some(message) = message else {
            return Ok(());
        };
        if let Message::Error(report) = message {
            return self.take_error(frame.seq, &report);
        }
        match (self.phase, message) {
            (Phase::Greeting { until, asked }, Message::Hello(reply)) => {
                check_reply("HELLO reply", frame.seq, asked.hello)?;
                let max_lines = check_hello(&reply)?;
                self.take_ring(&reply)?;
                self.phase = Phase::Attaching { until, asked: Asked { max_lines, ..asked } };
                Ok(())
            }
            (Phase::Attaching { asked, .. }, Message::Attached(lines)) => {
                check_reply("ATTACHED", frame.seq, asked.attach)?;
                self.attached(lines, asked.max_lines)
            }
            (Phase::Attached, message) => self.take_report(frame.seq, message),
            (_, message) => Err(unexpected(&message)),
        }
    }

    /// Sends what follows through the ring, if there is one. Where the connection is relayed, its
    /// memory does not arrive, and the socket goes on to be used.
    fn take_ring(&mut self, reply: &HelloReply<'_>) -> Result<(), Error> {
        if reply.features & features::RING != 0
            && let Some(memory) = self.passed.take()
        {
            let ring = Writer::open(memory.as_fd()).map_err(Violation::from);
            self.outbox.use_ring(ring.map_err(Error::Protocol)?);
        }
        Ok(())
    }

    fn take_report(&mut self, seq: u64, message: Message<'_>) -> Result<(), Error> {
        match message {
            Message::Values(values) => self.take_values(values),
            Message::Edges(edges) => self.take_edges(edges),
            Message::Lost(lost) => self.take_lost(&lost),
            Message::Restored(mask) => {
                self.check_lines("RESTORED", mask)?;
                self.lost &= !mask;
                self.events.push_back(Event::Restored { mask });
                Ok(())
            }
            Message::Lines(lines) => self.take_lines(lines),
            // What waits for room is written after what was read has been taken.
            Message::Room => Ok(()),
            Message::Ping => {
                self.answer();
                Ok(())
            }
            Message::Synced => {
                if seq <= self.syncs.reached || seq > self.syncs.sent {
                    return Err(Error::Protocol(Violation::WrongReply("SYNCED", seq)));
                }
                self.syncs.reached = seq;
                self.unsure.settle(seq);
                self.events.push_back(Event::Synced { token: seq });
                Ok(())
            }
            Message::Hello(_) | Message::Attached(_) | Message::Error(_) => {
                Err(unexpected(&message))
            }
        }
    }

    fn attached(&mut self, lines: Lines<'_>, max_lines: usize) -> Result<(), Error> {
        if lines.len() > max_lines {
            return Err(Error::Protocol(Violation::LineCount("ATTACHED", lines.len())));
        }
        let table = Table::new(lines);
        if let Some(vgpio) = table.twice() {
            return Err(Error::Protocol(Violation::VgpioTwice(vgpio)));
        }
        let guest_lines = self.options.guest_lines;
        let beyond = |vgpio: &&u16| u32::from(**vgpio) >= guest_lines;
        if let Some(&vgpio) = table.vgpios.iter().find(beyond) {
            return Err(Error::NoGuestLine(NoGuestLine { vgpio, lines: guest_lines }));
        }
        self.renumber(&table);
        self.wanted.attached(table.with(LineFlags::OUTPUT));
        self.lost = table.with(LineFlags::LOST);
        self.table = table;
        self.phase = Phase::Attached;
        self.last_error = None;
        self.counters.reconnects += u64::from(self.attached_before);
        self.attached_before = true;
        self.events.push_back(Event::Connected);
        self.resend(0);
        Ok(())
    }

    /// The daemon may have been told to lend other lines since: what is kept goes by vgpio.
    fn renumber(&mut self, new: &Table) {
        if self.table.vgpios.is_empty() || self.table.vgpios == new.vgpios {
            return;
        }
        let old = &self.table;
        let from = |line: usize| old.line_of_vgpio(*new.vgpios.get(line)?);
        self.reported = (0..MAX_LINES)
            .filter_map(|line| Some((self.reported >> from(line)? & 1) << line))
            .sum();
        self.wanted.renumber(from);
    }

    fn take_values(&mut self, values: Values) -> Result<(), Error> {
        self.check_lines("VALUES", values.mask)?;
        let changed = (self.reported ^ values.bits) & values.mask;
        self.reported ^= changed;
        self.counters.lost_edges += u64::from(values.lost_edges);
        self.counters.resyncs += u64::from(values.reason == Reason::Resync);
        self.events.push_back(Event::Levels { changed, values });
        Ok(())
    }

    fn take_edges(&mut self, edges: Edges<'_>) -> Result<(), Error> {
        for edge in edges.iter() {
            let line = 1_u64 << (edge.line & 63);
            self.check_lines("EDGES", line)?;
            self.reported = self.reported & !line | if edge.active { line } else { 0 };
            self.counters.edges += 1;
            self.events.push_back(Event::Edge(edge));
        }
        Ok(())
    }

    fn take_lost(&mut self, lost: &Lost<'_>) -> Result<(), Error> {
        self.check_lines("LOST", lost.mask)?;
        self.lost |= lost.mask;
        self.events.push_back(Event::Lost { mask: lost.mask, text: lost.text.to_owned() });
        Ok(())
    }

    fn take_lines(&mut self, lines: Lines<'_>) -> Result<(), Error> {
        let table = Table::new(lines);
        if table.vgpios != self.table.vgpios {
            return Err(Error::Protocol(Violation::LineCount("LINES", lines.len())));
        }
        self.table = table;
        self.events.push_back(Event::Lines);
        Ok(())
    }

    fn take_error(&mut self, seq: u64, report: &ErrorReport<'_>) -> Result<(), Error> {
        self.counters.errors += 1;
        let report = Report::new(seq, report);
        match self.phase {
            Phase::Attached if report.code.is_fatal() => return Err(Error::Ended(report)),
            Phase::Attached => {}
            // Without the number, refused again for the same reason is equal, and no news.
            _ => return Err(Error::Refused(Report { seq: 0, ..report })),
        }
        if report.code == ErrorCode::NotOutput && seq > self.directed_at {
            self.wanted.are_inputs(report.mask);
            self.unsure.start(&self.wanted);
        } else if report.code != ErrorCode::LineLost {
            self.refused(seq);
        }
        let restoring = (self.restore.first..=self.restore.last).contains(&seq);
        let refused = self.restore.refused | report.mask;
        // A lost line is remembered by the backend and keeps no other back.
        let more = refused != self.restore.refused && report.code != ErrorCode::LineLost;
        self.events.push_back(Event::Error(report));
        if restoring && more {
            self.resend(refused);
        }
        Ok(())
    }

    fn check_lines(&self, what: &'static str, mask: u64) -> Result<(), Error> {
        if mask & !self.table.all() == 0 {
            Ok(())
        } else {
            Err(Error::Protocol(Violation::NoSuchLine(what)))
        }
    }
}

fn check_reply(what: &'static str, seq: u64, asked: u64) -> Result<(), Error> {
    if seq == asked { Ok(()) } else { Err(Error::Protocol(Violation::WrongReply(what, seq))) }
}

/// The number of lines that an attachment may have.
fn check_hello(reply: &HelloReply<'_>) -> Result<usize, Error> {
    if reply.version != VERSION {
        return Err(Error::Protocol(Violation::Version(reply.version)));
    }
    if reply.features & !FEATURES != 0 {
        return Err(Error::Protocol(Violation::Features(reply.features)));
    }
    Ok(reply.max_lines.into())
}

fn unexpected(message: &Message<'_>) -> Error {
    Error::Protocol(Violation::Unexpected(match message {
        Message::Hello(_) => "HELLO reply",
        Message::Attached(_) => "ATTACHED",
        Message::Lines(_) => "LINES",
        Message::Values(_) => "VALUES",
        Message::Synced => "SYNCED",
        Message::Edges(_) => "EDGES",
        Message::Lost(_) => "LOST",
        Message::Restored(_) => "RESTORED",
        Message::Room => "ROOM",
        Message::Ping => "PING",
        Message::Error(_) => "ERROR",
    }))
}
