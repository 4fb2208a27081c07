// SPDX-License-Identifier: MIT OR Apache-2.0
//! Real guests in an unpatched QEMU, whose qtest server gives their PL061 lines of the daemon's simulated block:
//! the suite for every kind of chip, and what does not depend on the kind.

#[path = "qtest_guest/life.rs"]
mod life;
mod qtest_guest;
#[path = "qtest_guest/refusals.rs"]
mod refusals;

type Chip = vgpio_tests::harness::Simulated;

/// Edges of the button.
const EDGES: u32 = 1000;
