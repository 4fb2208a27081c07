// SPDX-License-Identifier: MIT OR Apache-2.0
//! The block against an independent reference: 100,000 random operations for each generation, all
//! registers, the interrupt output and the pads compared after every one.
#![allow(clippy::unwrap_used, reason = "tests")]

mod reference;

use proptest::prelude::*;
use reference::operation::Operation::{Drive, Release, Reset, SaveAndRestore, Unwire, Wire, Write};
use reference::operation::{Operation, run};
use vgpio_rcar::Generation;

const CASES: u32 = 100;
const OPERATIONS: usize = 1_000;

fn word() -> impl Strategy<Value = u32> {
    prop_oneof![
        any::<u32>(),
        (any::<u32>(), any::<u32>()).prop_map(|(a, b)| a & b),
        (0..32u32).prop_map(|bit| 1 << bit),
        (0..32u32).prop_map(|bit| !(1 << bit)),
        Just(0),
        Just(u32::MAX),
    ]
}

/// Two pads that are near, so that wires go as often as they come.
fn pair() -> impl Strategy<Value = (u32, u32)> {
    (0..32u32, 0..3u32).prop_map(|(a, step)| (a, (a + step) % 32))
}

fn operation() -> impl Strategy<Value = Operation> {
    let register = (0..0x16u64, word());
    let anywhere = (0..0x1100u64, 0..10u32, word());
    let pull = proptest::option::of(any::<bool>());
    prop_oneof![
        20 => register.prop_map(|(n, value)| Write { offset: 4 * n, size: 4, value }),
        2 => anywhere.prop_map(|(offset, size, value)| Write { offset, size, value }),
        6 => (word(), word()).prop_map(|(mask, bits)| Drive { mask, bits }),
        4 => word().prop_map(|mask| Release { mask }),
        3 => (word(), pull).prop_map(|(mask, pull)| Operation::Pull { mask, pull }),
        1 => pair().prop_map(|(a, b)| Wire { a, b }),
        2 => pair().prop_map(|(a, b)| Unwire { a, b }),
        1 => prop_oneof![8 => Just(SaveAndRestore), 1 => Just(Reset)],
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn gen2_equals_the_reference(operations in prop::collection::vec(operation(), OPERATIONS)) {
        run(Generation::Gen2, &operations);
    }

    #[test]
    fn gen3_equals_the_reference(operations in prop::collection::vec(operation(), OPERATIONS)) {
        run(Generation::Gen3, &operations);
    }

    #[test]
    fn gen4_equals_the_reference(operations in prop::collection::vec(operation(), OPERATIONS)) {
        run(Generation::Gen4, &operations);
    }
}
