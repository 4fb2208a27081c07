// SPDX-License-Identifier: MIT OR Apache-2.0
//! A real 64-bit Arm guest with a virtio device, in an unpatched QEMU, on the kernel's character device, with
//! gpio-sim behind it.

#[path = "virtio_guest/levels.rs"]
mod levels;
mod virtio_guest;

use std::path::Path;

use vgpio_tests::harness::{GpioSim, Machine};

type Chip = GpioSim;
/// The machine with devices.
const MACHINE: fn(&[&Path]) -> Machine = Machine::virtio;
/// Interrupts of levels. Guest, daemon and outside share one CPU, which takes its time.
const PRESSES: u32 = 200;
/// Edges as fast as it goes, which is less than a thousand a second.
const FAST_EDGES: u32 = 1000;
/// Edges at full speed, which take ten times as long as on the simulated block.
const BURST: u32 = 1000;
