// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines by libgpiod's tools: outputs, inputs, directions and edges; and a frontend that comes later.

use vgpio_protocol::Direction;
use vgpio_tests::harness::{Outside, Qtest};

use super::{BUTTON, LINES, World};
use crate::EDGES;

#[test]
fn libgpiods_tools_drive_and_read_lines() {
    let World { mut bench, mut vm, qtest: _qtest, .. } = World::with(LINES);
    vm.run("gpioset --daemonize --chip 0 0=1 1=0 2=1");
    bench.sees_all(&[11, 12, 13], 0b101);
    vm.run("killall gpioset");
    for levels in [0b010_u64, 0b111, 0b000] {
        let level = |line: u64| levels >> line & 1;
        let set =
            format!("gpioset --toggle 0 --chip 0 0={} 1={} 2={}", level(0), level(1), level(2));
        vm.run(&set);
        bench.sees_all(&[11, 12, 13], levels);
    }
    for high in [true, false, true] {
        bench.world.pull(BUTTON, high);
        vm.wait_for("gpioget --numeric --chip 0 5", &u32::from(high).to_string());
    }
    assert_eq!(bench.daemon.status().sessions[0].counters.errors, 0);
}

#[test]
fn a_change_of_direction_reaches_the_host_also_where_no_level_tells_of_it() {
    let World { mut bench, mut vm, qtest: _qtest, .. } = World::with(LINES);
    for level in [0, 1, 0] {
        vm.run(&format!("gpioset --toggle 0 --chip 0 0={level}"));
        bench.becomes(11, Direction::Output);
        bench.sees(11, level == 1);
        vm.run("gpioget --chip 0 0");
        bench.becomes(11, Direction::Input);
        for high in [true, false] {
            bench.world.pull(11, high);
            vm.wait_for("gpioget --numeric --chip 0 0", &u32::from(high).to_string());
        }
    }
}

#[test]
fn gpiomon_sees_each_edge() {
    let World { mut bench, mut vm, qtest: _qtest, .. } = World::with(LINES);
    vm.spawn("gpiomon --banner -F %e -c 0 5", "/tmp/edges");
    vm.wait_for("grep -c Monitoring /tmp/edges", "1");
    for edge in 1..=EDGES {
        bench.world.pull(BUTTON, edge % 2 == 1);
        // A guest that a busy host holds up could take two edges for one.
        vm.wait_for("grep -c ^[12] /tmp/edges", &edge.to_string());
    }
    assert_eq!(
        vm.run("sed 1d /tmp/edges | uniq -d | wc -l"),
        "0",
        "edges that are as the one before"
    );
    let counters = bench.daemon.status().sessions[0].counters;
    assert_eq!((counters.edges, counters.edges_lost), (EDGES.into(), 0));
}

#[test]
fn a_frontend_that_comes_later_finds_what_the_guest_does() {
    let World { mut bench, mut vm, qtest, folder } = World::with(&format!("{LINES},safe=low"));
    vm.run("gpioset --daemonize --chip 0 0=1 1=0 2=1");
    bench.sees_all(&[11, 12, 13], 0b101);
    qtest.kill();
    bench.wait_until_gone();
    bench.sees_all(&[11, 12, 13], 0b000);
    bench.world.pull(BUTTON, true);
    let _qtest = Qtest::attach(&bench.daemon, folder.path(), LINES, &[]);
    bench.sees_all(&[11, 12, 13], 0b101);
    bench.becomes(12, Direction::Output);
    vm.wait_for("gpioget --numeric --chip 0 5", "1");
    // QEMU does not tell that a line falls which was high when the frontend came.
    vm.run("killall gpioset; gpioset --daemonize --chip 0 0=0 1=0 2=1");
    bench.sees_all(&[11, 12, 13], 0b100);
}
