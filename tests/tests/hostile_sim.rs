// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frontends that mean harm, to a daemon with the simulated block.

mod hostile;

use nix::sys::utsname::uname;
use vgpio_tests::harness::VirtioGuest;
use vgpio_tests::hostile::native::SLOW_DESCRIPTORS;
use vgpio_tests::hostile::{seed, vhost_user};
use vgpio_virtio::Kind;

use hostile::watched::{OWN, SHARED, Watched};

type World = vgpio_tests::harness::Simulated;

/// Half of the addresses that a process can have.
const HALF_OF_ALL_KIB: u64 = 1 << 36;

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

/// Monitors that want all addresses that a process can have leave the daemon some for others.
#[test]
fn memory_without_end_leaves_others_their_own() {
    let mut watched = Watched::lending();
    for device in [OWN, SHARED] {
        watched.suffers(&watched.device(device), vhost_user::HUGE);
    }
    let huge = vhost_user::HUGE.iter();
    let held: Vec<_> =
        huge.flat_map(|fault| fault.inject(&watched.device(SHARED), seed())).collect();
    let addresses = watched.bench.daemon.proc_status("VmSize");
    assert!(addresses < HALF_OF_ALL_KIB, "{addresses} KiB of addresses are taken");
    let mut late = VirtioGuest::start(&watched.device(OWN).socket);
    assert_eq!(late.ask(Kind::GetDirection, 0, 0), 2);
    watched.is_served();
    drop((held, late));
    watched.is_as_before();
}
