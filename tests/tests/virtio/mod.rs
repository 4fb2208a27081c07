// SPDX-License-Identifier: MIT OR Apache-2.0
//! One suite of the daemon's virtio device for every kind of chip, driven by a guest without a virtual
//! machine: the test program that has this module says by its `World` which kind it is.

mod device;
pub mod hostile;
mod life;
mod monitors;
mod queues;
mod restart;

use std::path::PathBuf;

use vgpio_tests::harness::{self, VirtioGuest};

use crate::World;

/// A daemon, its chip, and the socket of its device.
pub struct Device {
    pub bench: harness::Bench<World>,
    pub socket: PathBuf,
}

impl Device {
    /// Lends lines of the chip, with these keys.
    pub fn lending(keys: &str) -> Self {
        let (bench, socket) = harness::Bench::lending_virtio(keys);
        Self { bench, socket }
    }

    /// A guest with the device.
    pub fn guest(&self) -> VirtioGuest {
        VirtioGuest::start(&self.socket)
    }

    /// Ends the daemon by SIGTERM, and starts another in its place.
    pub fn stopped(self) -> Self {
        let Self { bench, socket } = self;
        Self { bench: bench.restart(|daemon| drop(daemon.stop())), socket }
    }

    /// Ends the daemon by SIGKILL, and starts another in its place.
    pub fn killed(self) -> Self {
        let Self { bench, socket } = self;
        Self { bench: bench.restart(harness::Daemon::kill), socket }
    }
}
