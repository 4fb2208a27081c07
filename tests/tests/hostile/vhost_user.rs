// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults of vhost-user, and of queues.

use vgpio_tests::harness::VirtioGuest;
use vgpio_tests::hostile::vhost_user::{
    CHAINS, DESCRIPTORS, FLOODS, HUGE, MEMORY, MESSAGES, QUEUES, STILL, Target,
};
use vgpio_tests::hostile::{Fault, seed};
use vgpio_virtio::Kind;

use super::watched::{OWN, SHARED, Watched};

/// Half of the addresses that a process can have.
const HALF_OF_ALL_KIB: u64 = 1 << 36;

/// To a device of one's own, and to one that others have, too.
fn harm_nobody_else(faults: &[Fault<Target>]) {
    let mut watched = Watched::lending();
    for device in [OWN, SHARED] {
        watched.suffers(&watched.device(device), faults);
    }
}

#[test]
fn wrong_messages_harm_nobody_else() {
    harm_nobody_else(MESSAGES);
}

#[test]
fn wrong_descriptors_harm_nobody_else() {
    harm_nobody_else(DESCRIPTORS);
}

#[test]
fn memory_that_cannot_be_harms_nobody_else() {
    harm_nobody_else(MEMORY);
}

#[test]
fn chains_that_no_driver_makes_harm_nobody_else() {
    harm_nobody_else(CHAINS);
}

#[test]
fn rings_that_no_driver_makes_harm_nobody_else() {
    harm_nobody_else(QUEUES);
}

#[test]
fn monitors_that_stop_or_do_not_read_harm_nobody_else() {
    harm_nobody_else(STILL);
}

#[test]
fn floods_harm_nobody_else() {
    harm_nobody_else(FLOODS);
}

/// Monitors that want all addresses that a process can have leave the daemon some for others.
#[test]
fn memory_without_end_leaves_others_their_own() {
    let mut watched = Watched::lending();
    let huge = MEMORY.iter().find(|fault| fault.name == HUGE).expect("it is among them");
    let held = huge.inject(&watched.device(SHARED), seed());
    let addresses = watched.bench.daemon.proc_status("VmSize");
    assert!(addresses < HALF_OF_ALL_KIB, "{addresses} KiB of addresses are taken");
    let mut late = VirtioGuest::start(&watched.device(OWN).socket);
    assert_eq!(late.ask(Kind::GetDirection, 0, 0), 2);
    watched.is_served();
    drop((held, late));
    watched.is_as_before();
}
