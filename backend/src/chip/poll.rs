// SPDX-License-Identifier: MIT OR Apache-2.0
//! Edges of lines whose chip cannot detect them: the levels are read at a stated period.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use super::debounce::Debounce;
use super::signal::Signal;
use super::{Cause, ChipEdge, ChipError, LineConfig, Offset, Request, all_lines};
use crate::clock::now_ns;

/// Reads the levels of a request's lines periodically. While no line's edges are wanted, nothing
/// is read.
pub(super) struct Polling {
    signal: Signal,
    period: u64,
    lines: Vec<Line>,
    /// Lines that are read.
    watched: u64,
    /// Of the last reading.
    levels: u64,
    next: Option<u64>,
    /// Whether the last reading failed, which is told once.
    is_failing: bool,
    /// At most two per line: what one reading can give.
    edges: VecDeque<ChipEdge>,
    chip: String,
    offsets: Vec<Offset>,
}

struct Line {
    config: LineConfig,
    debounce: Option<Debounce>,
    seqno: u32,
}

impl Polling {
    /// For lines whose chip has refused to detect edges. Nothing is read before
    /// [`adopt`](Self::adopt).
    ///
    /// # Errors
    /// When the host has no more descriptors.
    pub fn new(
        request: &dyn Request,
        lines: &[LineConfig],
        period: Duration,
        refusal: ChipError,
    ) -> Result<Self, ChipError> {
        let ChipError { chip, offsets, .. } = refusal;
        // So that removal of the chip is noticed.
        let signal = Signal::new()
            .and_then(|signal| signal.include(request.event_fd()).map(|()| signal))
            .map_err(|errno| failed(&chip, &offsets, errno))?;
        Ok(Self {
            signal,
            period: nanoseconds(period.max(Duration::from_micros(100))),
            lines: lines.iter().map(|line| Line::new(line.without_edges())).collect(),
            watched: 0,
            levels: 0,
            next: None,
            is_failing: false,
            edges: VecDeque::new(),
            chip,
            offsets,
        })
    }

    /// Takes over settings that `request` now has. What is known of lines that they do not change
    /// stays, so that a change meanwhile is reported.
    ///
    /// # Errors
    /// When the host has no more descriptors.
    pub fn adopt(
        &mut self,
        lines: &[LineConfig],
        request: &mut dyn Request,
    ) -> Result<(), ChipError> {
        let mut fresh = 0;
        self.watched = 0;
        for (i, (line, config)) in self.lines.iter_mut().zip(lines).enumerate() {
            if config.direction.is_some() && config.effective() != line.config.effective() {
                line.config = *config;
                fresh |= 1 << i;
            }
            self.watched |= u64::from(line.config.needs_edges()) << i;
        }
        self.begin(fresh, request);
        let first = || now_ns().saturating_add(self.period);
        self.next = (self.watched != 0).then(|| self.next.unwrap_or_else(first));
        self.set_alarm()
    }

    /// Begins anew with the lines in `fresh`.
    fn begin(&mut self, fresh: u64, request: &mut dyn Request) {
        let read = fresh & self.watched;
        self.levels &= self.watched;
        if read != 0 {
            match request.get(read) {
                Ok(levels) => self.levels = (self.levels & !read) | levels,
                // What it has become is told as an edge, or why it cannot be read, in its turn.
                Err(error) => log::debug!("{}", crate::chain(&error)),
            }
        }
        for (i, line) in self.lines.iter_mut().enumerate().filter(|(i, _)| fresh >> i & 1 == 1) {
            let level = self.levels >> i & 1 == 1;
            let period = line.config.effective().debounce;
            line.debounce = period.map(|period| Debounce::new(nanoseconds(period), level));
        }
    }

    /// Levels that were just read, with those of debounced lines as they count.
    pub fn debounced(&self, mut levels: u64) -> u64 {
        for (i, line) in self.lines.iter().enumerate() {
            if let Some(debounce) = &line.debounce {
                levels = (levels & !(1 << i)) | u64::from(debounce.level()) << i;
            }
        }
        levels & all_lines(self.lines.len())
    }

    /// As [`Request::event_fd`].
    pub fn event_fd(&self) -> BorrowedFd<'_> {
        self.signal.as_fd()
    }

    /// Appends edges, at most as many as there is room for; reads levels if it is time to.
    ///
    /// # Errors
    /// Why the levels cannot be read, once. Unless the chip is gone, they are read again a period
    /// later.
    pub fn read_edges(
        &mut self,
        edges: &mut Vec<ChipEdge>,
        request: &mut dyn Request,
    ) -> Result<(), ChipError> {
        if self.edges.is_empty() {
            self.read(request)?;
        }
        let room = (edges.capacity() - edges.len()).min(self.edges.len());
        edges.extend(self.edges.drain(..room));
        Ok(())
    }

    fn read(&mut self, request: &mut dyn Request) -> Result<(), ChipError> {
        if self.next.is_none_or(|next| next > now_ns()) {
            return Ok(());
        }
        let levels = request.get(self.watched);
        let now = now_ns();
        let is_gone = matches!(&levels, Err(error) if matches!(error.cause, Cause::Gone));
        self.next = (!is_gone).then(|| now.saturating_add(self.period));
        self.set_alarm()?;
        let was_failing = std::mem::replace(&mut self.is_failing, levels.is_err());
        match levels {
            Ok(levels) => self.compare(levels, now),
            Err(_) if was_failing && !is_gone => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Makes edges of what has changed since the last reading.
    fn compare(&mut self, levels: u64, now: u64) {
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
    }

    fn set_alarm(&mut self) -> Result<(), ChipError> {
        let set = self.signal.set_alarm(self.next);
        set.map_err(|errno| failed(&self.chip, &self.offsets, errno))
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

fn failed(chip: &str, offsets: &[Offset], errno: nix::Error) -> ChipError {
    let cause = Cause::Host(errno.into());
    ChipError { chip: chip.to_owned(), offsets: offsets.to_vec(), what: "cannot poll lines", cause }
}

fn nanoseconds(period: Duration) -> u64 {
    u64::try_from(period.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
