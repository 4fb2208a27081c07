// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interrupts of levels, and a driver of the guest's kernel that takes them by the device tree: gpio-keys, whose
//! keys are pressed as long as interrupts come.

use vgpio_tests::harness::{Machine, Outside, Vm, eventually};

use crate::PRESSES;
use crate::virtio_guest::World;

/// Levels of lines 5 and 6 are keys, by the device tree. The guest answers them by line 0.
const LINES: &str = "vgpios=0:5:6,gpios=11:21:22";
/// The host's line of the answer.
const ANSWER: u32 = 11;
/// The keys' lines, their levels and what their interrupts are called.
const KEYS: [(u32, bool, &str); 2] = [(21, true, "high"), (22, false, "low")];
/// Interrupts for which a level lasts.
const LASTING: u64 = 100;

#[test]
fn keys_at_levels_are_pressed_as_long_as_the_levels_last() {
    let mut world = World::lending(LINES);
    world.bench.world.pull(22, true);
    let mut vm = Machine::virtio_in_device_tree(&world.socket).boot();
    press(&mut world, &mut vm);
    let chip = World::chip(&mut vm);
    for (line, active, name) in KEYS {
        let before = interrupts(&mut vm, name);
        world.bench.world.pull(line, active);
        eventually("the interrupt comes again while the level lasts", || {
            (interrupts(&mut vm, name) > before + LASTING).then_some(())
        });
        world.bench.world.pull(line, !active);
        // The device has heard of it before it answers.
        vm.run(&format!("gpioget -c {chip} 0"));
        assert_eq!(interrupts(&mut vm, name), interrupts(&mut vm, name));
    }
}

/// The guest answers each press and each release.
fn press(world: &mut World, vm: &mut Vm) {
    let input = vm.run("grep -l levels /sys/class/input/event*/device/name | cut -d / -f 5");
    let chip = World::chip(vm);
    vm.spawn(&format!("gpiobench keys /dev/input/{input} {chip} 0"), "/tmp/keys");
    vm.wait_for("grep -c ready /tmp/keys", "1");
    for (line, active, _) in KEYS {
        for _ in 0..PRESSES / 2 {
            world.bench.world.pull(line, active);
            world.bench.sees(ANSWER, true);
            world.bench.world.pull(line, !active);
            world.bench.sees(ANSWER, false);
        }
    }
    vm.run("killall gpiobench");
    let said = World::measured(vm, "/tmp/keys", "presses");
    // More, where an interrupt comes so late that the driver takes the key for released.
    for key in ["presses", "releases"] {
        assert!(said[key].as_u64() >= Some(PRESSES.into()), "{said}");
    }
    let counters = world.bench.daemon.status().sessions[0].counters;
    assert_eq!((counters.edges, counters.edges_lost), (2 * u64::from(PRESSES), 0));
}

/// Interrupts of a key that the guest's kernel has counted.
fn interrupts(vm: &mut Vm, key: &str) -> u64 {
    vm.run(&World::counting(key)).parse().expect("a number")
}
