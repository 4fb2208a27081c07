// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client test-suite on the kernel's character device, with gpio-sim behind it.

mod suite;

type World = vgpio_tests::harness::GpioSim;
