// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chips that vanish.

use super::*;

pub fn a_waiting_holder_learns_that_the_chip_is_gone<B: Bench>() {
    for config in [WATCHED, OUTPUT] {
        let mut bench = B::new();
        let mut chip = bench.chip();
        let mut held = take(chip.as_mut(), &[3], config);
        bench.remove();
        wait(held.as_ref(), Instant::now() + DEADLINE);
        let cause = cause(held.read_edges(&mut Vec::with_capacity(1)));
        assert!(matches!(cause, Cause::Gone), "{cause:?}");
    }
}

pub fn a_gone_chip_does_nothing_more<B: Bench>() {
    let mut bench = B::new();
    let mut chip = bench.chip();
    let mut held = take(chip.as_mut(), &[3], OUTPUT);
    bench.remove();
    let causes = [
        cause(held.set(1, 1)),
        cause(held.get(1)),
        cause(held.reconfigure(&[INPUT])),
        cause(held.read_edges(&mut Vec::with_capacity(1))),
        cause(chip.line(3)),
        cause(chip.request(&[(4, INPUT)], "contract")),
    ];
    assert!(causes.iter().all(|cause| matches!(cause, Cause::Gone)), "{causes:?}");
}
