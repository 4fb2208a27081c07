// SPDX-License-Identifier: MIT OR Apache-2.0
//! A real guest on a Raspberry Pi 3, whose GPIO controller knows nothing of host lines: Debian's kernel with its own
//! driver and device tree, on the daemon's simulated block.

use vgpio_protocol::Direction;
use vgpio_tests::harness::{Bench, LABEL, Machine, Outside, Simulated};

/// The host's lines of three LEDs, which are GPIO 17, 27 and 22 of the guest.
const LEDS: [u32; 3] = [11, 12, 13];
const GPIOS: [u32; 3] = [17, 27, 22];

#[test]
fn three_leds_blink_in_turn() {
    let mut bench = Bench::<Simulated>::open();
    for offset in LEDS {
        bench.world.pull(offset, false);
    }
    let map = "vgpios=17:27:22,gpios=11:12:13,frontend=/machine/soc/peripherals/gpio";
    let mut vm = Machine::raspi(&bench.daemon, &[&format!("{LABEL},{map}")]).boot();
    let base = vm.run("cd /sys/class/gpio; cat $(dirname $(grep -l bcm2835 */label))/base");
    let base: u32 = base.parse().expect("the number of the first line");
    let sysfs = |led: usize| format!("/sys/class/gpio/gpio{}", base + GPIOS[led]);
    for led in 0..3 {
        vm.run(&format!("echo {} >/sys/class/gpio/export", base + GPIOS[led]));
        vm.run(&format!("echo low >{}/direction", sysfs(led)));
        bench.becomes(LEDS[led], Direction::Output);
    }
    for led in (0..3).cycle().take(9) {
        vm.run(&format!("echo 1 >{}/value", sysfs(led)));
        bench.sees_all(&LEDS, 1 << led);
        vm.run(&format!("echo 0 >{}/value", sysfs(led)));
        bench.sees_all(&LEDS, 0);
    }
    let counters = bench.daemon.status().sessions[0].counters;
    assert_eq!((counters.sets, counters.errors), (18, 0));
    for gpio in GPIOS {
        vm.run(&format!("echo {} >/sys/class/gpio/unexport", base + gpio));
    }
    // libgpiod's tool makes a line an output that is high at once.
    vm.run("gpioset --daemonize --chip 0 17=0 27=1 22=1");
    bench.sees_all(&LEDS, 0b110);
}
