// SPDX-License-Identifier: MIT OR Apache-2.0
//! Levels and directions.

use vgpio_protocol::Direction;
use vgpio_tests::harness::{Outside, blink_in_turn};

use super::{BUTTON, LEDS, LINE, bench, boot};

#[test]
fn three_leds_blink_in_turn() {
    let mut bench = bench();
    let mut vm = boot(&bench, "vgpios=0:1:2,gpios=11:12:13");
    let base = blink_in_turn(&mut bench, &mut vm, "c000000", [0, 1, 2], LEDS);
    // The driver makes an input of a line that nobody uses any more.
    vm.run(&format!("echo {base} >/sys/class/gpio/unexport"));
    bench.becomes(LEDS[0], Direction::Input);
}

#[test]
fn libgpiods_tools_drive_and_read_lines_by_their_names() {
    let mut bench = bench();
    let mut vm = boot(&bench, &format!("vgpios=0:1:2:{LINE},gpios=11:12:13:{BUTTON}"));
    vm.run("gpioset --daemonize LED1=1 LED2=0 LED3=1");
    bench.sees_all(&LEDS, 0b101);
    for high in [true, false, true] {
        bench.world.pull(BUTTON, high);
        let level = if high { "active" } else { "inactive" };
        vm.wait_for("gpioget BUTTON", &format!("\"BUTTON\"={level}"));
    }
}

#[test]
fn a_set_of_eight_lines_is_one_message() {
    let mut bench = bench();
    let mut vm = boot(&bench, "vgpios=8-15,gpios=8-15");
    // It begins with one level, changes to the other, and ends there.
    let set = |bits: u32| {
        let lines: Vec<_> = (0..8).map(|i| format!("{}={}", 8 + i, bits >> i & 1)).collect();
        format!("gpioset --hold-period 10ms --toggle 10ms,0 --chip 1 {}", lines.join(" "))
    };
    for (round, bits) in [0x00, 0xff, 0xa5, 0x3c].into_iter().enumerate() {
        vm.run(&set(bits));
        let sets = bench.daemon.status().sessions[0].counters.sets;
        assert_eq!(sets, 1 + round as u64, "{bits:#x}");
    }
    for offset in 8..16 {
        bench.becomes(offset, Direction::Input);
    }
    assert_eq!(vm.gpiodev()["counters"]["coalesced"], 0);
}

#[test]
fn lines_have_the_hosts_names_or_cannot_be_used() {
    let bench = bench();
    let mut vm = boot(&bench, "vgpios=1:4:5:31,gpios=11:12:13:21");
    let info = vm.run("gpioinfo --chip 1");
    for (line, name) in [(1, "LED1"), (4, "LED2"), (5, "LED3"), (31, "BUTTON")] {
        let known = |text: &&str| text.contains(&format!("line {line:>3}:")) && text.contains(name);
        assert_eq!(info.lines().filter(known).count(), 1, "{name}: {info}");
    }
    for line in [0, 2, 3, 6, 30] {
        assert_ne!(vm.try_run(&format!("gpioget --chip 1 {line}")).status, 0, "line {line}");
    }
    assert_eq!(vm.run("gpioget --numeric --chip 1 1 4 5 31"), "0 0 0 0");
}
