// SPDX-License-Identifier: MIT OR Apache-2.0
//! A real guest with a virtio device, in an unpatched QEMU, on the kernel's character device, with gpio-sim
//! behind it.

mod virtio_guest;

type Chip = vgpio_tests::harness::GpioSim;
