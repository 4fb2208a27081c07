// SPDX-License-Identifier: MIT OR Apache-2.0
//! Guests and daemons that come and go.

use vgpio_protocol::Direction;
use vgpio_tests::harness::{Daemon, Outside, Vm};

use crate::rcar_guest::{BUTTON, Bench, LEDS, LINE, bench, boot};

fn keys() -> String {
    format!("vgpios=0:1:2:{LINE},gpios=11:12:13:{BUTTON}")
}

fn reads(vm: &mut Vm, bench: &mut Bench) {
    for high in [true, false] {
        bench.world.pull(BUTTON, high);
        vm.wait_for("gpioget --numeric BUTTON", &u32::from(high).to_string());
    }
}

#[test]
fn the_guest_runs_on_while_the_daemon_is_gone() {
    let mut bench = bench();
    let mut vm = boot(&bench, &keys());
    vm.run("gpioset --daemonize LED1=1 LED2=0");
    bench.sees_all(&LEDS, 0b001);
    let mut bench = bench.restart(|daemon: Daemon| {
        daemon.kill();
        vm.run("gpioset --daemonize LED3=1");
        assert_ne!(vm.gpiodev()["state"], "attached");
    });
    vm.wait_for_attachment();
    bench.sees_all(&LEDS, 0b101);
    reads(&mut vm, &mut bench);
    assert_eq!(vm.gpiodev()["counters"]["reconnects"], 1);
}

#[test]
fn a_guest_that_boots_again_begins_with_inputs() {
    let mut bench = bench();
    let mut vm = boot(&bench, &keys());
    for _ in 0..2 {
        vm.run("gpioset --daemonize LED1=1 LED3=1");
        bench.sees_all(&LEDS, 0b101);
        vm.reset();
        for offset in LEDS {
            bench.becomes(offset, Direction::Input);
        }
        reads(&mut vm, &mut bench);
    }
}

#[test]
fn a_snapshot_brings_back_the_levels_of_outputs() {
    let mut bench = bench();
    let mut vm = boot(&bench, &keys());
    vm.make_room_for_snapshots();
    vm.run("gpioset --daemonize LED1=1 LED2=0");
    bench.sees_all(&LEDS, 0b001);
    vm.save("before");
    // Afterwards other levels, another direction, and another level of the input.
    vm.run("killall gpioset; gpioset --daemonize LED2=1 LED3=1");
    bench.becomes(11, Direction::Input);
    bench.sees_all(&LEDS, 0b110);
    bench.world.pull(BUTTON, true);
    vm.load("before");
    bench.sees_all(&LEDS, 0b001);
    bench.becomes(13, Direction::Input);
    // Inputs are what they are now, not what they were.
    vm.wait_for("gpioget --numeric BUTTON", "1");
    vm.run("gpioset --daemonize LED3=1");
    bench.sees_all(&LEDS, 0b101);
}
