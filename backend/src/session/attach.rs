// SPDX-License-Identifier: MIT OR Apache-2.0
//! ATTACH: which lines a frontend may have, and taking them.

use vgpio_protocol::{Attach, ErrorCode, Event, LineMap, Lines, Reason};

use super::operation::{Operation, Work};
use super::tell::entries;
use super::{AttachedLine, Attachment, Context, Phase, Session, printable};
use crate::chip::ChipError;
use crate::config::{ExportConfig, ExportLine};
use crate::hub::{Claimant, Failure, offset_of};

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
        };
        let claimed = lines.and_then(|lines| Ok((cx.hub.claim(&who, &lines)?, lines)));
        match claimed {
            Err(failure) => self.fail(seq, &failure, cx),
            Ok((claim, lines)) => {
                let attached =
                    |(line, offset): (&ExportLine, &u32)| AttachedLine::new(line, *offset, cx);
                let lines = lines.iter().zip(&claim.offsets).map(attached).collect();
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
        log::info!("session {} ({}): attached {}", self.id, self.name, attachment.what);
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
    let lines: Vec<_> = ExportLine::of_map(map).collect();
    for (i, line) in lines.iter().enumerate() {
        permitted(line, cx).map_err(|failure| Failure { mask: 1 << i, ..failure })?;
    }
    Ok(lines)
}

/// Whether the policy lets a line be attached by line map.
fn permitted(line: &ExportLine, cx: &Context<'_>) -> Result<(), Failure> {
    let of_chip = |error: ChipError| Failure::of_chip(&error, &[]);
    let chip = cx.hub.chips().open(&line.chip).map_err(of_chip)?;
    let offset = offset_of(chip.as_ref(), &line.line).map_err(of_chip)?;
    let name = chip.line(offset).map_err(of_chip)?.name;
    let allowed = cx.config.policy.allows(chip.info(), offset, &name);
    allowed.map_err(|refusal| Failure::new(ErrorCode::NotAllowed, 0, refusal.to_string()))
}

impl AttachedLine {
    fn new(line: &ExportLine, offset: u32, cx: &Context<'_>) -> Self {
        let chip = cx.hub.chips().open(&line.chip).ok();
        let host_name = chip.as_ref().and_then(|chip| chip.line(offset).ok()).map(|info| info.name);
        Self {
            vgpio: line.vgpio,
            chip: chip.map_or_else(|| line.chip.clone(), |chip| chip.info().label.clone()),
            offset,
            name: line.name.clone().or(host_name).unwrap_or_default(),
        }
    }
}
