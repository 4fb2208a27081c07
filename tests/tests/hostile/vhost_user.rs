// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults of vhost-user, and of queues.

use vgpio_tests::hostile::Fault;
use vgpio_tests::hostile::vhost_user::{
    CHAINS, DESCRIPTORS, FLOODS, MEMORY, MESSAGES, QUEUES, STILL, Target,
};

use super::watched::{OWN, SHARED, Watched};

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
