// SPDX-License-Identifier: MIT OR Apache-2.0
//! Real 64-bit Arm guests with virtio devices, in an unpatched QEMU, on the daemon's simulated block.

#[path = "virtio_guest/levels.rs"]
mod levels;
#[path = "virtio_guest/life.rs"]
mod life;
mod virtio_guest;

use std::path::Path;

use vgpio_tests::harness::{Machine, Simulated};

type Chip = Simulated;
/// The machine with devices.
const MACHINE: fn(&[&Path]) -> Machine = Machine::virtio;
/// Interrupts of levels.
const PRESSES: u32 = 1000;
/// Edges as fast as a thousand a second.
const FAST_EDGES: u32 = 10_000;
/// Edges at full speed.
const BURST: u32 = 10_000;
