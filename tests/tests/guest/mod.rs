// SPDX-License-Identifier: MIT OR Apache-2.0
//! One suite of a real guest for every kind of chip: the test program that has this module says by
//! its `World` which kind it is. Each test boots a guest of its own.

pub mod button;
mod interrupts;
mod mission;
mod outputs;

use vgpio_tests::harness::{Daemon, LABEL, Machine, Outside, Vm, eventually};

use crate::World;

/// Where the guest's sysfs has the first line of the machine's own PL061.
pub const LINE_0: u32 = 512;

/// A daemon that lends all lines to whoever names them, and the world beyond its chip.
pub struct Bench {
    pub daemon: Daemon,
    pub world: World,
    options: Vec<String>,
}

impl Bench {
    pub fn new() -> Self {
        let mut world = World::new();
        let mut options = world.options();
        options.push("--allow-line-maps".to_owned());
        let daemon = Daemon::start(&options);
        world.meet(&daemon);
        Self { daemon, world, options }
    }

    /// A machine whose own PL061 has these lines of the chip.
    pub fn machine(&self, keys: &str) -> Machine {
        Machine::new(&self.daemon, &[&format!("{LABEL},{keys}")])
    }

    /// Boots such a machine.
    pub fn boot(&self, keys: &str) -> Vm {
        self.machine(keys).boot()
    }

    /// Waits until the outside sees this level of a line.
    pub fn sees(&mut self, offset: u32, high: bool) {
        let what = format!("line {offset} is {}", if high { "high" } else { "low" });
        eventually(&what, || (self.world.level(offset) == high).then_some(()));
    }

    /// Waits until the outside sees these levels: bit *i* is that of `offsets[i]`.
    pub fn sees_all(&mut self, offsets: &[u32], levels: u64) {
        let what = format!("lines {offsets:?} are {levels:#b}");
        eventually(&what, || (self.world.levels(offsets) == levels).then_some(()));
    }

    /// Starts another daemon, with the same options, in the place of one that has ended.
    pub fn restart(self, end: impl FnOnce(Daemon)) -> Self {
        let Self { daemon, mut world, options } = self;
        let daemon = daemon.replaced(&options, end);
        world.meet(&daemon);
        Self { daemon, world, options }
    }
}

/// The folder of a line of the machine's own PL061 in the guest's sysfs.
pub fn sysfs(line: u32) -> String {
    format!("/sys/class/gpio/gpio{}", LINE_0 + line)
}

/// What exports a line of the machine's own PL061 to the guest's sysfs.
pub fn export(line: u32) -> String {
    format!("echo {} >/sys/class/gpio/export", LINE_0 + line)
}
