// SPDX-License-Identifier: MIT OR Apache-2.0
//! A real guest in an unpatched QEMU, whose qtest server gives its PL061 lines of the kernel's character device,
//! with gpio-sim behind it.

mod qtest_guest;

type Chip = vgpio_tests::harness::GpioSim;

/// Edges of the button; each takes a command of a guest that shares its only processor.
const EDGES: u32 = 200;
