// SPDX-License-Identifier: MIT OR Apache-2.0
//! The virtio device of the daemon, from its driver's side: every message, and interrupts.

use vgpio_protocol::Direction;
use vgpio_tests::harness::Outside;
use vgpio_virtio::{IrqType, Kind};

use super::Device;

const VALID: u8 = 1;
const INVALID: u8 = 0;

#[test]
fn configuration_and_names_are_those_of_the_export() {
    let device = Device::lending("vgpios=0:1:4,gpios=11:20:21");
    let mut guest = device.guest();
    assert_eq!(guest.config(), [5, 0, 0, 0, 15, 0, 0, 0]);
    assert_eq!(guest.config_at(2, 12), [0, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(guest.names(15), b"LED1\0\0\0\0BUTTON\0");
}

#[test]
fn directions_and_levels_reach_the_chip_and_come_from_it() {
    let mut device = Device::lending("vgpios=0:1,gpios=11:21");
    let mut guest = device.guest();
    assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 2);
    assert_eq!(guest.ask(Kind::SetValue, 0, 1), 0);
    assert!(!device.bench.world.level(11), "not yet an output");
    assert_eq!(guest.ask(Kind::SetDirection, 0, 1), 0);
    assert!(device.bench.world.level(11));
    assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 1);
    for level in [0, 1, 0] {
        guest.ask(Kind::SetValue, 0, level);
        assert_eq!(device.bench.world.level(11), level == 1);
        assert_eq!(u32::from(guest.ask(Kind::GetValue, 0, 0)), level);
    }
    guest.ask(Kind::SetDirection, 1, 2);
    for high in [true, false] {
        device.bench.world.pull(21, high);
        assert_eq!(guest.ask(Kind::GetValue, 1, 0), u8::from(high));
    }
    assert_eq!(guest.ask(Kind::SetDirection, 0, 0), 0);
    assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 0);
    assert_eq!(device.bench.world.info(11).direction, Direction::Input);
}

#[test]
fn what_cannot_be_done_fails() {
    let device = Device::lending("vgpios=0:2,gpios=11:21");
    let mut guest = device.guest();
    for (kind, gpio, value) in [
        (Kind::SetDirection, 1, 1),
        (Kind::GetValue, 3, 0),
        (Kind::GetDirection, u16::MAX, 0),
        (Kind::SetDirection, 0, 7),
        (Kind::SetValue, 0, 2),
        (Kind::SetIrqType, 0, 6),
    ] {
        assert_eq!(guest.request(kind, gpio, value), [1, 0], "{kind:?} of line {gpio}: {value}");
    }
    assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 2, "service goes on");
}

#[test]
fn every_edge_makes_an_interrupt() {
    let mut device = Device::lending("vgpios=0,gpios=21");
    let mut guest = device.guest();
    guest.arm(0, IrqType::EdgeBoth);
    for i in 0..1000 {
        let buffer = guest.unmask(0);
        guest.no_interrupt();
        device.bench.world.pull(21, i % 2 == 0);
        assert_eq!(guest.interrupt(0, buffer), VALID, "edge {i}");
    }
}

#[test]
fn edges_that_come_faster_than_buffers_are_told_one_by_one() {
    const EDGES: u32 = 1000;
    let mut device = Device::lending("vgpios=0,gpios=21");
    let mut guest = device.guest();
    guest.arm(0, IrqType::EdgeBoth);
    device.bench.world.wiggle(21, EDGES);
    for i in 0..EDGES {
        let buffer = guest.unmask(0);
        assert_eq!(guest.interrupt(0, buffer), VALID, "edge {i}");
    }
    guest.unmask(0);
    guest.no_interrupt();
}

#[test]
fn a_burst_of_edges_ends_with_the_last_level_and_every_drop_counted() {
    const EDGES: u32 = 10_001;
    let mut device = Device::lending("vgpios=0,gpios=21");
    let mut guest = device.guest();
    guest.arm(0, IrqType::EdgeBoth);
    device.bench.world.wiggle(21, EDGES);
    let mut told = 0;
    loop {
        let buffer = guest.unmask(0);
        guest.ask(Kind::GetDirection, 0, 0);
        let [_, events] = &mut guest.rings;
        if events.try_take(&guest.memory) != Some((buffer, 1)) {
            break;
        }
        told += 1;
    }
    assert_eq!(guest.ask(Kind::GetValue, 0, 0), 1);
    let lost = device.bench.daemon.status().sessions[0].counters.edges_lost;
    assert_eq!(told + lost, u64::from(EDGES), "{told} told, {lost} lost");
}

#[test]
fn a_level_interrupts_while_it_holds() {
    let mut device = Device::lending("vgpios=0,gpios=21");
    let mut guest = device.guest();
    guest.arm(0, IrqType::LevelHigh);
    let mut buffer = guest.unmask(0);
    guest.no_interrupt();
    device.bench.world.pull(21, true);
    for _ in 0..3 {
        assert_eq!(guest.interrupt(0, buffer), VALID);
        buffer = guest.unmask(0);
    }
    assert_eq!(guest.interrupt(0, buffer), VALID);
    device.bench.world.pull(21, false);
    guest.unmask(0);
    guest.no_interrupt();
}

#[test]
fn disarming_returns_the_buffer() {
    let device = Device::lending("vgpios=0:1,gpios=21:20");
    let mut guest = device.guest();
    guest.arm(0, IrqType::EdgeRising);
    let first = guest.unmask(0);
    let second = guest.unmask(0);
    assert_eq!(guest.interrupt(0, second), INVALID, "the line has a buffer");
    guest.ask(Kind::SetIrqType, 0, 0);
    assert_eq!(guest.interrupt(0, first), INVALID);
    let buffer = guest.unmask(1);
    assert_eq!(guest.interrupt(1, buffer), INVALID, "the line is not armed");
}

#[test]
fn a_line_that_is_armed_is_read_without_delay() {
    let mut device = Device::lending("vgpios=0,gpios=21");
    let mut guest = device.guest();
    guest.arm(0, IrqType::EdgeBoth);
    guest.unmask(0);
    for i in 0..200 {
        device.bench.world.pull(21, i % 2 == 0);
        assert_eq!(guest.ask(Kind::GetValue, 0, 0), u8::from(i % 2 == 0));
    }
}

#[test]
fn an_idle_guest_does_not_wake_the_daemon() {
    let device = Device::lending("vgpios=0-7,gpios=0-7");
    let mut guest = device.guest();
    for line in 0..8 {
        guest.arm(line, IrqType::EdgeBoth);
        guest.unmask(line);
    }
    guest.no_interrupt();
    let threads = format!("/proc/{}/task", device.bench.daemon.pid());
    let woken = || {
        let tasks = std::fs::read_dir(&threads).expect("the daemon runs");
        let status = |task: std::io::Result<std::fs::DirEntry>| {
            let path = task.expect("a task").path().join("status");
            std::fs::read_to_string(path).expect("it runs")
        };
        let counts: Vec<_> = tasks.map(status).collect();
        assert_eq!(counts.len(), 2, "the loop, and one thread for the guest's monitor");
        let of = |text: &String| {
            let line = text.lines().find(|line| line.starts_with("voluntary_ctxt_switches"));
            let count = line.and_then(|line| line.split_whitespace().last());
            count.expect("a count").parse::<u64>().expect("a number")
        };
        counts.iter().map(of).sum::<u64>()
    };
    // What is left to do after the last request takes a moment.
    std::thread::sleep(std::time::Duration::from_millis(200));
    let before = woken();
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(woken(), before);
}
