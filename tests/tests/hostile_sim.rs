// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frontends that mean harm, to a daemon with the simulated block.

mod hostile;

use nix::sys::utsname::uname;
use vgpio_tests::hostile::native::SLOW_DESCRIPTORS;
use vgpio_tests::hostile::vhost_user;

use hostile::watched::{OWN, SHARED, Watched};

type World = vgpio_tests::harness::Simulated;

/// The first Linux that lets a daemon refuse descriptors.
const REFUSES: (u32, u32) = (6, 16);

#[test]
fn descriptors_that_take_for_ever_to_close_keep_nobody_waiting() {
    let name = uname().expect("the kernel has a name");
    let release = name.release().to_str().expect("a version");
    let mut numbers = release.split(['.', '-']).map(|number| number.parse().unwrap_or(0));
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < REFUSES {
        eprintln!(
            "SKIPPED: Linux {release} has no SO_PASSRIGHTS (6.16): docs/security.md says what that means"
        );
        return;
    }
    let mut watched = Watched::open();
    watched.suffers(&watched.target(), SLOW_DESCRIPTORS);
}

#[test]
fn descriptors_for_a_device_that_take_for_ever_to_close_keep_nobody_else_waiting() {
    let mut watched = Watched::lending();
    for device in [OWN, SHARED] {
        watched.suffers(&watched.device(device), vhost_user::SLOW_DESCRIPTORS);
    }
}
