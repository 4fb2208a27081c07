// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the control socket asks of the daemon.

use std::time::Duration;

use super::api::{ChipReport, Code, LineReport, Pull, Refusal, Status};
use crate::chip::{Cause, ChipError, ChipInfo, Offset};

/// A line that is known to be there when the daemon is asked about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LineId {
    /// The chip's name: `gpiochip0`, `sim0`. Unlike its label it is unique.
    pub chip: String,
    /// Offset on the chip.
    pub offset: Offset,
}

/// Names something that will end later; the daemon chooses the numbers.
pub type Ticket = u64;

/// What the control socket asks of the daemon. Chips are named by [`ChipInfo::name`], and each
/// that is asked for was among [`chips`](Self::chips) just before.
///
/// Methods that change pads refuse a chip that is not simulated with
/// [`Refusal::not_simulated`].
pub trait Host {
    /// The daemon, its exports and sessions.
    fn status(&self) -> Status;

    /// All chips: the host's and the simulated ones.
    fn chips(&mut self) -> Vec<ChipReport>;

    /// All lines of a chip, in order of offsets.
    ///
    /// # Errors
    /// When the chip cannot be read.
    fn lines(&mut self, chip: &str) -> Result<Vec<LineReport>, Refusal>;

    /// Present levels, true is active: of a held line as its holder sees it, of another as it is
    /// read without changing it.
    ///
    /// # Errors
    /// When a line cannot be read, for example because another program holds it.
    fn get(&mut self, lines: &[LineId]) -> Result<Vec<bool>, Refusal>;

    /// Somebody begins to monitor lines; changes are to be given to each `Connection::event`.
    ///
    /// # Errors
    /// When changes of a line cannot be seen.
    fn monitor(&mut self, lines: &[LineId]) -> Result<(), Refusal>;

    /// Lets the outside drive a pad high (`Some(true)`) or low, or no more (`None`).
    ///
    /// # Errors
    /// Only of simulated chips.
    fn pad_drive(&mut self, pad: &LineId, level: Option<bool>) -> Result<(), Refusal>;

    /// Puts a pull on a pad, or none.
    ///
    /// # Errors
    /// Only of simulated chips.
    fn pad_pull(&mut self, pad: &LineId, pull: Pull) -> Result<(), Refusal>;

    /// Drives a pad to `level`, or to the opposite of its present level, for a time; then lets
    /// go of it. The daemon gives the ticket to each `Connection::finished` then.
    ///
    /// # Errors
    /// Only of simulated chips; [`Code::Busy`] while the pad is pressed already.
    fn press(
        &mut self,
        pad: &LineId,
        level: Option<bool>,
        time: Duration,
    ) -> Result<Ticket, Refusal>;

    /// Joins two pads of a chip by a wire, or takes the wire away.
    ///
    /// # Errors
    /// Only of simulated chips.
    fn wire(&mut self, a: &LineId, b: &LineId, joined: bool) -> Result<(), Refusal>;
}

impl From<&ChipReport> for ChipInfo {
    fn from(chip: &ChipReport) -> Self {
        Self { name: chip.name.clone(), label: chip.label.clone(), lines: chip.lines }
    }
}

impl Refusal {
    /// A refusal.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The chip has no pads to be driven.
    #[must_use]
    pub fn not_simulated(chip: &str) -> Self {
        let message = format!(
            "{chip} is not simulated: only pads of a simulated chip can be driven from outside; \
             `vgpioctl detect` shows which are"
        );
        Self::new(Code::NotSimulated, message)
    }
}

/// With the whole chain of causes in the message.
impl From<ChipError> for Refusal {
    fn from(error: ChipError) -> Self {
        let code = match error.cause {
            Cause::NoChip { .. } | Cause::NotAChip | Cause::Gone => Code::NoChip,
            Cause::Ambiguous { .. } => Code::Ambiguous,
            Cause::NoLine { .. } | Cause::NoName { .. } => Code::NoLine,
            Cause::Busy { .. } => Code::Busy,
            Cause::Permission { .. } => Code::Permission,
            Cause::NotSupported { .. } | Cause::NoEdges | Cause::Host(_) => Code::Host,
        };
        Self::new(code, format!("{error}: {}", error.cause))
    }
}

impl From<Pull> for vgpio_rcar::Pull {
    fn from(pull: Pull) -> Self {
        match pull {
            Pull::None => Self::None,
            Pull::Up => Self::Up,
            Pull::Down => Self::Down,
        }
    }
}
