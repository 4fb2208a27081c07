// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state of a PL061 and what an access does to it (ARM DDI 0190B, chapters 2 and 3).
//!
//! Where the manual leaves room, this model does as follows.
//!
//! - **Stores to lines that are inputs.** Only the address mask decides which bits of the data
//!   register a store changes (3.3.1); the direction decides which of them reach a line. So a value
//!   stored while a line is an input is driven as soon as it becomes an output, without a glitch.
//!   Linux stores the value before and after it sets the direction, for parts that do not keep it
//!   (`pl061_direction_output` in `drivers/gpio/gpio-pl061.c`); both ways end alike. QEMU drops
//!   such a store, and then drives the level that the line last had as an input.
//! - **Levels.** The status of a level-triggered line follows the level, and `GPIOIC` clears only
//!   the edge detection (3.3.7, 3.3.9). QEMU and Cloud Hypervisor latch levels.
//! - **Edges** are looked for on lines that are inputs: the manual speaks of input pins. A level
//!   that arrives while a line is an output is kept, and seen when the line turns to an input; the
//!   turn itself is no edge, nor is a change of `GPIOIS`, `GPIOIBE` or `GPIOIEV`.
//! - **A detected edge** stays until `GPIOIC` or reset. While its line is level-triggered it is not
//!   visible in `GPIORIS`, but not forgotten either; a driver that changes a line's trigger clears
//!   it before it enables the interrupt.
//! - **Hardware control** (`GPIOAFSEL`, 3.3.10): the alternate function has nothing behind it in a
//!   virtual machine, so such a line is not driven. Loads and interrupts look at `GPIODIR` alone.
//! - **Access sizes.** The part is on a 32-bit APB without byte lanes and decodes whole words. Loads
//!   and stores of 1, 2 and 4 bytes (little-endian) at multiples of 4 mean the same: bits above
//!   the register's 8 load as 0 and are ignored in stores. All else is a mistake of the guest.
#![forbid(unsafe_code)]

use crate::effects::{Directions, Effects, GuestError, Levels, Misuse};
use crate::irq::Trigger;
use crate::regs::{Access, Register, TABLE};
use crate::snapshot::{Snapshot, SnapshotError};

/// A PL061: eight lines, one combined interrupt. In every byte, bit *n* stands for line *n*.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pl061 {
    /// One byte per register; meaningful where the table says [`Access::ReadWrite`] or constant.
    registers: [u8; Register::COUNT],
    /// Edges detected and not yet cleared.
    edges: u8,
    /// The levels of the lines as the outside has them.
    inputs: u8,
    /// Mistakes of the guest.
    guest_errors: u64,
}

/// What the outside sees of a model.
#[derive(Clone, Copy)]
struct Pins {
    driven: u8,
    data: u8,
    irq: bool,
}

impl Default for Pl061 {
    fn default() -> Self {
        Self::new()
    }
}

impl Pl061 {
    /// A PL061 after reset: all lines inputs, all low, no interrupt.
    #[must_use]
    pub fn new() -> Self {
        Self { registers: reset_values(), edges: 0, inputs: 0, guest_errors: 0 }
    }

    /// Resets the registers. The levels of the lines stay: they belong to the outside.
    pub fn reset(&mut self) -> Effects {
        self.change(|model| {
            model.registers = reset_values();
            model.edges = 0;
        })
    }

    /// A load of `size` bytes by the guest at `offset` bytes from the start of the register page.
    /// The value is 0 if the load is a mistake; the only effect is a guest error.
    pub fn read(&mut self, offset: u64, size: usize) -> (u32, Effects) {
        match decode(offset, size, Access::WriteOnly) {
            Ok(register) => (u32::from(self.load(register, offset)), Effects::NONE),
            Err(misuse) => (0, self.guest_error(misuse, offset, size, false)),
        }
    }

    /// A store of `size` bytes by the guest at `offset` bytes from the start of the register page.
    /// A mistake is ignored but for the guest error in the effects.
    pub fn write(&mut self, offset: u64, size: usize, value: u32) -> Effects {
        match decode(offset, size, Access::ReadOnly) {
            // The bits above the register's 8 are not wired.
            Ok(register) => self.store(register, offset, value.to_le_bytes()[0]),
            Err(misuse) => self.guest_error(misuse, offset, size, true),
        }
    }

    /// [`read`](Self::read) for a bus that passes little-endian bytes. All of `data` is filled.
    pub fn read_bytes(&mut self, offset: u64, data: &mut [u8]) -> Effects {
        let (value, effects) = self.read(offset, data.len());
        data.fill(0);
        if let Some(lowest) = data.first_mut() {
            *lowest = value.to_le_bytes()[0];
        }
        effects
    }

    /// [`write`](Self::write) for a bus that passes little-endian bytes.
    pub fn write_bytes(&mut self, offset: u64, data: &[u8]) -> Effects {
        self.write(offset, data.len(), data.first().copied().map_or(0, u32::from))
    }

    /// The outside gives the lines in `mask` the levels in `bits`, 1 for high. Lines that are
    /// outputs may be named too: their levels count once they are inputs.
    pub fn set_inputs(&mut self, mask: u8, bits: u8) -> Effects {
        let now = self.inputs & !mask | bits & mask;
        self.change(|model| {
            model.edges |= model.trigger().edges(model.inputs, now) & model.input_lines();
            model.inputs = now;
        })
    }

    /// The lines that the model drives, and their levels.
    #[must_use]
    pub const fn outputs(&self) -> Levels {
        let Pins { driven, data, .. } = self.pins();
        Levels { mask: driven, bits: data & driven }
    }

    /// The levels that the outside last gave the lines.
    #[must_use]
    pub const fn inputs(&self) -> u8 {
        self.inputs
    }

    /// The level of the combined interrupt `GPIOINTR`: whether [`irq_lines`](Self::irq_lines) is
    /// not 0.
    #[must_use]
    pub const fn irq(&self) -> bool {
        self.irq_lines() != 0
    }

    /// The interrupts of the single lines, for a board that wires them apart: `GPIOMIS`.
    #[must_use]
    pub const fn irq_lines(&self) -> u8 {
        self.raw_status() & self.get(Register::Enable)
    }

    /// Number of mistakes the guest has made, over resets and restores.
    #[must_use]
    pub const fn guest_errors(&self) -> u64 {
        self.guest_errors
    }

    /// The state, to be restored later or elsewhere.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            version: Snapshot::VERSION,
            registers: Snapshot::SAVED.map(|register| self.get(register)),
            edges: self.edges,
            inputs: self.inputs,
        }
    }

    /// Takes over a saved state. The effects lead from the present lines and interrupt to the saved
    /// ones.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Version`] if the snapshot is of another version; nothing changes then.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<Effects, SnapshotError> {
        snapshot.check()?;
        Ok(self.change(|model| {
            for (register, value) in Snapshot::SAVED.into_iter().zip(snapshot.registers) {
                model.registers[register as usize] = value;
            }
            model.edges = snapshot.edges;
            model.inputs = snapshot.inputs;
        }))
    }

    fn load(&self, register: Register, offset: u64) -> u8 {
        let inputs = self.input_lines();
        match register {
            Register::Data => {
                let levels = self.get(Register::Data) & !inputs | self.inputs & inputs;
                levels & line_mask(offset)
            }
            Register::RawStatus => self.raw_status(),
            Register::MaskedStatus => self.irq_lines(),
            _ => self.get(register),
        }
    }

    fn store(&mut self, register: Register, offset: u64, value: u8) -> Effects {
        let mut mask = register.entry().writable;
        if register == Register::Data {
            mask &= line_mask(offset);
        }
        self.change(|model| {
            if register == Register::Clear {
                model.edges &= !(value & mask);
            } else {
                let stored = &mut model.registers[register as usize];
                *stored = *stored & !mask | value & mask;
            }
        })
    }

    /// Makes a change, and tells what the outside sees of it.
    fn change(&mut self, change: impl FnOnce(&mut Self)) -> Effects {
        let before = self.pins();
        change(self);
        let now = self.pins();

        let turned = before.driven ^ now.driven;
        let moved = (before.data ^ now.data) & before.driven & now.driven;
        Effects {
            outputs: (moved != 0).then_some(Levels { mask: moved, bits: now.data & moved }),
            direction: (turned != 0).then_some(Directions {
                mask: turned,
                outputs: now.driven & turned,
                bits: now.data & now.driven & turned,
            }),
            irq: (before.irq != now.irq).then_some(now.irq),
            guest_error: None,
        }
    }

    #[cold]
    fn guest_error(&mut self, misuse: Misuse, offset: u64, size: usize, store: bool) -> Effects {
        self.guest_errors = self.guest_errors.saturating_add(1);
        let error = GuestError { misuse, offset, size, store, count: self.guest_errors };
        Effects { guest_error: Some(error), ..Effects::NONE }
    }

    const fn get(&self, register: Register) -> u8 {
        self.registers[register as usize]
    }

    const fn input_lines(&self) -> u8 {
        !self.get(Register::Direction)
    }

    const fn trigger(&self) -> Trigger {
        Trigger {
            sense: self.get(Register::Sense),
            both_edges: self.get(Register::BothEdges),
            event: self.get(Register::Event),
        }
    }

    const fn raw_status(&self) -> u8 {
        self.trigger().raw_status(self.edges, self.inputs, self.input_lines())
    }

    const fn pins(&self) -> Pins {
        Pins {
            driven: self.get(Register::Direction) & !self.get(Register::Mode),
            data: self.get(Register::Data),
            irq: self.irq(),
        }
    }
}

fn reset_values() -> [u8; Register::COUNT] {
    TABLE.each_ref().map(|entry| entry.reset)
}

/// The lines that an access to the data register touches: bits 9 to 2 of the address (3.3.1).
fn line_mask(offset: u64) -> u8 {
    (offset >> 2).to_le_bytes()[0]
}

/// The register of an access, unless the access is wrong or the register is of the kind `refused`.
fn decode(offset: u64, size: usize, refused: Access) -> Result<Register, Misuse> {
    if !matches!(size, 1 | 2 | 4) {
        return Err(Misuse::Size);
    }
    if !offset.is_multiple_of(4) {
        return Err(Misuse::Alignment);
    }
    let register = Register::at(offset).ok_or(Misuse::Reserved)?;
    match register.entry().access {
        Access::Test => Err(Misuse::Test),
        Access::ReadOnly if refused == Access::ReadOnly => Err(Misuse::ReadOnly),
        Access::WriteOnly if refused == Access::WriteOnly => Err(Misuse::WriteOnly),
        _ => Ok(register),
    }
}
