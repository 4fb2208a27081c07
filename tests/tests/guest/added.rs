// SPDX-License-Identifier: MIT OR Apache-2.0
//! A PL061 that `-device` adds to the machine.

use vgpio_protocol::Direction;
use vgpio_tests::harness::{LABEL, Machine, Outside, Vm};

use crate::guest::Bench;

/// A guest whose second chip has lines 11, 12 and 21 of the host.
fn boot(bench: &Bench) -> Vm {
    let map = format!("{LABEL},id=port,vgpios=0:1:4,gpios=11:12:21");
    let machine = Machine::new(&bench.daemon, &[&map]);
    let mut vm = machine.with(&["-device", "pl061,gpiodev=port"]).boot();
    // Whichever of the two chips comes first.
    vm.run("chip=$(gpiodetect | sed -n 's/ .c000000.gpio. .*//p')");
    vm
}

#[test]
fn its_lines_interrupt_the_guest_at_each_edge() {
    const PRESSES: usize = 20;
    let mut bench = Bench::open();
    let mut vm = boot(&bench);
    vm.spawn("gpiomon --banner --format=%E --chip $chip 4", "/tmp/edges");
    vm.wait_for("grep -c Monitoring /tmp/edges", "1");
    for press in 1..=PRESSES {
        bench.world.pull(21, true);
        bench.world.pull(21, false);
        vm.wait_for("grep -c ing$ /tmp/edges", &(2 * press).to_string());
    }
    let edges = vm.run("grep ing$ /tmp/edges | uniq | wc -l");
    assert_eq!(edges, (2 * PRESSES).to_string(), "they alternate");
}

#[test]
fn a_snapshot_brings_back_the_levels_of_its_outputs() {
    let mut bench = Bench::open();
    let mut vm = boot(&bench);
    vm.make_room_for_snapshots();
    vm.run("gpioset --daemonize --chip $chip 0=1 1=0");
    bench.sees_all(&[11, 12], 0b01);
    vm.save("before");
    // Afterwards another level, another direction, and another level of the input.
    vm.run("killall gpioset; gpioget --chip $chip 0; gpioset --daemonize --chip $chip 1=1");
    bench.becomes(11, Direction::Input);
    bench.sees_all(&[12], 0b1);
    bench.world.pull(21, true);
    vm.load("before");
    bench.sees_all(&[11, 12], 0b01);
    // Inputs are what they are now, not what they were.
    vm.wait_for("gpioget --numeric --chip $chip 4", "1");
}
