// SPDX-License-Identifier: MIT OR Apache-2.0
//! Guests with a virtio GPIO device, whose virtual machine monitors speak vhost-user.
//!
//! A thread per monitor reads the protocol's messages and hands what they bring, memory and queues, to the
//! event loop, which serves the queues. The device ([`vgpio_virtio`]) is a frontend of an ordinary session.

mod asked;
mod call;
mod chain;
mod control;
mod error;
mod eventfd;
mod fault;
mod guests;
mod inflight;
mod memory;
mod ring;
mod serve;
mod track;
mod vmm;

#[cfg(test)]
pub use call::Call;
pub use guests::{Door, Vmms};
pub use vmm::Vmm;
