// SPDX-License-Identifier: MIT OR Apache-2.0
//! A daemon, and the world beyond its chip.

use std::path::PathBuf;
use std::rc::Rc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use vgpio::client::Lines;
use vgpio_protocol::Direction;

use super::{Daemon, Guest, LABEL, Machine, Outside, Vm, eventually, folder, map};

/// A daemon, and the world beyond its chip.
pub struct Bench<W> {
    /// The daemon.
    pub daemon: Daemon,
    /// The world beyond its chip.
    pub world: W,
    /// What the daemon was told.
    pub options: Vec<String>,
}

impl<W: Outside> Bench<W> {
    /// A daemon with these options.
    pub fn new(options: &[&str]) -> Self {
        Self::new_in(&Rc::new(folder()), options)
    }

    /// As [`new`](Self::new), with the sockets of this folder.
    pub fn new_in(folder: &Rc<TempDir>, options: &[&str]) -> Self {
        let mut world = W::new();
        let mut all = world.options();
        all.extend(options.iter().map(|option| (*option).to_owned()));
        let daemon = Daemon::start_in(folder, &all);
        world.meet(&daemon);
        Self { daemon, world, options: all }
    }

    /// A daemon that lends all lines to whoever names them in a line map.
    pub fn open() -> Self {
        Self::new(&["--allow-line-maps"])
    }

    /// A daemon that lends lines of the chip under a name.
    pub fn lending(name: &str, keys: &str) -> Self {
        Self::new(&["--export", &format!("{name}={LABEL},{keys}")])
    }

    /// A daemon that lends lines of the chip as a virtio device, and the device's socket.
    pub fn lending_virtio(keys: &str) -> (Self, PathBuf) {
        let folder = Rc::new(folder());
        let socket = folder.path().join("guest.sock");
        let export = format!("guest={LABEL},{keys}");
        let device = format!("{},export=guest", socket.display());
        let options = ["--export", &export, "--vhost-user", &device];
        (Self::new_in(&folder, &options), socket)
    }

    /// Presses and releases a button, `edges` in all, no two of them closer than this.
    pub fn press(&mut self, offset: u32, edges: u32, apart: Duration) {
        for i in 0..edges {
            let next = Instant::now() + apart;
            self.world.pull(offset, i % 2 == 0);
            sleep(next.saturating_duration_since(Instant::now()));
        }
    }

    /// A client that has these lines.
    pub fn attach(&self, lines: Lines) -> Guest {
        Guest::attach(&self.daemon, lines)
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

    /// Waits until a line has this direction.
    pub fn becomes(&mut self, offset: u32, direction: Direction) {
        let has = || (self.world.info(offset).direction == direction).then_some(());
        eventually(&format!("line {offset} is an {direction:?}"), has);
    }

    /// Waits until the outside sees these levels: bit *i* is that of `offsets[i]`.
    pub fn sees_all(&mut self, offsets: &[u32], levels: u64) {
        let what = format!("lines {offsets:?} are {levels:#b}");
        eventually(&what, || (self.world.levels(offsets) == levels).then_some(()));
    }

    /// Waits until the daemon has noticed that all clients have gone.
    pub fn wait_until_gone(&self) {
        let gone = || self.daemon.status().sessions.is_empty().then_some(());
        eventually("the daemon notices that the client has gone", gone);
    }

    /// Waits until nobody holds a line: a chip that may sleep takes its time.
    pub fn wait_until_free(&mut self, offset: u32) {
        let free = || self.world.info(offset).consumer.is_none().then_some(());
        eventually("the line is given back", free);
    }

    /// Ends the daemon, and starts another with the same options in its place.
    #[must_use]
    pub fn restart(self, end: impl FnOnce(Daemon)) -> Self {
        let Self { daemon, mut world, options } = self;
        let daemon = daemon.replaced(&options, end);
        world.meet(&daemon);
        Self { daemon, world, options }
    }
}

/// A line map of the chip with these keys.
pub fn lines(keys: &str) -> Lines {
    map(&format!("{LABEL},{keys}"))
}
