// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client test-suite on gpio-sim as a chip whose operations can sleep, on a worker thread.

mod suite;

type World = vgpio_tests::harness::GpioSim<true>;
