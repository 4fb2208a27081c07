// SPDX-License-Identifier: MIT OR Apache-2.0
//! The daemon's virtio device on the simulated block: the suite for every kind of chip, and what does not
//! depend on the kind.

#[path = "virtio/access.rs"]
mod access;
#[path = "virtio/fast.rs"]
mod fast;
#[path = "virtio/inflight.rs"]
mod inflight;
#[path = "virtio/killed.rs"]
mod killed;
#[path = "virtio/memory.rs"]
mod memory;
mod virtio;
#[path = "virtio/wrap.rs"]
mod wrap;

type World = vgpio_tests::harness::Simulated;
