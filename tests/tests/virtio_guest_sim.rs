// SPDX-License-Identifier: MIT OR Apache-2.0
//! Real guests with virtio devices, in an unpatched QEMU, on the daemon's simulated block: the suite for
//! every kind of chip, and what does not depend on the kind.

#[path = "virtio_guest/life.rs"]
mod life;
mod virtio_guest;

type Chip = vgpio_tests::harness::Simulated;

/// Interrupts of levels.
const PRESSES: u32 = 1000;
/// Edges as fast as a thousand a second.
const FAST_EDGES: u32 = 10_000;
/// Edges at full speed.
const BURST: u32 = 10_000;
