// SPDX-License-Identifier: MIT OR Apache-2.0
//! The same with a chip whose operations may sleep, so that it has a thread.

mod keep;

type World = vgpio_tests::harness::GpioSim<true>;
