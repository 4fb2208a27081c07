// SPDX-License-Identifier: MIT OR Apache-2.0
//! Host lines for the GPIO controller of a QEMU as distributions ship it.
//!
//! QEMU needs no change: its qtest server, made for QEMU's own tests of devices, tells what a device
//! does with its outputs, moves its inputs and reads its registers, while the guest runs as ever.
//!
//! ```text
//!   guest ── GPIO controller of QEMU ── qtest socket ── Bridge ── line client ── vgpiod
//!                     IRQ raise 0 ──────────────────────> SET
//!                     set_irq_in ... 5 1 <─────────────── EDGES
//! ```
//!
//! - [`wire`]: the text protocol; bytes in, [`wire::Message`]s out, in bounded memory.
//! - [`bridge`]: what both sides know of the lines; a state machine without sockets and clock.
//! - [`inputs`]: changes of inputs on their way to the guest, at the guest's pace.
//! - [`device`]: the controller, and how it is found through QMP.
//! - [`run`]: sockets, and the loop that waits for them.
#![forbid(unsafe_code)]

pub mod bridge;
pub mod device;
mod error;
pub mod inputs;
mod qmp;
mod run;
mod socket;
pub mod wire;

pub use error::Error;
pub use run::{LOOK_PERIOD, Options, run};
