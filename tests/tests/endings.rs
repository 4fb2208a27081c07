// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frontends that end in the middle of things.

use nix::sys::signal::Signal;
use vgpio_tests::harness::{Daemon, Guest, LABEL, Outside, Simulated, eventually, export};

/// Readiness for data and the end behind it is told once: the daemon must not miss the end.
#[test]
fn the_last_set_and_the_end_may_come_together() {
    let mut world = Simulated::new();
    let mut options = world.options();
    options.extend(["--export".into(), format!("led={LABEL},gpios=11,init=low,safe=low")]);
    let daemon = Daemon::start(&options);
    world.meet(&daemon);
    for _ in 0..10 {
        let mut guest = Guest::attach(&daemon, export("led"));
        daemon.signal(Signal::SIGSTOP);
        guest.client.set(1, 1);
        drop(guest);
        daemon.signal(Signal::SIGCONT);
        eventually("the session ends", || daemon.status().sessions.is_empty().then_some(()));
        assert!(!world.level(11), "the LED is in its safe state");
    }
    daemon.stop();
}
