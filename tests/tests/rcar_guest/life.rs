// SPDX-License-Identifier: MIT OR Apache-2.0
//! Guests and daemons that come and go, and two guests on one chip.

use vgpio_protocol::Direction;
use vgpio_tests::harness::{Daemon, LABEL, Machine, Outside, Vm, eventually};

use crate::rcar_guest::{BUTTON, Bench, DEVICE, LEDS, LINE, bench, boot};

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

#[test]
fn two_guests_with_different_controllers_share_a_button_and_have_lamps_each() {
    let mut bench = bench();
    let shared = format!("{LABEL},gpios={BUTTON},shared=on");
    let of = |first: &[String]| {
        let gpiodevs: Vec<_> = first.iter().map(String::as_str).collect();
        Machine::new(&bench.daemon, &gpiodevs)
    };
    let rcar = of(&[
        format!("{LABEL},vgpios=0:1,gpios=11:12,id=bank"),
        format!("{shared},vgpios={LINE},frontend=gpio"),
    ]);
    let pl061 = of(&[format!("{LABEL},vgpios=0,gpios=13"), format!("{shared},vgpios=5")]);
    let (mut one, mut two) = rcar.with(&DEVICE).boot_both(pl061);
    one.run("gpioset --daemonize LED1=1 LED2=0");
    two.run("gpioset --daemonize LED3=1");
    bench.sees_all(&LEDS, 0b101);
    for vm in [&mut one, &mut two] {
        vm.spawn("gpiomon --banner -F %e BUTTON", "/tmp/edges");
        vm.wait_for("grep -c Monitoring /tmp/edges", "1");
    }
    for (high, edges) in [(true, "1"), (false, "1 2"), (true, "1 2 1")] {
        bench.world.pull(BUTTON, high);
        for vm in [&mut one, &mut two] {
            vm.wait_for("sed 1d /tmp/edges | xargs", edges);
        }
    }
    // What one does is nothing to the other, also when it goes.
    two.run("killall gpioset; gpioset --daemonize LED3=0");
    bench.sees_all(&LEDS, 0b001);
    one.kill();
    let alone = || (bench.daemon.status().sessions.len() == 2).then_some(());
    eventually("the first is gone", alone);
    bench.world.pull(BUTTON, false);
    two.wait_for("sed 1d /tmp/edges | xargs", "1 2 1 2");
}
