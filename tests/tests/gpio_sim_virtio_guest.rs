// SPDX-License-Identifier: MIT OR Apache-2.0
//! A real guest with a virtio device, in an unpatched QEMU, on the kernel's character device, with gpio-sim
//! behind it.

mod virtio_guest;

type Chip = vgpio_tests::harness::GpioSim;

/// Interrupts of levels. Guest, daemon and outside share one CPU, which takes its time.
const PRESSES: u32 = 300;
/// Edges as fast as it goes, which is less than a thousand a second.
const FAST_EDGES: u32 = 2000;
/// Edges at full speed, which take ten times as long as on the simulated block.
const BURST: u32 = 2000;
