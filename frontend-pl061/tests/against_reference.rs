// SPDX-License-Identifier: MIT OR Apache-2.0
//! 100,000 random operations on the model and on a reference that shares nothing with it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod reference;

use proptest::prelude::*;
use reference::{Bench, Op};
use vgpio::Snapshot;

fn offset() -> impl Strategy<Value = u64> {
    prop_oneof![
        8 => (0x100..0x109_u64).prop_map(|word| word * 4),
        4 => (0x000..0x100_u64).prop_map(|word| word * 4),
        2 => (0x3f0..0x400_u64).prop_map(|word| word * 4),
        1 => (0x17f..0x188_u64).prop_map(|word| word * 4),
        1 => 0..0x1100_u64,
        1 => any::<u64>(),
    ]
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![12 => prop::sample::select(vec![1, 2, 4]), 1 => 0..=9_usize]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (offset(), size()).prop_map(|(at, size)| Op::Load(at, size)),
        16 => (offset(), size(), any::<u32>()).prop_map(|(at, size, value)| Op::Store(at, size, value)),
        8 => any::<(u8, u8)>().prop_map(|(mask, bits)| Op::Inputs(mask, bits)),
        1 => Just(Op::Reset),
        1 => Just(Op::SaveAndRestore),
        1 => Just(Op::GoBack),
        1 => any::<([u8; 7], u8, u8)>().prop_map(|(registers, edges, inputs)| {
            Op::Restore(Snapshot { version: Snapshot::VERSION, registers, edges, inputs })
        }),
    ]
}

proptest! {
    // 400 runs of 250 operations.
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_model_does_what_the_reference_does(ops in prop::collection::vec(op(), 250)) {
        let mut bench = Bench::new();
        for op in &ops {
            bench.run(op);
        }
        // What no operation happened to load.
        for offset in (0..0x1000).step_by(4) {
            bench.run(&Op::Load(offset, 4));
        }
    }
}
