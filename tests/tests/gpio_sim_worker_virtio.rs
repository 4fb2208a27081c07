// SPDX-License-Identifier: MIT OR Apache-2.0
//! The daemon's virtio device on gpio-sim as a chip whose operations can sleep, on a worker thread.

mod virtio;

type World = vgpio_tests::harness::GpioSim<true>;
