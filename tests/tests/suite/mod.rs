// SPDX-License-Identifier: MIT OR Apache-2.0
//! One client test-suite for every kind of chip: the test program that has this module says by its
//! `World` which kind it is.

mod attach;
mod controller;
mod crowd;
mod inputs;
mod lifecycle;
mod outputs;
mod owners;
mod safe;
mod settings;

use vgpio::client::Lines;
use vgpio_tests::harness::{Daemon, Guest, LABEL, Outside, eventually, map};

use crate::World;

/// A daemon, and the world beyond its chip.
struct Bench {
    daemon: Daemon,
    world: World,
    options: Vec<String>,
}

impl Bench {
    /// A daemon with these options.
    fn new(options: &[&str]) -> Self {
        let mut world = World::new();
        let mut all = world.options();
        all.extend(options.iter().map(|option| (*option).to_owned()));
        let daemon = Daemon::start(&all);
        world.meet(&daemon);
        Self { daemon, world, options: all }
    }

    /// A daemon that lends all lines to whoever names them in a line map.
    fn open() -> Self {
        Self::new(&["--allow-line-maps"])
    }

    /// A daemon that lends lines of the chip under a name.
    fn lending(name: &str, keys: &str) -> Self {
        Self::new(&["--export", &format!("{name}={LABEL},{keys}")])
    }

    /// A client that has these lines.
    fn attach(&self, lines: Lines) -> Guest {
        Guest::attach(&self.daemon, lines)
    }

    /// Waits until the daemon has noticed that all clients have gone.
    fn wait_until_gone(&self) {
        let gone = || self.daemon.status().sessions.is_empty().then_some(());
        eventually("the daemon notices that the client has gone", gone);
    }

    /// Waits until nobody holds a line: a chip that may sleep takes its time.
    fn wait_until_free(&mut self, offset: u32) {
        let free = || self.world.info(offset).consumer.is_none().then_some(());
        eventually("the line is given back", free);
    }

    /// Ends the daemon, and starts another with the same options in its place.
    fn restart(self, end: impl FnOnce(Daemon)) -> Self {
        let Self { daemon, mut world, options } = self;
        let daemon = daemon.replaced(&options, end);
        world.meet(&daemon);
        Self { daemon, world, options }
    }
}

/// A line map of the chip with these keys.
fn lines(keys: &str) -> Lines {
    map(&format!("{LABEL},{keys}"))
}
