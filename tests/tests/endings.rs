// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frontends that end in the middle of things.

use std::os::fd::AsFd;

use nix::sys::signal::Signal;
use vgpio_protocol::{LineSet, Request};
use vgpio_ring::Writer;
use vgpio_tests::harness::{Bench, Outside, Simulated, Watcher, Wire, export, pad};

const SET: Request<'static> = Request::Set(LineSet { mask: 1, bits: 1 });

/// Lends an LED that is low when nobody has it.
fn bench() -> Bench<Simulated> {
    Bench::lending("led", "gpios=11,init=low,safe=low")
}

/// More than a session may ask in a turn, behind something that is answered.
fn much(wire: &mut Wire, last: bool) -> Vec<u8> {
    let mut messages = wire.message(Request::Sync);
    for i in 0..700 {
        let bits = u64::from((i % 2 == 1) == last);
        messages.extend(wire.message(Request::Set(LineSet { mask: 1, bits })));
    }
    messages
}

/// The frontend does not wait for the answer, and so nobody can be told.
fn the_last_level_holds(mut send: impl FnMut(&mut Wire, Option<Writer>, &[u8]), on_ring: bool) {
    let mut bench = Bench::<Simulated>::lending("led", "gpios=11,init=low,safe=hold");
    for last in [true, false].into_iter().cycle().take(10) {
        let mut wire = Wire::connect(&bench.daemon);
        let memory = on_ring.then(|| wire.hello_for_ring("guest"));
        if !on_ring {
            wire.hello("guest");
        }
        wire.attach("led");
        assert!(wire.sync());
        let writer = memory.map(|memory| Writer::open(memory.as_fd()).expect("a ring"));
        if on_ring {
            wire.send(Request::Ring);
        }
        bench.daemon.signal(Signal::SIGSTOP);
        let messages = much(&mut wire, last);
        send(&mut wire, writer, &messages);
        drop(wire);
        bench.daemon.signal(Signal::SIGCONT);
        bench.wait_until_gone();
        assert_eq!(bench.world.level(11), last);
    }
    bench.daemon.stop();
}

#[test]
fn all_that_came_before_the_end_is_carried_out() {
    the_last_level_holds(|wire, _, messages| wire.send_bytes(messages), false);
}

#[test]
fn all_that_stands_in_the_ring_at_the_end_is_carried_out() {
    let through_ring = |_: &mut Wire, writer: Option<Writer>, messages: &[u8]| {
        let mut writer = writer.expect("it is on a ring");
        assert_eq!(writer.write(messages), messages.len());
    };
    the_last_level_holds(through_ring, true);
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
