// SPDX-License-Identifier: MIT OR Apache-2.0
//! Edges of lines whose chip cannot detect them: the levels are read at a stated period.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use super::debounce::Debounce;
use super::signal::Signal;
use super::{Cause, Chip, ChipEdge, ChipError, ChipInfo, LineConfig, Offset, Request, all_lines};
use crate::clock::now_ns;

/// Lines as [`Chip::request`] gives them, or polled where the chip cannot detect their edges; of
/// those, the period.
///
/// # Errors
/// As [`Chip::request`], but never [`Cause::NoEdges`].
pub fn request_or_poll(
    chip: &mut dyn Chip,
    lines: &[(Offset, LineConfig)],
    consumer: &str,
    period: Duration,
) -> Result<(Box<dyn Request>, Option<Duration>), ChipError> {
    match chip.request(lines, consumer) {
        Err(ChipError { cause: Cause::NoEdges, .. }) => {
            let polled = Polled::request(chip, lines, consumer, period)?;
            Ok((Box::new(polled), Some(period)))
        }
        requested => requested.map(|request| (request, None)),
    }
}

/// Held lines whose levels are read periodically. A pulse between two readings is not seen.
/// While no line's edges are wanted, nothing is read.
pub struct Polled {
    request: Box<dyn Request>,
    signal: Signal,
    period: u64,
    lines: Vec<Line>,
    /// Lines that are read.
    watched: u64,
    /// Of the last reading.
    levels: u64,
    next: Option<u64>,
    /// At most two per line: what one reading can give.
    edges: VecDeque<ChipEdge>,
    chip: ChipInfo,
    offsets: Vec<Offset>,
}

struct Line {
    config: LineConfig,
    debounce: Option<Debounce>,
    seqno: u32,
}

impl Polled {
    /// Takes lines and begins to read those whose edges are wanted, every `period` of at least
    /// 100 us.
    ///
    /// # Errors
    /// As [`Chip::request`].
    pub fn request(
        chip: &mut dyn Chip,
        lines: &[(Offset, LineConfig)],
        consumer: &str,
        period: Duration,
    ) -> Result<Self, ChipError> {
        let plain: Vec<_> =
            lines.iter().map(|(offset, line)| (*offset, line.without_edges())).collect();
        let request = chip.request(&plain, consumer)?;
        let offsets: Vec<Offset> = lines.iter().map(|(offset, _)| *offset).collect();
        let failed = |errno: nix::Error| {
            let cause = Cause::Host(errno.into());
            ChipError::new(chip.info(), offsets.clone(), "cannot poll lines", cause)
        };
        let signal = Signal::new().map_err(failed)?;
        // So that removal of the chip is noticed.
        signal.include(request.event_fd()).map_err(failed)?;
        let mut polled = Self {
            request,
            signal,
            period: nanoseconds(period.max(Duration::from_micros(100))),
            lines: lines.iter().map(|(_, line)| Line::new(*line)).collect(),
            watched: 0,
            levels: 0,
            next: None,
            edges: VecDeque::new(),
            chip: chip.info().clone(),
            offsets,
        };
        polled.watch()?;
        Ok(polled)
    }

    /// Begins anew, after settings have changed.
    fn watch(&mut self) -> Result<(), ChipError> {
        let is_watched = |(i, line): (usize, &Line)| u64::from(line.config.needs_edges()) << i;
        self.watched = self.lines.iter().enumerate().map(is_watched).sum();
        self.levels = self.request.get(self.watched)?;
        for (i, line) in self.lines.iter_mut().enumerate() {
            let level = self.levels >> i & 1 == 1;
            let period = line.config.effective().debounce;
            line.debounce = period.map(|period| Debounce::new(nanoseconds(period), level));
        }
        self.next = (self.watched != 0).then(|| now_ns().saturating_add(self.period));
        self.set_alarm()
    }

    fn set_alarm(&mut self) -> Result<(), ChipError> {
        self.signal.set_alarm(self.next).map_err(|errno| {
            let cause = Cause::Host(io::Error::from(errno));
            ChipError::new(&self.chip, self.offsets.clone(), "cannot poll lines", cause)
        })
    }

    /// Reads the levels if it is time to.
    fn read(&mut self) -> Result<(), ChipError> {
        let now = now_ns();
        if self.next.is_none_or(|next| next > now) {
            return Ok(());
        }
        let levels = self.request.get(self.watched)?;
        let now = now_ns();
        let changed = levels ^ std::mem::replace(&mut self.levels, levels);
        for (i, line) in self.lines.iter_mut().enumerate() {
            let changed = (changed >> i & 1 == 1).then_some(levels >> i & 1 == 1);
            let edge = line.read(changed, now);
            self.edges.extend(edge.map(|(active, timestamp_ns)| ChipEdge {
                line: u8::try_from(i).unwrap_or(u8::MAX),
                active,
                line_seqno: line.seqno,
                timestamp_ns,
            }));
        }
        self.next = Some(now.saturating_add(self.period));
        self.set_alarm()
    }
}

impl Request for Polled {
    fn set(&mut self, mask: u64, bits: u64) -> Result<(), ChipError> {
        self.request.set(mask, bits)
    }

    fn get(&mut self, mask: u64) -> Result<u64, ChipError> {
        let mut levels = self.request.get(mask)?;
        for (i, line) in self.lines.iter().enumerate() {
            if let Some(debounce) = &line.debounce {
                levels = (levels & !(1 << i)) | u64::from(debounce.level()) << i;
            }
        }
        Ok(levels & mask & all_lines(self.lines.len()))
    }

    fn reconfigure(&mut self, lines: &[LineConfig]) -> Result<(), ChipError> {
        let plain: Vec<_> = lines.iter().map(|line| line.without_edges()).collect();
        self.request.reconfigure(&plain)?;
        for (line, config) in self.lines.iter_mut().zip(lines) {
            if config.direction.is_some() {
                line.config = *config;
            }
        }
        self.watch()
    }

    fn event_fd(&self) -> BorrowedFd<'_> {
        self.signal.as_fd()
    }

    fn read_edges(&mut self, edges: &mut Vec<ChipEdge>) -> Result<u32, ChipError> {
        // The request has no edges; it tells when the chip is gone.
        self.request.read_edges(edges)?;
        if self.edges.is_empty() {
            self.read()?;
        }
        let room = (edges.capacity() - edges.len()).min(self.edges.len());
        edges.extend(self.edges.drain(..room));
        Ok(0)
    }
}

impl Line {
    fn new(config: LineConfig) -> Self {
        Self { config, debounce: None, seqno: 0 }
    }

    /// The edge to report when the level has just been read, and changed if it is given.
    fn read(&mut self, changed: Option<bool>, now: u64) -> Option<(bool, u64)> {
        let (active, time) = match &mut self.debounce {
            None => (changed?, now),
            Some(debounce) => {
                let due = debounce.due(now);
                if let Some(level) = changed {
                    debounce.change(level, now);
                }
                due?
            }
        };
        if !self.config.wants_edge(active) {
            return None;
        }
        self.seqno = self.seqno.wrapping_add(1);
        Some((active, time))
    }
}

fn nanoseconds(period: Duration) -> u64 {
    u64::try_from(period.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
