// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's own programs in guests, on the daemon's simulated block.

mod kernel_tools;

type World = vgpio_tests::harness::Simulated;
