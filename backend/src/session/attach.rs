// SPDX-License-Identifier: MIT OR Apache-2.0
//! ATTACH: which lines a frontend may have, and taking them.

use std::collections::HashMap;

use vgpio_protocol::{Attach, ErrorCode, Event, LineMap, Lines, Reason};

use super::operation::{Operation, Work};
use super::tell::entries;
use super::{AttachedLine, Attachment, Context, Phase, Session, printable};
use crate::chip::{Chip, ChipError, Offset};
use crate::config::{ExportConfig, ExportLine, Policy, Rule};
use crate::hub::{Claimant, Failure, offset_of};
use crate::keep::Guest;

impl Session {
    pub(super) fn attach(&mut self, seq: u64, attach: &Attach<'_>, cx: &mut Context<'_>) {
        let lines = match attach {
            Attach::Export(name) => self.of_export(name, &cx.config.exports),
            Attach::Map(map) => of_map(map, cx),
        };
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
        let claimed = lines.and_then(|lines| Ok((cx.hub.claim(&who, &lines)?, lines)));
        match claimed {
            Err(failure) => self.fail(seq, &failure, cx),
            Ok((claim, lines)) => {
                let lines = attached_lines(&lines, &claim.offsets, cx);
                let attachment = Attachment { what, export, lines, links: claim.links };
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
        let all = attachment.all();
        self.phase = Phase::Attached(attachment);
        self.read(seq, all, Reason::Attached, cx);
    }

    fn of_export(&self, name: &str, exports: &[ExportConfig]) -> Result<Vec<ExportLine>, Failure> {
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
        if !export.access.allows(self.peer.uid, self.peer.gid) {
            let text = format!(
                "export '{name}' is not for user {} of group {}; add one of them to its users or groups",
                self.peer.uid, self.peer.gid
            );
            return Err(Failure::new(ErrorCode::NotAllowed, 0, text));
        }
        Ok(export.lines.clone())
    }
}

/// The lines of a line map, if the policy allows them.
fn of_map(map: &str, cx: &Context<'_>) -> Result<Vec<ExportLine>, Failure> {
    let map: LineMap =
        map.parse().map_err(|error| Failure::new(ErrorCode::MapSyntax, 0, format!("{error}")))?;
    let policy = &cx.config.policy;
    let chip = map.chip.clone();
    let lines: Vec<_> = ExportLine::of_map(map).collect();
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
    for (i, line) in lines.iter().enumerate() {
        let offset = offset_of(opened.as_ref(), &line.line).map_err(of_chip);
        let info = offset.and_then(|offset| opened.line(offset).map_err(of_chip));
        let allowed = info.and_then(|info| {
            let allowed = policy.allows(opened.info(), info.offset, &info.name);
            allowed.map_err(|refusal| Failure::new(ErrorCode::NotAllowed, 0, refusal.to_string()))
        });
        allowed.map_err(|failure| Failure { mask: 1 << i, ..failure })?;
    }
    Ok(lines)
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
