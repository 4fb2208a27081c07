// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interrupts by Linux' driver: of edges for gpiomon, of levels for keys in the device tree.

use vgpio_tests::harness::{Outside, Vm, eventually};

use super::{BUTTON, Bench, LINE, boot, machine};

#[test]
fn the_guest_gets_the_edges_that_it_asks_for() {
    let mut bench = Bench::open();
    let mut vm = boot(&bench, &format!("vgpios={LINE},gpios={BUTTON}"));
    for (edges, wanted) in [("rising", "1 1 1"), ("falling", "2 2 2"), ("both", "1 2 1 2 1 2")] {
        vm.spawn(&format!("gpiomon --banner --edges {edges} -F %e BUTTON"), "/tmp/edges");
        vm.wait_for("grep -c Monitoring /tmp/edges", "1");
        for i in 0..6 {
            pull(&mut bench, &mut vm, BUTTON, i % 2 == 0);
            // The interrupt comes before the next command runs in the guest, which has one CPU.
            vm.run("true");
        }
        vm.wait_for("sed 1d /tmp/edges | xargs", wanted);
        vm.run("killall gpiomon");
    }
}

/// Two keys: one is pressed as long as line 5 is high, the other as long as line 6 is low.
const KEYS: &str = "/ { keys { compatible = \"gpio-keys\";
    high { label = \"high\"; linux,code = <30>;
        interrupts-extended = <&{/platform-bus@c000000/gpio@0} 5 4>; };
    low { label = \"low\"; linux,code = <48>;
        interrupts-extended = <&{/platform-bus@c000000/gpio@0} 6 8>; }; }; };";

#[test]
fn level_interrupts_last_as_long_as_the_level() {
    let mut bench = Bench::open();
    bench.world.pull(22, true);
    // One processor is kept for the interrupt, which leaves it no time for anything else.
    let machine = machine(&bench, "vgpios=5:6,gpios=21:22").with(&["-smp", "2"]);
    let mut vm = machine.with_kernel("isolcpus=1").with_nodes(KEYS).boot();
    let parent = vm.run("awk '/c000000.gpio/ {print $1+0}' /proc/interrupts");
    vm.run(&format!("echo 2 >/proc/irq/{parent}/smp_affinity"));
    vm.spawn("cat /dev/input/$(ls /sys/devices/platform/keys/input/*/ | grep event)", "/tmp/keys");
    vm.wait_for("ls -l /proc/$(pidof cat)/fd | grep -c event", "1");
    for (key, code, offset, active) in [("high", 30, 21, true), ("low", 48, 22, false)] {
        for _ in 0..3 {
            let before = interrupts(&mut vm, key);
            pull(&mut bench, &mut vm, offset, active);
            eventually("it interrupts again and again", || {
                (interrupts(&mut vm, key) > before + 10).then_some(())
            });
            vm.wait_for(LAST_EVENT, &format!("{code} 1"));
            pull(&mut bench, &mut vm, offset, !active);
            vm.wait_for(LAST_EVENT, &format!("{code} 0"));
            eventually("it does not interrupt any more", || {
                let before = interrupts(&mut vm, key);
                vm.run("sleep 0.1");
                (interrupts(&mut vm, key) == before).then_some(())
            });
        }
    }
}

/// Code and value of the last event of a key: an event has 24 bytes, the last eight of them type, code and value
/// (Linux, `linux/input.h`).
const LAST_EVENT: &str =
    "od -An -v -t d2 -w24 /tmp/keys | awk '$9 == 1 {print $10, $11}' | tail -n 1";

/// How often a key has interrupted.
fn interrupts(vm: &mut Vm, key: &str) -> u64 {
    let count = vm.run(&format!("awk '/ {key}$/ {{print $2+$3}}' /proc/interrupts"));
    count.parse().unwrap_or_else(|_| panic!("'{count}' interrupts of {key}"))
}

/// Pulls a line, and waits until QEMU has the level.
fn pull(bench: &mut Bench, vm: &mut Vm, offset: u32, high: bool) {
    bench.world.pull(offset, high);
    let has = |line: &serde_json::Value| line["offset"] == offset && line["level"] == high;
    eventually("QEMU has the level", || {
        vm.gpiodev()["lines"].as_array().expect("lines").iter().any(has).then_some(())
    });
}
