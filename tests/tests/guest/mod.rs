// SPDX-License-Identifier: MIT OR Apache-2.0
//! One suite of a real guest for every kind of chip: the test program that has this module says by
//! its `World` which kind it is. Each test boots a guest of its own.

pub mod button;
mod interrupts;
mod mission;
mod outputs;

use vgpio_tests::harness;

use crate::World;

pub type Bench = harness::Bench<World>;

/// Where the guest's sysfs has the first line of the machine's own PL061.
pub const LINE_0: u32 = 512;

/// The folder of a line of the machine's own PL061 in the guest's sysfs.
pub fn sysfs(line: u32) -> String {
    format!("/sys/class/gpio/gpio{}", LINE_0 + line)
}

/// What exports a line of the machine's own PL061 to the guest's sysfs.
pub fn export(line: u32) -> String {
    format!("echo {} >/sys/class/gpio/export", LINE_0 + line)
}
