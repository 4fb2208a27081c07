// SPDX-License-Identifier: MIT OR Apache-2.0
//! Host gpiochips behind one small trait.
//!
//! A chip knows lines and levels, and no guest. Levels are logical: *active* is
//! the low voltage of a line that is active-low, as in the kernel's character device.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use vgpio_protocol::{Bias, Direction, Drive, EdgeDetection};

#[cfg(test)]
mod blind;
pub mod cdev;
mod debounce;
mod error;
mod group;
mod lent;
#[cfg(feature = "libgpiod")]
pub mod libgpiod;
mod poll;
mod signal;
pub mod sim;
pub mod worker;

pub use error::{Cause, ChipError};
pub use group::group;
pub use lent::Lent;

/// Opens a gpiochip of the host as [`cdev::open`] does; with the feature `libgpiod`, through that
/// library.
///
/// # Errors
/// As [`cdev::open`].
pub fn open(text: &str) -> Result<Box<dyn Chip>, ChipError> {
    #[cfg(feature = "libgpiod")]
    return Ok(Box::new(libgpiod::open(text)?));
    #[cfg(not(feature = "libgpiod"))]
    return Ok(Box::new(cdev::open(text)?));
}

/// A line's offset on its chip.
pub type Offset = u32;

/// A gpiochip: tells about its lines and lends them.
pub trait Chip {
    /// What the chip is.
    fn info(&self) -> &ChipInfo;

    /// What a line is at present, whoever holds it.
    ///
    /// # Errors
    /// [`Cause::NoLine`] beyond the chip's last line, [`Cause::Gone`] when the chip was removed.
    fn line(&self, offset: Offset) -> Result<LineInfo, ChipError>;

    /// The line of that name.
    ///
    /// # Errors
    /// [`Cause::NoName`] when no line or more than one has it, else as [`line`](Self::line).
    fn find_line(&self, name: &str) -> Result<Offset, ChipError> {
        let mut matches = Vec::new();
        for offset in 0..self.info().lines {
            if self.line(offset)?.name == name {
                matches.push(offset);
            }
        }
        match matches[..] {
            [offset] if !name.is_empty() => Ok(offset),
            _ => {
                let name = name.to_owned();
                let cause = Cause::NoName { matches: matches.len(), name };
                Err(ChipError::new(self.info(), matches, "cannot find a line", cause))
            }
        }
    }

    /// Takes lines, all or none, without a glitch. Line *i* of the request is `lines[i]`; 1 to 64.
    ///
    /// # Errors
    /// [`Cause::Busy`] when one is held by somebody else, [`Cause::NoLine`] beyond the last line,
    /// [`Cause::NotSupported`] for a setting that the chip lacks, [`Cause::NoEdges`] when edge
    /// detection or debouncing is all that it lacks, [`Cause::Gone`] when the chip was removed.
    fn request(
        &mut self,
        lines: &[(Offset, LineConfig)],
        consumer: &str,
    ) -> Result<Box<dyn Request>, ChipError>;

    /// Takes over lines that another process has requested of the chip, and that have these settings and
    /// levels; `request` is what [`Request::share`] gave there.
    ///
    /// # Errors
    /// When the chip cannot.
    fn adopt(
        &mut self,
        request: OwnedFd,
        lines: &[(Offset, LineConfig)],
    ) -> Result<Box<dyn Request>, ChipError> {
        drop(request);
        let offsets = lines.iter().map(|(offset, _)| *offset).collect();
        let cause = Cause::Host(nix::errno::Errno::EOPNOTSUPP.into());
        Err(ChipError::new(self.info(), offsets, "cannot take over lines", cause))
    }
}

/// Lines that are held; dropping it gives them back. Bit *i* of a mask is line *i* of the request.
pub trait Request {
    /// Sets outputs, all in one step where the chip can. Allocates nothing. Bits of `mask`
    /// beyond the last line are ignored.
    ///
    /// # Errors
    /// [`Cause::Gone`] when the chip was removed; the levels are then unknown. `EPERM` in
    /// [`Cause::Host`] when one of the lines is an input; then none is set.
    fn set(&mut self, mask: u64, bits: u64) -> Result<(), ChipError>;

    /// Reads the levels of `mask`, of outputs too.
    ///
    /// # Errors
    /// [`Cause::Gone`] when the chip was removed.
    fn get(&mut self, mask: u64) -> Result<u64, ChipError>;

    /// Gives all lines new settings, one per line, all or none. Lines without a direction stay
    /// as they are. Returns the lines that keep their settings, but whose edges may have been missed
    /// meanwhile.
    ///
    /// # Errors
    /// As [`Chip::request`]. Edges may then have been missed of any line.
    fn reconfigure(&mut self, lines: &[LineConfig]) -> Result<u64, ChipError>;

    /// Readable, or hung up, when [`read_edges`](Self::read_edges) has something to tell or the
    /// chip is gone.
    fn event_fd(&self) -> BorrowedFd<'_>;

    /// Appends edges to `edges`, oldest first, at most as many as it has room for without
    /// growing; returns how many edges are known to have been lost since the last call.
    /// Call it until it appends nothing: readiness is reported once per change.
    ///
    /// # Errors
    /// [`Cause::Gone`] when the chip was removed.
    fn read_edges(&mut self, edges: &mut Vec<ChipEdge>) -> Result<u32, ChipError>;

    /// What holds the lines as long as it is open, in whatever process; `None` if they end with this one.
    fn share(&self) -> Option<OwnedFd> {
        None
    }
}

/// What a chip is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChipInfo {
    /// Its name: `gpiochip0`; for a simulated block `sim0`.
    pub name: String,
    /// Its label: `e6055400.gpio`.
    pub label: String,
    /// How many lines it has.
    pub lines: u32,
}

/// What a line is at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineInfo {
    /// Its offset on the chip.
    pub offset: Offset,
    /// Its name; may be empty.
    pub name: String,
    /// Who holds it, if anybody does.
    pub consumer: Option<String>,
    /// Its direction.
    pub direction: Direction,
    /// Whether active is the low voltage.
    pub active_low: bool,
    /// Its bias.
    pub bias: Bias,
    /// Its drive.
    pub drive: Drive,
    /// Edge detection in force.
    pub edges: EdgeDetection,
    /// Debounce period in force.
    pub debounce: Option<Duration>,
}

/// How a line is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineConfig {
    /// Its direction; `None` leaves what it was, without bias, drive, debounce and edge detection.
    pub direction: Option<Direction>,
    /// The level, while it is an output.
    pub active: bool,
    /// Whether active is the low voltage.
    pub active_low: bool,
    /// Its bias.
    pub bias: Bias,
    /// Its drive, while it is an output.
    pub drive: Drive,
    /// The edges detected, while it is an input.
    pub edges: EdgeDetection,
    /// Debounce period, while it is an input.
    pub debounce: Option<Duration>,
}

impl LineConfig {
    /// Without the settings that do not matter in its direction.
    #[must_use]
    pub fn effective(self) -> Self {
        let input = self.direction == Some(Direction::Input);
        let output = self.direction == Some(Direction::Output);
        let debounce = self.debounce.filter(|period| input && !period.is_zero());
        Self {
            active: self.active && output,
            bias: if input || output { self.bias } else { Bias::AsIs },
            drive: if output { self.drive } else { Drive::PushPull },
            edges: if input { self.edges } else { EdgeDetection::None },
            debounce,
            ..self
        }
    }

    /// Without what only an interrupt can give.
    pub(crate) fn without_edges(self) -> Self {
        Self { edges: EdgeDetection::None, debounce: None, ..self }
    }

    /// Whether the change to `active` is to be reported.
    pub(crate) fn wants_edge(self, active: bool) -> bool {
        match self.effective().edges {
            EdgeDetection::None => false,
            EdgeDetection::Rising => active,
            EdgeDetection::Falling => !active,
            EdgeDetection::Both => true,
        }
    }

    /// Whether it takes an interrupt.
    pub(crate) fn needs_edges(self) -> bool {
        let line = self.effective();
        line.edges != EdgeDetection::None || line.debounce.is_some()
    }
}

/// One change of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChipEdge {
    /// Index of the line in its request.
    pub line: u8,
    /// The level after it.
    pub active: bool,
    /// Count of this line's edges, from 1; wraps. A jump means that edges were lost.
    pub line_seqno: u32,
    /// When it happened, in nanoseconds of `CLOCK_MONOTONIC`.
    pub timestamp_ns: u64,
}

/// How long another process may take to close lines that it has held for this one, and how often that is
/// looked at. It takes microseconds.
const CLOSED: Duration = Duration::from_millis(200);
const LOOK: Duration = Duration::from_micros(100);

/// Waits for a moment until lines are free that another process has held for a daemon; whether they are.
pub(crate) fn are_free(chip: &dyn Chip, lines: &[Offset]) -> bool {
    let until = Instant::now() + CLOSED;
    let is_own = |consumer: String| consumer.starts_with("vgpio");
    let is_held =
        |line: &Offset| chip.line(*line).is_ok_and(|line| line.consumer.is_some_and(is_own));
    while lines.iter().any(is_held) {
        if Instant::now() > until {
            return false;
        }
        thread::sleep(LOOK);
    }
    true
}

/// The mask of all lines of a request.
pub(crate) fn all_lines(lines: usize) -> u64 {
    match lines {
        64.. => u64::MAX,
        lines => (1 << lines) - 1,
    }
}
