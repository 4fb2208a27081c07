// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frontends that end in the middle of things.

use nix::sys::signal::Signal;
use vgpio_protocol::{LineSet, Request};
use vgpio_tests::harness::{Bench, Simulated, Watcher, Wire, export, pad};

const SET: Request<'static> = Request::Set(LineSet { mask: 1, bits: 1 });

/// Lends an LED that is low when nobody has it.
fn bench() -> Bench<Simulated> {
    Bench::lending("led", "gpios=11,init=low,safe=low")
}

/// Readiness for data and the end behind it is told once: the daemon must not miss the end, nor
/// what came before.
fn set_and_end(bench: &Bench<Simulated>, set: impl FnOnce()) {
    let mut changes = Watcher::start(&bench.daemon, vec![pad(11)]);
    bench.daemon.signal(Signal::SIGSTOP);
    set();
    bench.daemon.signal(Signal::SIGCONT);
    bench.wait_until_gone();
    assert_eq!([changes.change(), changes.change()].map(|change| change.level), [1, 0]);
}

#[test]
fn the_last_set_and_the_end_may_come_together() {
    let bench = bench();
    for _ in 0..10 {
        let mut guest = bench.attach(export("led"));
        set_and_end(&bench, || {
            guest.client.set(1, 1);
            drop(guest);
        });
    }
    bench.daemon.stop();
}

#[test]
fn the_last_set_and_the_end_may_come_together_through_the_socket() {
    let bench = bench();
    for _ in 0..10 {
        let mut wire = Wire::connect(&bench.daemon);
        wire.hello("guest");
        wire.attach("led");
        assert!(wire.sync());
        set_and_end(&bench, || {
            wire.send(SET);
            drop(wire);
        });
    }
    bench.daemon.stop();
}
