// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client test-suite on the daemon's simulated block.

mod suite;

use vgpio_tests::harness::Simulated as World;
