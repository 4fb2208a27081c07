// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `vgpioctl status` shows.

use vgpio_protocol::{Direction, LineRef};

use super::daemon::Daemon;
use super::guest::Guest;
use crate::config::ExportLine;
use crate::control::api::{
    AwaitedReport, Counters, ExportReport, HeldLine, LineState, MappedLine, OffsetOrName, Peer,
    SessionReport, Status,
};
use crate::hub::Hold;
use crate::keep;
use crate::session::Attachment;

impl Daemon {
    pub(super) fn report(&self) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_ms: millis(self.started),
            socket: self.config.socket.as_ref().map(ToString::to_string),
            control: self.config.control.as_ref().map(|path| path.display().to_string()),
            exports: self.config.exports.iter().map(|export| self.export(export)).collect(),
            sessions: self.guests.iter().map(|(_, guest)| self.session(guest)).collect(),
            awaited: self.hub.awaiting().map(|(hold, guest)| self.awaited(hold, guest)).collect(),
        }
    }

    fn awaited(&self, hold: &Hold, guest: &keep::Guest) -> AwaitedReport {
        let lines = hold.offsets.iter().enumerate();
        AwaitedReport {
            name: guest.name.clone(),
            pid: guest.pid,
            uid: guest.uid,
            export: hold.export.clone(),
            chip: self.hub.label(hold).to_owned(),
            lines: lines
                .map(|(i, &line)| HeldLine { line, state: line_state(hold, 1 << i) })
                .collect(),
        }
    }

    fn export(&self, export: &crate::config::ExportConfig) -> ExportReport {
        let attached = |guest: &Guest| {
            let what =
                guest.session.attachment().and_then(|attachment| attachment.export.as_deref());
            (what == Some(export.name.as_str())).then(|| guest.session.id())
        };
        ExportReport {
            name: export.name.clone(),
            lines: export.lines.iter().map(configured).collect(),
            sessions: self.guests.iter().filter_map(|(_, guest)| attached(guest)).collect(),
            watchdog_ms: export.watchdog.map(in_millis),
            unanswered: self.unanswered.get(&export.name).copied().unwrap_or(0),
        }
    }

    fn session(&self, guest: &Guest) -> SessionReport {
        let session = &guest.session;
        let (peer, counters) = (session.peer(), session.counters);
        let lines = session.attachment().map(|attachment| self.attached(attachment));
        SessionReport {
            id: session.id(),
            name: session.name().to_owned(),
            virtio: guest.vmm.is_some(),
            peer: Some(Peer { pid: peer.pid, uid: peer.uid, gid: peer.gid }),
            export: session.attachment().and_then(|attachment| attachment.export.clone()),
            lines: lines.unwrap_or_default(),
            age_ms: millis(guest.since),
            counters: Counters {
                messages_in: counters.messages,
                messages_out: session.outbox.messages(),
                sets: counters.sets,
                configures: counters.configures,
                edges: counters.edges,
                edges_lost: counters.lost_edges + guest.vmm.as_ref().map_or(0, |vmm| vmm.dropped()),
                errors: counters.errors,
            },
        }
    }

    fn attached(&self, attachment: &Attachment) -> Vec<MappedLine> {
        let lines = attachment.lines.iter().enumerate();
        lines
            .map(|(i, line)| MappedLine {
                vgpio: line.vgpio,
                chip: line.chip.clone(),
                line: OffsetOrName::Offset(line.offset),
                name: line.name.clone(),
                refused: self.of_line(attachment, i, |hold, bit| {
                    self.hub.refused(hold, bit.trailing_zeros() as usize)
                }),
                state: self.of_line(attachment, i, |hold, bit| Some(line_state(hold, bit))),
            })
            .collect()
    }

    fn of_line<T: Default>(
        &self,
        attachment: &Attachment,
        line: usize,
        what: impl Fn(&Hold, u64) -> T,
    ) -> T {
        let held = attachment.hold_of(line, &self.hub);
        held.map(|(hold, bit)| what(hold, bit)).unwrap_or_default()
    }
}

fn line_state(hold: &Hold, bit: u64) -> LineState {
    let output = hold.outputs & bit != 0;
    LineState {
        direction: if output { Direction::Output } else { Direction::Input },
        level: (hold.levels & bit != 0).into(),
        lost: hold.is_lost(),
    }
}

fn configured(line: &ExportLine) -> MappedLine {
    MappedLine {
        vgpio: line.vgpio,
        chip: line.chip.clone(),
        line: match &line.line {
            LineRef::Offset(offset) => OffsetOrName::Offset(*offset),
            LineRef::Name(name) => OffsetOrName::Text(name.clone()),
        },
        name: line.name.clone().unwrap_or_default(),
        refused: 0,
        state: None,
    }
}

fn millis(since: std::time::Instant) -> u64 {
    in_millis(since.elapsed())
}

fn in_millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
