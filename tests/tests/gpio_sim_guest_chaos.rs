// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever can fail does, again and again, in an order that a seed makes: after each fault every line has the level
//! that was last written, and the daemon holds what it held before.
//!
//! `VGPIO_CHAOS_FAULTS` says how many, `VGPIO_CHAOS_SEED` in which order.

mod chaos;

use std::env;

use chaos::Stage;

/// Faults of a run that nobody asked for more of.
const FAULTS: u64 = 200;
/// Their order, the same each time: what fails in a run of all tests is to fail in the next one, too.
const SEED: u64 = 1;
/// How far it is is told after so many.
const TOLD: u64 = 100;

#[test]
fn whatever_fails_lines_end_as_they_were_last_set() {
    let number = |name| env::var(name).ok().map(|text| text.parse().expect("a number"));
    let faults = number("VGPIO_CHAOS_FAULTS").unwrap_or(FAULTS);
    let seed = number("VGPIO_CHAOS_SEED").unwrap_or(SEED);
    let mut stage = Stage::new(seed);
    for count in 1..=faults {
        stage.suffer();
        stage.check();
        if count % TOLD == 0 {
            println!("{count} of {faults} faults");
        }
    }
    println!("{}", stage.end());
}
