// SPDX-License-Identifier: MIT OR Apache-2.0
//! A real 64-bit x86 guest with a virtio device, in an unpatched QEMU, on the kernel's character device, with
//! gpio-sim behind it.

mod virtio_guest;

use std::path::Path;

use vgpio_tests::harness::{GpioSim, Machine};

type Chip = GpioSim;
/// The machine with devices.
const MACHINE: fn(&[&Path]) -> Machine = Machine::virtio_x86_64;
/// Edges as fast as it goes, which is less than a thousand a second.
const FAST_EDGES: u32 = 500;
/// Edges at full speed, which take ten times as long as on the simulated block.
const BURST: u32 = 500;
