// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines that outlive the daemon, on the kernel's gpio-sim.

mod keep;

use nix::sys::signal::{Signal, kill};
use vgpio_tests::harness::{Daemon, Outside, eventually};

use keep::store::keeper_of;
use keep::{bench, guest, restart};

type World = vgpio_tests::harness::GpioSim;

#[test]
fn a_keeper_that_is_stuck_keeps_no_line_from_the_next_client() {
    let mut bench = bench("gpios=5", &["--sandbox", "off"]);
    let mut client = guest(&bench);
    client.drive(1, 1);
    let keeper = eventually("a keeper", || keeper_of(&bench.daemon));
    kill(keeper, Signal::SIGSTOP).expect("it runs");
    drop(client);
    bench.wait_until_gone();
    let mut client = guest(&bench);
    client.drive(1, 1);
    assert!(bench.world.level(5));
    bench = restart(bench, &mut client, Daemon::kill);
    assert!(bench.world.level(5));
}
