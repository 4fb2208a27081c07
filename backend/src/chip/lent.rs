// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines that a chip lends, whether it detects their edges or not.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use super::poll::Polling;
use super::{Cause, Chip, ChipEdge, ChipError, LineConfig, Offset, Request};

/// Lines that a chip has lent. From when on edges are wanted that it cannot detect, the levels are
/// read periodically: a pulse between two readings is not seen.
pub struct Lent {
    request: Box<dyn Request>,
    period: Duration,
    polling: Option<Box<Polling>>,
}

impl Lent {
    /// Takes lines; those that have to be polled are read every `period` of at least 100 us.
    ///
    /// # Errors
    /// As [`Chip::request`], but never [`Cause::NoEdges`].
    pub fn request(
        chip: &mut dyn Chip,
        lines: &[(Offset, LineConfig)],
        consumer: &str,
        period: Duration,
    ) -> Result<Self, ChipError> {
        let lent = |request| Self { request, period, polling: None };
        let refusal = match chip.request(lines, consumer) {
            Err(error) if matches!(error.cause, Cause::NoEdges) => error,
            requested => return requested.map(lent),
        };
        let (plain, configs): (Vec<_>, Vec<_>) =
            lines.iter().map(|&(offset, line)| ((offset, line.without_edges()), line)).unzip();
        let mut lent = lent(chip.request(&plain, consumer)?);
        lent.poll(&configs, refusal, |_| Ok(0))?;
        Ok(lent)
    }

    /// Takes over lines that another process has requested, as [`Chip::adopt`].
    ///
    /// # Errors
    /// Those of [`Chip::adopt`].
    pub fn adopt(
        chip: &mut dyn Chip,
        request: OwnedFd,
        lines: &[(Offset, LineConfig)],
        period: Duration,
    ) -> Result<Self, ChipError> {
        Ok(Self { request: chip.adopt(request, lines)?, period, polling: None })
    }

    /// How often inputs are read, if the chip could not detect edges that were wanted.
    #[must_use]
    pub fn polled(&self) -> Option<Duration> {
        self.polling.as_ref().map(|_| self.period)
    }

    #[cfg(test)]
    pub(super) fn polling(&self) -> Option<&Polling> {
        self.polling.as_deref()
    }

    /// Begins to poll after the chip's refusal. `take_over` gives it the settings without edges.
    fn poll(
        &mut self,
        lines: &[LineConfig],
        refusal: ChipError,
        take_over: impl FnOnce(&mut dyn Request) -> Result<u64, ChipError>,
    ) -> Result<u64, ChipError> {
        let mut polling = Polling::new(self.request.as_ref(), lines, self.period, refusal)?;
        let missed = take_over(self.request.as_mut())?;
        polling.adopt(lines, self.request.as_mut())?;
        self.polling = Some(Box::new(polling));
        Ok(missed)
    }
}

impl Request for Lent {
    fn set(&mut self, mask: u64, bits: u64) -> Result<(), ChipError> {
        self.request.set(mask, bits)
    }

    fn get(&mut self, mask: u64) -> Result<u64, ChipError> {
        let levels = self.request.get(mask)?;
        Ok(self.polling.as_ref().map_or(levels, |polling| polling.debounced(levels) & mask))
    }

    /// Another [`event_fd`](Request::event_fd) is to be watched once lines are
    /// [`polled`](Self::polled) that were not before.
    fn reconfigure(&mut self, lines: &[LineConfig]) -> Result<u64, ChipError> {
        let plain = || lines.iter().map(|line| line.without_edges()).collect::<Vec<_>>();
        if let Some(polling) = &mut self.polling {
            let missed = self.request.reconfigure(&plain())?;
            polling.adopt(lines, self.request.as_mut())?;
            return Ok(missed);
        }
        match self.request.reconfigure(lines) {
            Err(error) if matches!(error.cause, Cause::NoEdges) => {
                self.poll(lines, error, |request| request.reconfigure(&plain()))
            }
            done => done,
        }
    }

    fn event_fd(&self) -> BorrowedFd<'_> {
        self.polling.as_ref().map_or_else(|| self.request.event_fd(), |polling| polling.event_fd())
    }

    fn share(&self) -> Option<OwnedFd> {
        self.request.share()
    }

    fn read_edges(&mut self, edges: &mut Vec<ChipEdge>) -> Result<u32, ChipError> {
        // A request without edges tells when the chip is gone.
        let lost = self.request.read_edges(edges)?;
        if let Some(polling) = &mut self.polling {
            polling.read_edges(edges, self.request.as_mut())?;
        }
        Ok(lost)
    }
}
