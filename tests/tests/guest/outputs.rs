// SPDX-License-Identifier: MIT OR Apache-2.0
//! Directions and levels, by sysfs and by libgpiod's tools.

use vgpio_protocol::Direction;
use vgpio_tests::harness::{LABEL, Machine, Outside, Vm};

use super::{Bench, export, sysfs};

#[test]
fn sysfs_drives_and_reads_lines() {
    let mut bench = Bench::open();
    let mut vm = bench.boot("vgpios=0:1:2,gpios=11:12:21");
    for line in 0..3 {
        vm.run(&export(line));
        assert_eq!(vm.run(&format!("cat {}/direction", sysfs(line))), "in");
    }
    assert_eq!(bench.world.info(11).direction, Direction::Input);
    for (direction, offset, high) in [("high", 11, true), ("low", 11, false), ("out", 12, false)] {
        let line = sysfs(offset - 11);
        vm.run(&format!("echo {direction} >{line}/direction"));
        assert_eq!(vm.run(&format!("cat {line}/direction")), "out");
        assert_eq!(vm.run(&format!("cat {line}/value")), u32::from(high).to_string());
        bench.becomes(offset, Direction::Output);
        bench.sees(offset, high);
    }
    for high in [true, false, true] {
        vm.run(&format!("echo {} >{}/value", u32::from(high), sysfs(1)));
        bench.sees(12, high);
        bench.world.pull(21, high);
        vm.wait_for(&format!("cat {}/value", sysfs(2)), &u32::from(high).to_string());
    }
    turn_to_and_fro(&mut bench, &mut vm);
}

/// Line 0 becomes an input and an output again, over and over.
fn turn_to_and_fro(bench: &mut Bench, vm: &mut Vm) {
    let line = sysfs(0);
    for high in [true, false, true, false] {
        vm.run(&format!("echo in >{line}/direction"));
        // The guest does not wait for the host; and a line that is pulled while it is still driven
        // keeps its level on gpio-sim.
        bench.becomes(11, Direction::Input);
        for pulled in [high, !high] {
            bench.world.pull(11, pulled);
            vm.wait_for(&format!("cat {line}/value"), &u32::from(pulled).to_string());
        }
        vm.run(&format!("echo {} >{line}/direction", if high { "high" } else { "low" }));
        bench.sees(11, high);
    }
}

#[test]
fn libgpiods_tools_drive_and_read_lines() {
    let mut bench = Bench::open();
    let mut vm = bench.boot("vgpios=0:1:2:4,gpios=11:12:13:21");
    vm.run("gpioset --daemonize --chip 0 0=1 1=0 2=1");
    bench.sees_all(&[11, 12, 13], 0b101);
    let info = vm.run("gpioinfo --chip 0 0 4");
    assert!(info.contains("output") && info.contains("consumer=\"gpioset\""), "{info}");
    vm.run("killall gpioset");
    for high in [true, false, true] {
        bench.world.pull(21, high);
        let level = if high { "\"4\"=active" } else { "\"4\"=inactive" };
        vm.wait_for("gpioget --chip 0 4", level);
    }
    // What a set leaves behind goes on: the PL061's driver resets no line.
    vm.run("gpioset --hold-period 10ms --toggle 10ms,10ms,0 --chip 0 0=0 1=1 2=0");
    bench.sees_all(&[11, 12, 13], 0b010);
}

#[test]
fn the_guest_sees_the_names_of_the_hosts_lines() {
    let mut bench = Bench::open();
    let own = format!("{LABEL},vgpios=0:1,gpios=LED1:LED2");
    let more = format!("{LABEL},gpios=13:20:21,vgpios=0:5:7,id=port");
    let machine = Machine::new(&bench.daemon, &[&own, &more]);
    let mut vm = machine.with(&["-device", "pl061,gpiodev=port"]).boot();
    assert_eq!(vm.run("ls -d /dev/gpiochip* | wc -l"), "2");
    let info = vm.run("gpioinfo");
    for name in ["LED1", "LED2", "LED3", "BUTTON"] {
        assert!(info.contains(&format!("\"{name}\"")), "{name}: {info}");
    }
    vm.run("gpioset --hold-period 10ms --toggle 10ms,0 LED1=0 LED3=0");
    bench.sees_all(&[11, 13], 0b11);
    bench.world.pull(21, true);
    vm.wait_for("gpioget BUTTON", "\"BUTTON\"=active");
    bench.world.pull(21, false);
    vm.wait_for("gpioget BUTTON", "\"BUTTON\"=inactive");
}
