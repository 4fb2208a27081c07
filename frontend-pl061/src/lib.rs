// SPDX-License-Identifier: MIT OR Apache-2.0
//! The PL061 GPIO controller as a guest sees it.
//!
//! # The register model
//!
//! [`Pl061`] is the register model of the Arm `PrimeCell` PL061 (manual: ARM DDI 0190B). It is a
//! plain value: no I/O, no threads, no clock, no allocation. A guest access or a change of an input
//! goes in, [`Effects`] come out: lines to drive, lines that changed direction, the interrupt, a
//! mistake of the guest. Whoever owns the model acts on them. Any VMM can use it as an MMIO device:
//!
//! ```
//! use vgpio::{Directions, Levels, Pl061};
//!
//! /// What a VMM gives its devices: an interrupt line and, here, eight host lines.
//! #[derive(Default)]
//! struct Board {
//!     irq: bool,
//!     driven: u8,
//!     levels: u8,
//! }
//!
//! /// The device on the VMM's bus.
//! struct Gpio {
//!     model: Pl061,
//!     board: Board,
//! }
//!
//! impl Gpio {
//!     /// A guest load: the whole buffer is filled, whatever the guest does.
//!     fn mmio_read(&mut self, offset: u64, data: &mut [u8]) {
//!         let effects = self.model.read_bytes(offset, data);
//!         self.apply(effects);
//!     }
//!
//!     /// A guest store.
//!     fn mmio_write(&mut self, offset: u64, data: &[u8]) {
//!         let effects = self.model.write_bytes(offset, data);
//!         self.apply(effects);
//!     }
//!
//!     /// A host line changed.
//!     fn line_changed(&mut self, line: u8, high: bool) {
//!         let effects = self.model.set_inputs(1 << line, u8::from(high) << line);
//!         self.apply(effects);
//!     }
//!
//!     fn apply(&mut self, effects: vgpio::Effects) {
//!         if let Some(Directions { mask, outputs, bits }) = effects.direction {
//!             self.board.driven = self.board.driven & !mask | outputs;
//!             self.board.levels = self.board.levels & !mask | bits;
//!         }
//!         if let Some(Levels { mask, bits }) = effects.outputs {
//!             self.board.levels = self.board.levels & !mask | bits;
//!         }
//!         if let Some(irq) = effects.irq {
//!             self.board.irq = irq;
//!         }
//!         if let Some(mistake) = effects.guest_error {
//!             eprintln!("{mistake}");
//!         }
//!     }
//! }
//!
//! let mut gpio = Gpio { model: Pl061::new(), board: Board::default() };
//!
//! // The guest makes line 0 an output and drives it high.
//! gpio.mmio_write(0x400, &[0x01]);
//! gpio.mmio_write(0x004, &[0x01]);
//! assert_eq!((gpio.board.driven, gpio.board.levels), (0x01, 0x01));
//!
//! // It waits for a rising edge of line 3, and gets it.
//! gpio.mmio_write(0x40c, &[0x08]);
//! gpio.mmio_write(0x410, &[0x08]);
//! gpio.line_changed(3, true);
//! assert!(gpio.board.irq);
//!
//! // It reads which line it was, and acknowledges.
//! let mut status = [0; 4];
//! gpio.mmio_read(0x418, &mut status);
//! assert_eq!(status, [0x08, 0, 0, 0]);
//! gpio.mmio_write(0x41c, &[0x08]);
//! assert!(!gpio.board.irq);
//! ```
//!
//! # A tour
//!
//! - [`regs`]: the register table. Dispatch, reset, saved state, the documentation of
//!   [`regs::Register`] and the exhaustive test all come from it.
//! - [`model`]: the state and what an access does to it.
//! - [`irq`]: levels, edges and masks to interrupt status, as pure functions.
//! - [`effects`]: what the owner of a model has to act on.
//! - [`snapshot`]: saved state, as a value and as bytes.
//! - [`client`]: the line client: a session with `vgpiod` for any controller, posted sets,
//!   mirrored inputs, reconnection. It never blocks and starts no thread.
//! - [`controller`]: model and client together: a guest's stores become messages, edges become
//!   interrupts.
//! - `ffi`: model and client for C, `libvgpio`, with the R-Car block of `vgpio_rcar` as another model; its
//!   header is `include/vgpio.h`.

#![deny(unsafe_code)]

pub mod client;
pub mod controller;
pub mod effects;
mod ffi;
pub mod irq;
pub mod model;
pub mod regs;
pub mod snapshot;

pub use effects::{Directions, Effects, GuestError, Levels, Misuse};
pub use model::Pl061;
pub use snapshot::{Snapshot, SnapshotError};
