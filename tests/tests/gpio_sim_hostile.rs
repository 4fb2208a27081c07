// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frontends that mean harm, to a daemon with the kernel's character device, and gpio-sim behind it.

mod hostile;

type World = vgpio_tests::harness::GpioSim;
