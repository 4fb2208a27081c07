// SPDX-License-Identifier: MIT OR Apache-2.0
//! The control socket: JSON lines, as `docs/control.md` specifies.
//!
//! The daemon implements [`Host`] and makes a [`Connection`] for each client that connects:
//! it calls [`Connection::ready`] when the socket is readable or writable,
//! [`Connection::event`] for every change of a line, and [`Connection::finished`] when a button
//! is let go. [`dispatch`] answers one command and knows no socket. [`Client`] is the other end.

pub mod api;
mod client;
mod connection;
mod dispatch;
mod find;
mod host;
mod request;
mod word;

pub use client::{Client, ClientError, Notice};
pub use connection::{Connection, Progress};
pub use dispatch::{Outcome, Then, dispatch};
pub use host::{Host, LineId, Ticket};
pub use request::{Command, PadLevel, PadPull, PadSet, PressLevel};

/// Longest command, in bytes without its end of line.
pub const MAX_LINE: usize = 64 * 1024;
/// Bytes that may wait for a client before its commands wait too and its events are dropped.
pub const MAX_QUEUE: usize = 256 * 1024;
/// Clients served at once.
pub const MAX_CLIENTS: usize = 64;
/// Lines that one `monitor` or `get` may name.
pub const MAX_NAMES: usize = 1024;
/// How long a button is pressed unless the command says, in milliseconds.
pub const DEFAULT_PRESS_MS: u32 = 100;
/// How long a button may be pressed, in milliseconds: one hour.
pub const MAX_PRESS_MS: u32 = 3_600_000;
