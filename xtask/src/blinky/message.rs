// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the guest, the outside world and the user tell the main loop.

use std::fmt;

use nix::time::{ClockId, clock_gettime};
use vgpio::regs::Register;

use super::error::Error;

/// Something has happened.
pub enum Message {
    /// A pad changed, seen from outside of the chip.
    Pad(Pad),
    /// The guest's driver did something.
    Act(Act),
    /// Press the button.
    Press,
    /// The terminal has another size.
    Redraw,
    /// The user wants to end.
    Stop,
    /// It cannot go on.
    Failed(Error),
}

/// The new level of a pad.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pad {
    /// When, in nanoseconds of `CLOCK_MONOTONIC`.
    pub at_ns: u64,
    /// Its name.
    pub name: String,
    /// Whether it is high.
    pub high: bool,
}

/// What the guest's driver did, or what was done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// When, in nanoseconds of `CLOCK_MONOTONIC`.
    pub at_ns: u64,
    /// What.
    pub what: What,
}

/// A register access or an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A load from an offset of the register page, and its value.
    Load(u64, u32),
    /// A store to an offset of the register page.
    Store(u64, u32),
    /// The level of the interrupt.
    Irq(bool),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Load(offset, value) => write!(f, "{} -> {value:02x}", name(offset)),
            Self::Store(offset, value) => write!(f, "{} <- {value:02x}", name(offset)),
            Self::Irq(true) => f.write_str("interrupt raised"),
            Self::Irq(false) => f.write_str("interrupt gone"),
        }
    }
}

/// `GPIODIR`, and `GPIODATA+010` for one of the data register's words.
fn name(offset: u64) -> String {
    let Some(register) = Register::at(offset) else {
        return format!("{offset:03x}");
    };
    let entry = register.entry();
    match offset - u64::from(entry.offset) {
        0 if entry.words == 1 => entry.name.to_owned(),
        word => format!("{}+{word:03x}", entry.name),
    }
}

/// The present, in nanoseconds of `CLOCK_MONOTONIC`, the clock of line events.
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux has this clock");
    let part = |number: i64| u64::try_from(number).unwrap_or_default();
    part(now.tv_sec()) * 1_000_000_000 + part(now.tv_nsec())
}

#[cfg(test)]
mod tests {
    use super::What;

    #[test]
    fn accesses_have_the_manuals_names() {
        assert_eq!(What::Store(0x010, 0x04).to_string(), "GPIODATA+010 <- 04");
        assert_eq!(What::Load(0x400, 0x07).to_string(), "GPIODIR -> 07");
    }
}
