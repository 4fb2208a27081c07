// SPDX-License-Identifier: MIT OR Apache-2.0
//! A daemon that lends an export as a virtio device, and a guest without a virtual machine.

mod device;
mod hostile;
mod life;

use std::path::PathBuf;
use std::rc::Rc;

use vgpio_tests::harness::{self, LABEL, Simulated, VirtioGuest, folder};

/// A daemon, its chip, and the socket of its device.
pub struct Device {
    pub bench: harness::Bench<Simulated>,
    pub socket: PathBuf,
}

impl Device {
    /// Lends lines of the chip, with these keys.
    pub fn lending(keys: &str) -> Self {
        let folder = Rc::new(folder());
        let socket = folder.path().join("guest.sock");
        let export = format!("guest={LABEL},{keys}");
        let device = format!("{},export=guest", socket.display());
        let options = ["--export", &export, "--vhost-user", &device];
        Self { bench: harness::Bench::new_in(&folder, &options), socket }
    }

    /// A guest with the device.
    pub fn guest(&self) -> VirtioGuest {
        VirtioGuest::start(&self.socket)
    }

    /// Ends the daemon by SIGKILL, and starts another in its place.
    pub fn killed(self) -> Self {
        let Self { bench, socket } = self;
        Self { bench: bench.restart(harness::Daemon::kill), socket }
    }
}
