// SPDX-License-Identifier: MIT OR Apache-2.0
//! A real guest in QEMU on the kernel's character device, with gpio-sim behind it.

mod guest;

type World = vgpio_tests::harness::GpioSim;
