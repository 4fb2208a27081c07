// SPDX-License-Identifier: MIT OR Apache-2.0
//! A real guest in QEMU whose daemon is killed again and again, on the kernel's gpio-sim.

use vgpio_protocol::Direction;
use vgpio_tests::harness::{Bench, Daemon, GpioSim, LABEL, Outside, Seen, Vm, eventually};

type World = GpioSim;

/// Where the guest's sysfs has a line of the machine's own PL061, of which the first is 512.
fn sysfs(line: u32) -> String {
    format!("/sys/class/gpio/gpio{}", 512 + line)
}

/// A guest that drives its lines 0 and 1, which are 11 and 12 of the chip, high and low.
fn driven() -> (Bench<World>, Vm) {
    let export = format!("guest={LABEL},vgpios=0:1:4,gpios=11:12:21,safe=low");
    let mut bench: Bench<World> = Bench::new(&["--keep", "keeper", "--export", &export]);
    let mut vm = vgpio_tests::harness::Machine::new(&bench.daemon, &["export=guest"]).boot();
    for (line, level) in [(0, "high"), (1, "low")] {
        vm.run(&format!(
            "echo {} >/sys/class/gpio/export; echo {level} >{}/direction",
            512 + line,
            sysfs(line)
        ));
    }
    bench.sees_all(&[11, 12], 0b01);
    bench.becomes(12, Direction::Output);
    vm.forget_events();
    (bench, vm)
}

/// Kills the daemon, starts it again, and waits until the guest has its lines.
fn cycle(bench: Bench<World>, vm: &mut Vm) -> Bench<World> {
    let bench = bench.restart(Daemon::kill);
    while vm.event("GPIODEV_CONNECTION")["attached"] != true {}
    bench
}

#[test]
fn no_line_changes_while_the_daemon_is_killed_a_hundred_times() {
    let (mut bench, mut vm) = driven();
    let witnesses = [11, 12].map(|offset| bench.world.witness(offset));
    for _ in 0..100 {
        bench = cycle(bench, &mut vm);
    }
    for witness in witnesses {
        let seen = witness.finish();
        println!("{seen:?}");
        assert_eq!(seen, Seen::unchanged(seen.looks));
    }
    assert_eq!(vm.gpiodev()["counters"]["reconnects"], 100);
    vm.run(&format!("echo 0 >{}/value; echo 1 >{}/value", sysfs(0), sysfs(1)));
    bench.sees_all(&[11, 12], 0b10);
    for high in [true, false] {
        bench.world.pull(21, high);
        vm.wait_for("gpioget --numeric --chip 0 4", &u32::from(high).to_string());
    }
}

#[test]
fn a_guest_that_blinks_blinks_on() {
    let (mut bench, mut vm) = driven();
    let blink =
        format!("while :; do echo 1 >{0}; echo 0 >{0}; usleep 20000; done", sysfs(1) + "/value");
    vm.spawn(&blink, "/tmp/blink");
    for _ in 0..20 {
        bench = cycle(bench, &mut vm);
        // It blinks with this daemon, too.
        let sets = || bench.daemon.status().sessions.first().map_or(0, |s| s.counters.sets);
        let before = sets();
        eventually("the guest blinks", || (sets() >= before + 4).then_some(()));
    }
    let held = bench.world.info(12);
    assert!(held.consumer.is_some());
    assert!(bench.world.level(11), "the other line is as it was");
}
