// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines that outlive the daemon, by a keeper or with systemd.

mod ends;
mod restart;
pub mod store;

use vgpio::client::Event;
use vgpio_tests::harness::{self, Daemon, Guest, Outside, eventually, export};

use crate::World;

pub type Bench = harness::Bench<World>;

/// A daemon whose lines a keeper keeps.
pub fn bench(keys: &str, more: &[&str]) -> Bench {
    let export = format!("guest={},{keys}", harness::LABEL);
    Bench::new(&[&["--keep", "keeper", "--export", &export], more].concat())
}

/// A client of the export.
pub fn guest(bench: &Bench) -> Guest {
    let mut guest = bench.attach(export("guest"));
    guest.forget();
    guest
}

/// Restarts the daemon, and waits until the client has its lines again.
pub fn restart(bench: Bench, guest: &mut Guest, end: impl FnOnce(Daemon)) -> Bench {
    let bench = bench.restart(end);
    attached_again(guest);
    bench
}

/// Waits until a client that has lost its daemon has its lines again.
pub fn attached_again(guest: &mut Guest) {
    guest.event("lines again", |event| matches!(event, Event::Connected).then_some(()));
    guest.sync();
}

/// Waits until a line has no holder.
pub fn is_free(world: &mut World, offset: u32) {
    eventually("the line is free", || world.info(offset).consumer.is_none().then_some(()));
}
