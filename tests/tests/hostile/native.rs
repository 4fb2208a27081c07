// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults of the native protocol.

use vgpio_tests::hostile::native::{BYTES, DESCRIPTORS, FLOODS, RINGS, STILL};

use super::watched::Watched;

#[test]
fn wrong_messages_harm_nobody_else() {
    let mut watched = Watched::open();
    watched.suffers(&watched.target(), BYTES);
}

#[test]
fn who_stops_or_does_not_read_harms_nobody_else() {
    let mut watched = Watched::open();
    watched.suffers(&watched.target(), STILL);
}

#[test]
fn floods_harm_nobody_else() {
    let mut watched = Watched::open();
    watched.suffers(&watched.target(), FLOODS);
}

#[test]
fn rings_against_their_rules_harm_nobody_else() {
    let mut watched = Watched::open();
    watched.suffers(&watched.target(), RINGS);
}

#[test]
fn descriptors_that_nobody_asked_for_harm_nobody_else() {
    let mut watched = Watched::open();
    watched.suffers(&watched.target(), DESCRIPTORS);
}
