// SPDX-License-Identifier: MIT OR Apache-2.0
//! Three LEDs that a guest blinks by its sysfs.

use vgpio_protocol::Direction;

use super::{Bench, Outside, Vm};

/// Has the guest blink the LEDs of its lines `gpios` in turn, which are `leds` of the host, and sees each change.
/// Returns the number that its chip's first line has in sysfs, `chip` being a word of the chip's label.
pub fn blink_in_turn<W: Outside>(
    bench: &mut Bench<W>,
    vm: &mut Vm,
    chip: &str,
    gpios: [u32; 3],
    leds: [u32; 3],
) -> u32 {
    let base =
        vm.run(&format!("cd /sys/class/gpio; cat $(dirname $(grep -l {chip} */label))/base"));
    let base: u32 = base.parse().expect("the number of the first line");
    let sysfs = |gpio: u32| format!("/sys/class/gpio/gpio{}", base + gpio);
    for (gpio, led) in gpios.into_iter().zip(leds) {
        vm.run(&format!("echo {} >/sys/class/gpio/export", base + gpio));
        vm.run(&format!("echo low >{}/direction", sysfs(gpio)));
        bench.becomes(led, Direction::Output);
    }
    for (led, gpio) in gpios.into_iter().enumerate().cycle().take(9) {
        vm.run(&format!("echo 1 >{}/value", sysfs(gpio)));
        bench.sees_all(&leds, 1 << led);
        vm.run(&format!("echo 0 >{}/value", sysfs(gpio)));
        bench.sees_all(&leds, 0);
    }
    let counters = bench.daemon.status().sessions[0].counters;
    assert_eq!((counters.sets, counters.errors), (18, 0));
    base
}
