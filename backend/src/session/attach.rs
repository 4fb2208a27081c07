// SPDX-License-Identifier: MIT OR Apache-2.0
//! ATTACH: which lines a frontend may have, and taking them.

use std::collections::HashMap;
use std::time::Duration;

use vgpio_protocol::{Attach, ErrorCode, Event, LineMap, LineRef, Lines, Reason};

use super::operation::{Operation, Work};
use super::tell::entries;
use super::watchdog::Watch;
use super::{AttachedLine, Attachment, Context, Peer, Phase, Session, printable};
use crate::chip::{Chip, ChipError, ChipInfo, LineInfo, Offset};
use crate::config::{ExportConfig, ExportLine, Policy, Rule, chip_is};
use crate::hub::{Claimant, Failure, offset_of};
use crate::keep::Guest;

impl Session {
    pub(super) fn attach(&mut self, seq: u64, attach: &Attach<'_>, cx: &mut Context<'_>) {
        let wanted = match attach {
            Attach::Export(name) => self.of_export(name, &cx.config.exports),
            Attach::Map(map) => of_map(map, self.peer, cx),
        };
        let wanted = wanted.and_then(|wanted| self.would_answer(wanted));
        let (what, export) = match attach {
            Attach::Export(name) => (format!("export {name}"), Some((*name).to_owned())),
            Attach::Map(map) => (printable(map), None),
        };
        let who = Claimant {
            origin: self.origin(seq),
            name: format!("session {} ({}, pid {})", self.id, self.name, self.peer.pid),
            consumer: if self.name.is_empty() {
                "vgpiod".to_owned()
            } else {
                format!("vgpio:{}", self.name)
            },
            export: export.clone(),
            guest: Guest { uid: self.peer.uid, pid: self.peer.pid, name: self.name.clone() },
        };
        let claimed = wanted.and_then(|wanted| Ok((cx.hub.claim(&who, &wanted.lines)?, wanted)));
        match claimed {
            Err(failure) => self.fail(seq, &failure, cx),
            Ok((claim, Wanted { lines, watchdog })) => {
                let lines = attached_lines(&lines, &claim.offsets, cx);
                let attachment = Attachment { what, export, lines, watchdog, links: claim.links };
                let operation = Operation::new(seq, Work::Attach(attachment)).expect(claim.pending);
                self.begin(operation, cx);
            }
        }
    }

    pub(super) fn attached(
        &mut self,
        seq: u64,
        attachment: Attachment,
        failure: Option<Failure>,
        cx: &mut Context<'_>,
    ) {
        if let Some(failure) = failure {
            cx.hub.leave(self.key, &attachment.links);
            return self.fail(seq, &failure, cx);
        }
        if cx.log.allows_one() {
            log::info!("session {} ({}): attached {}", self.id, self.name, attachment.what);
        }
        self.outbox.push(&Event::Attached(Lines::new(&entries(&attachment, cx.hub))), seq);
        self.watch = attachment.watchdog.as_ref().map(|(period, _)| Watch::new(*period));
        let all = attachment.all();
        self.phase = Phase::Attached(attachment);
        self.read(seq, all, Reason::Attached, cx);
    }

    fn would_answer(&self, wanted: Wanted) -> Result<Wanted, Failure> {
        if wanted.watchdog.is_none() || self.answers {
            return Ok(wanted);
        }
        let text = "the lines have a watchdog, and this frontend would not answer it (feature PING); update \
                    it, or leave 'watchdog' out";
        Err(Failure::new(ErrorCode::NotSupported, 0, text))
    }

    fn of_export(&self, name: &str, exports: &[ExportConfig]) -> Result<Wanted, Failure> {
        let Some(export) = exports.iter().find(|export| export.name == name) else {
            let names: Vec<_> = exports.iter().map(|export| export.name.as_str()).collect();
            let there = if names.is_empty() {
                "there are none".to_owned()
            } else {
                format!("there are: {}", names.join(", "))
            };
            let text = format!("no export is named '{name}'; {there}");
            return Err(Failure::new(ErrorCode::NoExport, 0, text));
        };
        may_have(export, self.peer)?;
        let watchdog = export.watchdog.map(|period| (period, export.name.clone()));
        Ok(Wanted { lines: export.lines.clone(), watchdog })
    }
}

/// Whether the lines of an export are for this peer.
fn may_have(export: &ExportConfig, peer: Peer) -> Result<(), Failure> {
    if export.access.allows(peer.uid, peer.gid) {
        return Ok(());
    }
    let text = format!(
        "export '{}' is not for user {} of group {}; add one of them to its users or groups",
        export.name, peer.uid, peer.gid
    );
    Err(Failure::new(ErrorCode::NotAllowed, 0, text))
}

/// What a frontend wants, and may have.
struct Wanted {
    lines: Vec<ExportLine>,
    /// The shortest of those who watch, and whose it is.
    watchdog: Option<(Duration, String)>,
}

/// The lines of a line map, if the policy allows them.
fn of_map(map: &str, peer: Peer, cx: &Context<'_>) -> Result<Wanted, Failure> {
    let map: LineMap =
        map.parse().map_err(|error| Failure::new(ErrorCode::MapSyntax, 0, format!("{error}")))?;
    let policy = &cx.config.policy;
    let chip = map.chip.clone();
    let mut lines: Vec<_> = ExportLine::of_map(map).collect();
    // Who may have no line of a chip need not learn which chips and files the host has.
    if !policy.may_mean(&chip) {
        return Err(not_allowed(&chip, policy));
    }
    let of_chip = |error: ChipError| Failure { mask: 1, ..Failure::of_chip(&error, &[]) };
    let opened = match cx.hub.chips().open(&chip) {
        Err(error) if policy.rules.contains(&Rule::All) => return Err(of_chip(error)),
        Ok(opened) if policy.is_about(opened.info()) => opened,
        _ => return Err(not_allowed(&chip, policy)),
    };
    let mut watchdog = None;
    for (i, line) in lines.iter_mut().enumerate() {
        let of_line = |failure: Failure| Failure { mask: 1 << i, ..failure };
        let offset = offset_of(opened.as_ref(), &line.line).map_err(of_chip);
        let info = offset.and_then(|offset| opened.line(offset).map_err(of_chip));
        let info = info.map_err(of_line)?;
        let allowed = policy.allows(opened.info(), info.offset, &info.name).map_err(|refusal| {
            of_line(Failure::new(ErrorCode::NotAllowed, 0, refusal.to_string()))
        });
        allowed?;
        for (export, lent) in lent_too(&cx.config.exports, opened.info(), &info) {
            may_have(export, peer).map_err(of_line)?;
            line.settings.limits = line.settings.limits.and(lent.settings.limits);
            let other = export.watchdog.map(|period| (period, export.name.clone()));
            watchdog = watchdog.into_iter().chain(other).min();
        }
    }
    Ok(Wanted { lines, watchdog })
}

/// The exports that limit a line, watch its frontend or are not for anyone: that holds however the line is
/// attached.
fn lent_too<'e>(
    exports: &'e [ExportConfig],
    chip: &ChipInfo,
    line: &LineInfo,
) -> impl Iterator<Item = (&'e ExportConfig, &'e ExportLine)> {
    let is_line = |lent: &LineRef| match lent {
        LineRef::Offset(offset) => *offset == line.offset,
        LineRef::Name(name) => *name == line.name,
    };
    let lines =
        exports.iter().flat_map(|export| export.lines.iter().map(move |line| (export, line)));
    lines.filter(move |(export, lent)| {
        (lent.settings.limits.are_any() || export.watchdog.is_some() || !export.access.is_open())
            && is_line(&lent.line)
            && chip_is(&lent.chip, chip)
    })
}

fn not_allowed(chip: &str, policy: &Policy) -> Failure {
    let others = policy.chips().collect::<Vec<_>>().join(", ");
    let others = if others.is_empty() { others } else { format!(", those of {others} may") };
    let text = format!(
        "lines of {chip:?} may not be attached by line map{others}; attach to an export, or start vgpiod \
         with --gpiodev MAP for these lines or --allow-line-maps={chip}"
    );
    Failure::new(ErrorCode::NotAllowed, 0, text)
}

/// What a session remembers of its lines.
fn attached_lines(lines: &[ExportLine], offsets: &[Offset], cx: &Context<'_>) -> Vec<AttachedLine> {
    let mut chips: HashMap<&str, Option<Box<dyn Chip>>> = HashMap::new();
    let mut attached = Vec::with_capacity(lines.len());
    for (line, &offset) in lines.iter().zip(offsets) {
        let open = || cx.hub.chips().open(&line.chip).ok();
        let chip = chips.entry(&line.chip).or_insert_with(open);
        attached.push(AttachedLine::new(line, offset, chip.as_deref()));
    }
    attached
}

impl AttachedLine {
    fn new(line: &ExportLine, offset: Offset, chip: Option<&dyn Chip>) -> Self {
        let host_name = chip.and_then(|chip| chip.line(offset).ok()).map(|info| info.name);
        Self {
            vgpio: line.vgpio,
            chip: chip.map_or_else(|| line.chip.clone(), |chip| chip.info().label.clone()),
            offset,
            name: line.name.clone().or(host_name).unwrap_or_default(),
        }
    }
}
