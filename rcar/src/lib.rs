// SPDX-License-Identifier: MIT OR Apache-2.0
//! Register model of the GPIO block of Renesas R-Car chips (Gen2, Gen3, Gen4), with simulated pads.
//!
//! The model is a value: it does no I/O, starts no thread and reads no clock. A call goes in, the
//! consequences come back as [`Effects`].
//!
//! ```text
//!   driver (Linux, or driver.rs)          the outside world (buttons, loads, wires)
//!        |  read/write at an offset              |  drive, release, pull, wire
//!        v                                       v
//!   regs.rs  ->  block.rs  -- chip drive -->  pads.rs
//!   table        registers <-- pad level ---  32 pads
//!                   |
//!                   v  Effects: pads that changed, interrupt line, contention
//! ```
//!
//! - [`regs`] holds the one table of registers. Dispatch, reset, snapshot, the page of the
//!   registers and the tests over the whole window come from it.
//! - [`Block`] is the block with its pads: [`Block::read`], [`Block::write`], [`Block::irq`],
//!   [`Block::reset`], [`Block::snapshot`], and the outside world of the pads.
//! - [`Driver`] uses a block the way the Linux driver `gpio-rcar` does, over anything that is
//!   [`Mmio`]; [`Bus`] is the model as such.
//! - [`GuestBlock`] is the block as a guest's controller, with lines of somebody else for pads: a store
//!   gives [`GuestEffects`], the lines to be driven and their directions.
//!
//! # A button
//!
//! Line 5 has a pull-up and a button to ground, and interrupts on its falling edge.
//!
//! ```
//! use vgpio_rcar::{Block, Bus, Driver, Generation, Line, Pull, Trigger, regs::Reg};
//!
//! let button = Line::new(5)?;
//! let mut driver = Driver::new(Bus::new(Block::new(Generation::Gen3)), Generation::Gen3);
//! driver.mmio_mut().block.set_pull(button.mask(), Pull::Up);
//! driver.direction_input(button);
//! driver.irq_type(button, Trigger::Falling);
//! driver.irq_enable(button);
//!
//! // Press: the outside drives the pad low.
//! let effects = driver.mmio_mut().block.drive_outside(button.mask(), 0);
//! assert_eq!(effects.changed, button.mask());
//! assert_eq!(effects.irq, Some(true));
//! let intdt = u64::from(Reg::IntDt.offset());
//! assert_eq!(driver.mmio().block.read(intdt, 4)?, button.mask());
//!
//! // The interrupt handler acknowledges it.
//! assert_eq!(driver.handle_irq(), button.mask());
//! assert!(!driver.mmio().block.irq());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where the behaviour comes from
//!
//! The model was written without the chips' hardware manuals. Each fact therefore names the public
//! code that relies on it, above all Linux `drivers/gpio/gpio-rcar.c` (as of 6.12); U-Boot
//! (`drivers/gpio/gpio-rcar.c`) and Zephyr (`drivers/gpio/gpio_rcar.c`) agree with it. Where no public
//! code decides, the model makes a choice:
//!
//! | Question | Answer of the model | Why |
//! |---|---|---|
//! | Does a line in interrupt mode drive its pad? | no, whatever INOUTSEL says | Linux selects "Interrupt Input Mode" by IOINTSEL alone and leaves INOUTSEL |
//! | INTMSK written with 1 | no effect; 0 masks | Linux masks one line by writing all other bits as 1 |
//! | INTCLR and a level request | no effect | a level request follows the level; Linux writes INTCLR at set-up for edges only |
//! | INTDT of a masked line | still shown and still latched | Linux ANDs INTDT with INTMSK itself, and expects edges that come while a handler runs |
//! | INDT of an output, Gen2 | 0 | Linux and U-Boot found it "does not show correct pin state" and read OUTDT |
//! | INDT of an output, Gen3 and later | the pad's level | Linux reads INDT for all lines (`has_always_in`) |
//! | INEN clear, Gen4 | INDT reads 0, nothing is detected | Linux and Zephyr set INEN before they use an input |
//! | POSNEG in general mode | inverts the line, out and in | Linux, U-Boot and Zephyr clear it before general mode |
//! | POSNEG in interrupt mode | picks falling edge or low level; INDT is not inverted | Linux reads the level from INDT whatever the trigger is |
//! | OUTDTH, OUTDTL | 1 sets, 1 clears a second latch that OUTDTSEL selects; read as 0 | the Linux change that clears OUTDTSEL calls them a second interface without read-modify-write |
//! | INTMSKS, MSKCLRS | hold their mask, raise nothing | the output for sub interrupts has no known user |
//! | FILONOFF, FILCLKSEL | hold their value, filter nothing | the model has no clock |
//! | an access that is not 4 bytes, aligned, to a register | refused: [`AccessError`] | all drivers use aligned 32-bit accesses |
//! | a line switched out of interrupt mode | INTDT hides its latched edge, INTCLR drops it | Linux writes INTCLR after it has selected interrupt mode |
//! | two drivers against each other | the low one wins, and it is reported | see [`pads`] |
#![forbid(unsafe_code)]

mod block;
mod driver;
mod effects;
mod guest;
mod line;
pub mod pads;
pub mod regs;
mod snapshot;

pub use block::{AccessError, Block};
pub use driver::{Bus, Direction, Driver, Mmio, Trigger};
pub use effects::Effects;
pub use guest::{GuestBlock, GuestEffects, LineDirections, LineLevels};
pub use line::{LINES, Line, LineError};
pub use pads::{Contention, Drivers, Pads, Pull};
pub use regs::{Generation, UnknownGeneration};
pub use snapshot::{Snapshot, SnapshotError};
