// SPDX-License-Identifier: MIT OR Apache-2.0
//! The GPIO controller in QEMU.

use std::path::Path;
use std::time::Instant;

use crate::error::Error;
use crate::inputs::MAX_LINES;
use crate::qmp::Qmp;

/// Where the `virt` machine has its PL061 (QEMU, `hw/arm/virt.c`).
pub const VIRT_BASE: u64 = 0x0903_0000;
/// Lines of a PL061.
pub const PL061_LINES: u8 = 8;
/// The PL061's line at which the `virt` machine has its power button.
const VIRT_POWER_BUTTON: u16 = 3;
/// QEMU's name of the PL061's type, and of the part of its memory.
const PL061: &str = "pl061";
/// The type of the nRF51's controller, as the micro:bit has it (QEMU, `hw/gpio/nrf51_gpio.c`).
const NRF51: &str = "nrf51_soc.gpio";
/// Where QEMU has devices that a machine made, that have a name, and that have none.
const FOLDERS: [&str; 3] =
    ["/machine/unattached", "/machine/peripheral", "/machine/peripheral-anon"];
/// More levels of memory regions are taken for a loop.
const MAX_DEPTH: usize = 16;

/// A controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its QOM path.
    pub path: String,
    /// What is known of it.
    pub kind: Kind,
    /// How many inputs it has, at most 64.
    pub inputs: u8,
    /// How many outputs it has, at most 64.
    pub outputs: u8,
}

/// What is known of a controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A PL061, whose registers tell directions and levels.
    Pl061 {
        /// Where the guest has its registers.
        base: u64,
        /// The level of an output pin while the line is an input: 1 where the board pulls it up.
        idle: u8,
    },
    /// Another, with these lines for outputs.
    Other {
        /// Bit *i* is line *i*.
        outputs: u64,
    },
}

impl Device {
    /// A PL061 that the user describes: nothing is known of the board, so its pins are taken for pulled down.
    #[must_use]
    pub fn pl061(path: String, base: u64) -> Self {
        let kind = Kind::Pl061 { base, idle: 0 };
        Self { path, kind, inputs: PL061_LINES, outputs: PL061_LINES }
    }

    /// Asks QEMU at its QMP socket: for the device of this path, or the only PL061 that it has. `outputs`: the
    /// lines that are outputs, for another than a PL061.
    ///
    /// # Errors
    /// There is no such device, or not one; its directions cannot be known so; QEMU does not answer.
    pub fn find(
        qmp: &Path,
        path: Option<String>,
        outputs: Option<u64>,
        end: Instant,
    ) -> Result<Self, Error> {
        let mut qmp = Qmp::connect(qmp, end)?;
        let path = match path {
            Some(path) => path,
            None => only_pl061(&mut qmp)?,
        };
        let properties = qmp.list(&path).map_err(|error| match error {
            Error::QmpRefused { .. } => Error::UnknownDevice { path: path.clone() },
            other => other,
        })?;
        let count = |name: &str| {
            let is = |(property, _): &&(String, String)| property.starts_with(name);
            let lines = properties.iter().filter(is).count().min(MAX_LINES);
            u8::try_from(lines).unwrap_or(u8::MAX)
        };
        let kind = match (qmp.text(&path, "type")?.as_str(), outputs) {
            (PL061, None) => pl061(&mut qmp, &path)?,
            (PL061, Some(_)) => return Err(Error::OutputsOfPl061 { path }),
            (NRF51, _) => return Err(Error::Nrf51 { path }),
            (_, Some(outputs)) => Kind::Other { outputs },
            (_, None) => return Err(Error::NoDirections { path }),
        };
        match (count("unnamed-gpio-in["), count("unnamed-gpio-out[")) {
            (_, 0) => Err(Error::NoOutputs { path }),
            (inputs, outputs) => Ok(Self { path, kind, inputs, outputs }),
        }
    }

    /// Whether all these lines can be the host's.
    ///
    /// # Errors
    /// The controller does not have one of them as the output or input that it is to be, or has it in use.
    pub fn check(&self, lines: &[u16]) -> Result<(), Error> {
        lines.iter().try_for_each(|line| self.check_line(*line))
    }

    fn check_line(&self, line: u16) -> Result<(), Error> {
        let path = || self.path.clone();
        match self.kind {
            Kind::Pl061 { base: VIRT_BASE, .. } if line == VIRT_POWER_BUTTON => {
                Err(Error::PowerButton { path: path() })
            }
            Kind::Other { outputs } if line < 64 && outputs >> line & 1 == 1 => {
                let lines = self.outputs;
                let is_there = line < lines.into();
                is_there.then_some(()).ok_or_else(|| Error::NoOutput { path: path(), line, lines })
            }
            Kind::Pl061 { .. } | Kind::Other { .. } => {
                let lines = self.inputs;
                let is_there = line < lines.into();
                is_there.then_some(()).ok_or_else(|| Error::NoInput { path: path(), line, lines })
            }
        }
    }
}

fn only_pl061(qmp: &mut Qmp) -> Result<String, Error> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        let children = qmp.list(folder)?;
        let is_one = |(_, kind): &&(String, String)| *kind == format!("child<{PL061}>");
        found.extend(children.iter().filter(is_one).map(|(name, _)| format!("{folder}/{name}")));
    }
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Error::NoPl061),
        _ => Err(Error::SeveralPl061 { paths: found.join(", ") }),
    }
}

fn pl061(qmp: &mut Qmp, path: &str) -> Result<Kind, Error> {
    let idle = qmp.number(path, "pullups")?;
    let mut base = 0_u64;
    let mut region = format!("{path}/{PL061}[0]");
    for _ in 0..MAX_DEPTH {
        base = base.wrapping_add(qmp.number(&region, "addr")?);
        region = qmp.text(&region, "container")?;
        if region.is_empty() {
            break;
        }
    }
    Ok(Kind::Pl061 { base, idle: u8::try_from(idle & 0xff).unwrap_or(0) })
}
