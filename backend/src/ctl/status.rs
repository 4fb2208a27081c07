// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vgpioctl status` for people.

use std::fmt::Write;

use super::duration;
use super::print::{BAD, GOOD, RESET};
use crate::control::api::{
    AwaitedReport, ExportReport, HeldLine, LineState, MappedLine, OffsetOrName, SessionReport,
    Status,
};

pub(super) fn status(status: &Status) -> String {
    let mut out = format!(
        "vgpiod {}, pid {}, up {}\n",
        status.version,
        status.pid,
        duration(status.uptime_ms),
    );
    for (name, socket) in [("socket", &status.socket), ("control", &status.control)] {
        if let Some(socket) = socket {
            let _ = writeln!(out, "{name} {socket}");
        }
    }
    for export in &status.exports {
        export_lines(&mut out, export);
    }
    for session in &status.sessions {
        session_lines(&mut out, session);
    }
    for awaited in &status.awaited {
        awaited_lines(&mut out, awaited);
    }
    out
}

fn export_lines(out: &mut String, export: &ExportReport) {
    let sessions: Vec<_> = export.sessions.iter().map(ToString::to_string).collect();
    let held = if sessions.is_empty() {
        "free".to_owned()
    } else {
        format!("session {}", sessions.join(", "))
    };
    let _ = write!(out, "export \"{}\" - {} lines, {held}", export.name, export.lines.len());
    if let Some(period) = export.watchdog_ms {
        let _ = write!(out, ", watchdog {period}ms, {BAD}{} unanswered{RESET}", export.unanswered);
    }
    out.push_str(":\n");
    mapped(out, &export.lines);
}

fn session_lines(out: &mut String, session: &SessionReport) {
    let _ = write!(out, "session {} \"{}\"", session.id, session.name);
    if session.virtio {
        out.push_str(" virtio");
    }
    if let Some(peer) = session.peer {
        let _ = write!(out, " pid={} uid={}", peer.pid, peer.uid);
    }
    if let Some(export) = &session.export {
        let _ = write!(out, " export=\"{export}\"");
    }
    let _ = writeln!(out, " - {} lines, up {}:", session.lines.len(), duration(session.age_ms));
    mapped(out, &session.lines);
    let counters = session.counters;
    let _ = writeln!(
        out,
        "\tmessages {} in, {} out; {} sets, {} configures; {} edges, {} lost; {} errors",
        counters.messages_in,
        counters.messages_out,
        counters.sets,
        counters.configures,
        counters.edges,
        counters.edges_lost,
        counters.errors
    );
}

fn mapped(out: &mut String, lines: &[MappedLine]) {
    for line in lines {
        let _ = write!(out, "\tvgpio {:>3}:\t{} ", line.vgpio, line.chip);
        let _ = match &line.line {
            OffsetOrName::Offset(offset) => write!(out, "{offset}"),
            OffsetOrName::Text(name) => write!(out, "'{name}'"),
        };
        if !line.name.is_empty() {
            let _ = write!(out, " \"{}\"", line.name);
        }
        if let Some(state) = line.state {
            line_state(out, state);
        }
        if line.refused > 0 {
            let _ = write!(out, "\t{BAD}{} refused{RESET}", line.refused);
        }
        out.push('\n');
    }
}

fn line_state(out: &mut String, state: LineState) {
    let _ = write!(out, "\t{} ", state.direction);
    let _ = match (state.lost, state.level) {
        (true, _) => write!(out, "{BAD}lost{RESET}"),
        (false, 0) => write!(out, "inactive"),
        (false, _) => write!(out, "{GOOD}active{RESET}"),
    };
}

fn awaited_lines(out: &mut String, awaited: &AwaitedReport) {
    let AwaitedReport { name, pid, uid, export, chip, lines } = awaited;
    let _ = write!(out, "awaited \"{name}\" pid={pid} uid={uid}");
    if let Some(export) = export {
        let _ = write!(out, " export=\"{export}\"");
    }
    let _ = writeln!(out, " - {} lines:", lines.len());
    for HeldLine { line, state } in lines {
        let _ = write!(out, "\t{chip} {line}");
        line_state(out, *state);
        out.push('\n');
    }
}
