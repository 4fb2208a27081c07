// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines that outlive the daemon, on the kernel's gpio-sim.

mod keep;

type World = vgpio_tests::harness::GpioSim;
