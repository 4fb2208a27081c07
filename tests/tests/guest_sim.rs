// SPDX-License-Identifier: MIT OR Apache-2.0
//! A real guest in QEMU on the daemon's simulated block: the suite for every kind of chip, and what does
//! not depend on the kind.

#[path = "guest/added.rs"]
mod added;
#[path = "guest/fast.rs"]
mod fast;
mod guest;
#[path = "guest/lifecycle.rs"]
mod lifecycle;
#[path = "guest/limits.rs"]
mod limits;
#[path = "guest/owners.rs"]
mod owners;
#[path = "guest/refusals.rs"]
mod refusals;

use guest::{Bench, export, sysfs};
use vgpio_tests::harness::{Watcher, pad};

type World = vgpio_tests::harness::Simulated;

#[test]
fn the_outside_sees_every_transition_of_a_loop_in_the_guest() {
    const ROUNDS: u32 = 200;
    let bench = Bench::open();
    let mut outside = Watcher::start(&bench.daemon, (11..14).map(pad).collect());
    let mut vm = bench.boot("vgpios=0:1:2,gpios=11:12:13,init=low");
    for led in 0..3 {
        vm.run(&format!("{}; echo low >{}/direction", export(led), sysfs(led)));
    }
    let leds: Vec<_> = (0..3).map(sysfs).collect();
    vm.run(&format!(
        "for i in $(seq {ROUNDS}); do for led in {}; do echo 1 >$led/value; echo 0 >$led/value; \
         done; done",
        leds.join(" ")
    ));
    for round in 0..ROUNDS {
        for offset in 11..14 {
            for level in [1, 0] {
                let change = outside.change();
                assert_eq!((change.offset, change.level), (offset, level), "round {round}");
            }
        }
    }
    assert_eq!(vm.gpiodev()["counters"]["coalesced"], 0);
}
