// SPDX-License-Identifier: MIT OR Apache-2.0
//! One client test-suite for every kind of chip: the test program that has this module says by its
//! `World` which kind it is.

mod attach;
mod controller;
mod crowd;
mod inputs;
mod lifecycle;
mod limits;
mod outputs;
mod owners;
mod safe;
mod settings;

use vgpio_tests::harness;
use vgpio_tests::harness::lines;

use crate::World;

type Bench = harness::Bench<World>;
