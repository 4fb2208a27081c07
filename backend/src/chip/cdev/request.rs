// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines held through the character device.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use gpiocdev_uapi::v2::{self as uapi, LineEdgeEvent, LineEdgeEventKind, LineValues};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::{Held, Identity, config, host, of_use};
use crate::chip::{ChipEdge, ChipError, LineConfig, Offset, Request};

/// Edges that the kernel keeps for one request: the most that it grants (`gpiolib-cdev.c`,
/// `GPIO_V2_LINES_MAX * 16`, 48 KiB), because whoever reads them may be busy for a while.
pub const KEPT_EDGES: u16 = 1024;

/// Edges taken in one system call.
pub const EDGES_AT_ONCE: usize = 64;

const EVENT_WORDS: usize = size_of::<LineEdgeEvent>() / size_of::<u64>();

/// Lines that are held.
pub struct Lines {
    file: File,
    identity: Rc<Identity>,
    held: Held,
}

/// Asks the kernel for lines.
pub fn get(chip: &File, lines: &[(Offset, LineConfig)], consumer: &str) -> io::Result<File> {
    let offsets: Vec<Offset> = lines.iter().map(|(offset, _)| *offset).collect();
    if offsets.len() > uapi::NUM_LINES_MAX {
        return Err(Errno::EINVAL.into());
    }
    let request = uapi::LineRequest {
        offsets: uapi::Offsets::from_slice(&offsets),
        consumer: consumer.into(),
        config: line_config(lines.iter().map(|(_, line)| *line))?,
        num_lines: u32::try_from(offsets.len()).unwrap_or(0),
        event_buffer_size: KEPT_EDGES.into(),
        ..Default::default()
    };
    uapi::get_line(chip, request).map_err(host)
}

fn line_config(lines: impl Iterator<Item = LineConfig>) -> io::Result<uapi::LineConfig> {
    config::line_config(lines).ok_or_else(|| Errno::E2BIG.into())
}

impl Lines {
    /// Lines that the kernel has given.
    pub fn new(
        file: File,
        identity: &Rc<Identity>,
        lines: &[(Offset, LineConfig)],
    ) -> io::Result<Self> {
        fcntl(&file, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let held = Held::new(lines, identity.leaves_lines);
        Ok(Self { file, identity: Rc::clone(identity), held })
    }

    /// Lines that the kernel has given to another process.
    pub fn adopted(
        request: OwnedFd,
        identity: &Rc<Identity>,
        lines: &[(Offset, LineConfig)],
    ) -> Self {
        let held = Held::adopted(lines, identity.leaves_lines);
        Self { file: File::from(request), identity: Rc::clone(identity), held }
    }

    fn error(&self, what: &'static str, error: io::Error) -> ChipError {
        self.held.error(&self.identity.info, what, of_use(error))
    }

    /// Appends edges in `buffer`; returns how many were lost before them.
    fn append(&mut self, buffer: &[u64], edges: &mut Vec<ChipEdge>) -> u32 {
        let mut lost: u32 = 0;
        for event in buffer.chunks_exact(EVENT_WORDS) {
            let Ok(event) = LineEdgeEvent::from_slice(event) else { continue };
            let active = event.kind == LineEdgeEventKind::RisingEdge as u32;
            let edge = self.held.edge(event.offset, event.line_seqno, active, event.timestamp_ns);
            if let Some((edge, before)) = edge {
                lost = lost.saturating_add(before);
                edges.push(edge);
            }
        }
        lost
    }
}

impl Request for Lines {
    fn set(&mut self, mask: u64, bits: u64) -> Result<(), ChipError> {
        let mask = mask & self.held.all();
        if mask == 0 {
            return Ok(());
        }
        uapi::set_line_values(&self.file, &LineValues { bits, mask })
            .map_err(|error| self.error("cannot set levels", host(error)))?;
        self.held.set(mask, bits);
        Ok(())
    }

    fn get(&mut self, mask: u64) -> Result<u64, ChipError> {
        let mut values = LineValues { bits: 0, mask: mask & self.held.all() };
        if values.mask == 0 {
            return Ok(0);
        }
        uapi::get_line_values(&self.file, &mut values)
            .map_err(|error| self.error("cannot read levels", host(error)))?;
        Ok(values.bits & values.mask)
    }

    fn reconfigure(&mut self, lines: &[LineConfig]) -> Result<u64, ChipError> {
        let mut apply = |lines: &[LineConfig]| {
            let config = line_config(lines.iter().copied())?;
            uapi::set_line_config(&self.file, config).map_err(host)
        };
        let changed = self.held.change(lines, &mut apply);
        changed
            .map_err(|cause| self.held.error(&self.identity.info, "cannot change settings", cause))
    }

    fn event_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    fn share(&self) -> Option<OwnedFd> {
        self.file.try_clone().map(OwnedFd::from).ok()
    }

    fn read_edges(&mut self, edges: &mut Vec<ChipEdge>) -> Result<u32, ChipError> {
        let mut buffer = [0; EDGES_AT_ONCE * EVENT_WORDS];
        let room = (edges.capacity() - edges.len()).min(EDGES_AT_ONCE) * EVENT_WORDS;
        let Some(buffer) = buffer.get_mut(..room).filter(|buffer| !buffer.is_empty()) else {
            return Ok(0);
        };
        loop {
            match uapi::read_event(&self.file, buffer).map_err(host) {
                Ok(words) => {
                    return Ok(buffer.get(..words).map_or(0, |buffer| self.append(buffer, edges)));
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(0),
                    io::ErrorKind::Interrupted => {}
                    _ => return Err(self.error("cannot read edges", error)),
                },
            }
        }
    }
}
