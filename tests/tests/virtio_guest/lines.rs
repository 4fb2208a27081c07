// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines by libgpiod's tools: outputs, inputs and edges.

use std::time::Duration;

use vgpio_protocol::Direction;
use vgpio_tests::harness::Outside;

use super::{BUTTON, LINES, World};

#[test]
fn libgpiods_tools_drive_and_read_lines_by_their_names() {
    let mut world = World::lending(LINES);
    let mut vm = world.boot();
    let info = vm.run("gpioinfo");
    for name in ["LED1", "LED2", "LED3", "BUTTON"] {
        assert!(info.contains(&format!("\"{name}\"")), "{name}: {info}");
    }
    assert!(vm.run("gpiodetect").contains("[virtio0] (6 lines)"));
    vm.run("gpioset --daemonize LED1=1 LED2=0 LED3=1");
    world.bench.sees_all(&[11, 12, 13], 0b101);
    vm.run("killall gpioset");
    // The driver gives lines back when nobody uses them.
    world.bench.becomes(11, Direction::Input);
    for high in [true, false, true] {
        world.bench.world.pull(BUTTON, high);
        let level = if high { "active" } else { "inactive" };
        assert_eq!(vm.run("gpioget BUTTON"), format!("\"BUTTON\"={level}"));
    }
    let status = world.bench.daemon.status();
    assert!(status.sessions[0].virtio && status.sessions[0].counters.errors == 0, "{status:?}");
}

#[test]
fn gpiomon_sees_the_edges_that_it_asks_for() {
    let mut world = World::lending(LINES);
    let mut vm = world.boot();
    for (edges, wanted) in [("rising", "1 1 1"), ("falling", "2 2 2"), ("both", "1 2 1 2 1 2")] {
        vm.spawn(&format!("gpiomon --banner --edges {edges} -F %e BUTTON"), "/tmp/edges");
        vm.wait_for("grep -c Monitoring /tmp/edges", "1");
        for i in 0..6 {
            world.bench.world.pull(BUTTON, i % 2 == 0);
            // The guest, which has one processor, has served the interrupt when it runs a command.
            vm.run("gpioget LED1");
        }
        vm.wait_for("sed 1d /tmp/edges | xargs", wanted);
        vm.run("killall gpiomon");
    }
}

#[test]
fn no_press_of_a_thousand_is_lost() {
    /// The kernel keeps 16 edges for gpiomon until it has its turn.
    const BURST: u32 = 16;
    let mut world = World::lending(LINES);
    let mut vm = world.boot();
    vm.spawn("gpiomon --banner -F %e BUTTON", "/tmp/edges");
    vm.wait_for("grep -c Monitoring /tmp/edges", "1");
    for burst in 1..=2000 / BURST {
        world.bench.press(BUTTON, BURST, Duration::from_millis(5));
        world.wait_for(&mut vm, "grep -c ^[12] /tmp/edges", burst * BURST);
    }
    let counters = world.bench.daemon.status().sessions[0].counters;
    assert_eq!((counters.edges, counters.edges_lost), (2000, 0));
}

#[test]
fn the_outputs_of_a_guest_that_is_killed_become_safe() {
    let mut world = World::lending(&format!("{LINES},safe=low"));
    let mut vm = world.boot();
    vm.run("gpioset --daemonize LED1=1 LED2=1");
    world.bench.sees_all(&[11, 12], 0b11);
    vm.kill();
    world.bench.wait_until_gone();
    world.bench.sees_all(&[11, 12], 0b00);
    let mut vm = world.boot();
    vm.run("gpioset --daemonize LED1=1");
    world.bench.sees(11, true);
}
