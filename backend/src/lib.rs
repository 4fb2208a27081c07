// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vgpiod`, the daemon that owns host GPIO lines and lends them to guests, as a library.
//!
//! What a guest writes goes down, what a line does comes up; no layer knows two neighbours:
//!
//! ```text
//!   server    event loop: sockets, timers, signals    control  vgpioctl's socket
//!   session   one frontend's conversation             config   what is lent to whom
//!   hub       who holds which lines                 sandbox  what the daemon may still do
//!   chip      gpiochips: cdev, libgpiod, simulated    keep     lines that outlive the daemon
//! ```

#![deny(unsafe_code)]

mod chain;
pub mod chip;
pub mod cli;
mod clock;
pub mod config;
pub mod control;
pub mod ctl;
pub mod hub;
pub mod keep;
pub mod sandbox;
pub mod server;
pub mod session;
mod token;

pub use chain::chain;
