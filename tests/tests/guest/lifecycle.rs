// SPDX-License-Identifier: MIT OR Apache-2.0
//! Daemon and guest come and go.

use vgpio_protocol::Direction;
use vgpio_tests::harness::{Daemon, Outside, Vm, eventually};

use crate::guest::{Bench, export, sysfs};

/// The guest drives lines 0 and 1 with these levels.
fn drive(vm: &mut Vm, levels: [&str; 2]) {
    for (line, level) in (0..).zip(levels) {
        vm.run(&format!(
            "[ -e {0} ] || {1}; echo {level} >{0}/direction",
            sysfs(line),
            export(line)
        ));
    }
}

#[test]
fn the_guest_runs_on_while_the_daemon_is_gone() {
    let mut bench = Bench::open();
    let mut vm = bench.boot("vgpios=0:1:4,gpios=11:12:21");
    drive(&mut vm, ["high", "low"]);
    bench.sees_all(&[11, 12], 0b01);
    vm.forget_events();
    let mut bench = bench.restart(|daemon: Daemon| {
        daemon.kill();
        let event = vm.event("GPIODEV_CONNECTION");
        assert_eq!((&event["attached"], &event["retry"]), (&false.into(), &true.into()), "{event}");
        assert!(event["reason"].is_string(), "{event}");
        // What it sets now is what the lines become.
        vm.run(&format!("echo 1 >{}/value", sysfs(1)));
        assert_ne!(vm.gpiodev()["state"], "attached");
    });
    while vm.event("GPIODEV_CONNECTION")["attached"] != true {}
    bench.sees_all(&[11, 12], 0b11);
    vm.run(&format!("echo 0 >{}/value", sysfs(0)));
    bench.sees_all(&[11, 12], 0b10);
    for high in [true, false] {
        bench.world.pull(21, high);
        vm.wait_for("gpioget --numeric --chip 0 4", &u32::from(high).to_string());
    }
    assert_eq!(vm.gpiodev()["counters"]["reconnects"], 1);
}

#[test]
fn the_outputs_of_a_guest_that_is_killed_become_safe() {
    let mut bench = Bench::open();
    let gpiodevs =
        ["vgpios=0,gpios=11,safe=low", "vgpios=1,gpios=12,safe=hold", "vgpios=2,gpios=13"];
    let gpiodevs = gpiodevs.map(|keys| format!("{},{keys}", vgpio_tests::harness::LABEL));
    let gpiodevs: Vec<_> = gpiodevs.iter().map(String::as_str).collect();
    let mut vm = vgpio_tests::harness::Machine::new(&bench.daemon, &gpiodevs).boot();
    vm.run("gpioset --daemonize --chip 0 0=1 1=1 2=1");
    bench.sees_all(&[11, 12, 13], 0b111);
    vm.kill();
    bench.sees_all(&[11, 12], 0b10);
    eventually("line 13 is given back", || bench.world.info(13).consumer.is_none().then_some(()));
    assert_eq!(bench.world.info(11).direction, Direction::Output);
    assert_eq!(bench.world.info(12).direction, Direction::Output);
}

/// Lines 11 and 12 become inputs, so that the outside says what they are.
fn become_inputs(bench: &mut Bench) {
    for offset in [11, 12] {
        bench.becomes(offset, Direction::Input);
        bench.world.pull(offset, false);
        bench.sees(offset, false);
    }
}

#[test]
fn a_guest_that_boots_again_begins_with_inputs() {
    let mut bench = Bench::open();
    let mut vm = bench.boot("vgpios=0:1:4,gpios=11:12:21");
    drive(&mut vm, ["high", "high"]);
    bench.sees_all(&[11, 12], 0b11);
    vm.type_reboot();
    become_inputs(&mut bench);
    vm.wait_for_boot();
    for high in [true, false] {
        bench.world.pull(21, high);
        vm.wait_for("gpioget --numeric --chip 0 4", &u32::from(high).to_string());
    }
    drive(&mut vm, ["low", "high"]);
    bench.sees_all(&[11, 12], 0b10);
    vm.reset();
    become_inputs(&mut bench);
    drive(&mut vm, ["high", "low"]);
    bench.sees_all(&[11, 12], 0b01);
    assert!(vm.quit().success());
}

#[test]
fn a_snapshot_brings_back_the_levels_of_outputs() {
    let mut bench = Bench::open();
    let mut vm = bench.boot("vgpios=0:1:4,gpios=11:12:21");
    vm.make_room_for_snapshots();
    drive(&mut vm, ["high", "low"]);
    bench.sees_all(&[11, 12], 0b01);
    bench.world.pull(21, false);
    vm.wait_for("gpioget --numeric --chip 0 4", "0");
    vm.save("before");
    // Afterwards other levels, another direction, and another level of the input.
    vm.run(&format!("echo 0 >{}/value; echo in >{}/direction", sysfs(0), sysfs(1)));
    bench.world.pull(12, true);
    bench.sees_all(&[11, 12], 0b10);
    bench.world.pull(21, true);
    vm.wait_for("gpioget --numeric --chip 0 4", "1");
    vm.load("before");
    bench.sees_all(&[11, 12], 0b01);
    assert_eq!(bench.world.info(12).direction, Direction::Output);
    // Inputs are what they are now, not what they were.
    vm.wait_for("gpioget --numeric --chip 0 4", "1");
    vm.run(&format!("echo 1 >{}/value", sysfs(1)));
    bench.sees_all(&[11, 12], 0b11);
}
