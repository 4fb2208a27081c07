// SPDX-License-Identifier: MIT OR Apache-2.0
//! A real guest on a Raspberry Pi 3, whose GPIO controller knows nothing of host lines: Debian's kernel with its own
//! driver and device tree, on the daemon's simulated block.

use vgpio_tests::harness::{Bench, LABEL, Machine, Outside, Simulated, blink_in_turn};

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
    let base = blink_in_turn(&mut bench, &mut vm, "bcm2835", GPIOS, LEDS);
    for gpio in GPIOS {
        vm.run(&format!("echo {} >/sys/class/gpio/unexport", base + gpio));
    }
    // libgpiod's tool makes a line an output that is high at once.
    vm.run("gpioset --daemonize --chip 0 17=0 27=1 22=1");
    bench.sees_all(&LEDS, 0b110);
}
