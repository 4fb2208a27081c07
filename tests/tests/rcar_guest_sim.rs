// SPDX-License-Identifier: MIT OR Apache-2.0
//! A real guest with an R-Car GPIO block on the daemon's simulated block: the suite for every kind of chip, and
//! what does not depend on the kind.

#[path = "rcar_guest/fast.rs"]
mod fast;
#[path = "rcar_guest/life.rs"]
mod life;
mod rcar_guest;

type World = vgpio_tests::harness::Simulated;
