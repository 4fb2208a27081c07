// SPDX-License-Identifier: MIT OR Apache-2.0
//! One suite of a real guest in an unpatched QEMU for every kind of chip: the test program that has this module
//! says by its `Chip` which kind it is.

mod lines;

use tempfile::TempDir;
use vgpio_tests::harness::{self, Machine, Qtest, Vm, folder};

use crate::Chip;

/// The host's line of the button.
pub const BUTTON: u32 = 21;
/// The lines that the guest of most tests has.
pub const LINES: &str = "vgpios=0:1:2:5,gpios=11:12:13:21";

/// A daemon, a guest, and what is between them.
pub struct World {
    pub bench: harness::Bench<Chip>,
    pub vm: Vm,
    pub qtest: Qtest,
    /// Of QEMU's sockets.
    pub folder: TempDir,
}

impl World {
    /// A guest that has these lines.
    pub fn with(keys: &str) -> Self {
        let bench = harness::Bench::open();
        let folder = folder();
        let vm = Machine::qtest(folder.path()).boot();
        let qtest = Qtest::attach(&bench.daemon, folder.path(), keys, &[]);
        Self { bench, vm, qtest, folder }
    }
}
