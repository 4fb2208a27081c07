// SPDX-License-Identifier: MIT OR Apache-2.0
//! A daemon that is killed, and another in its place: with what the monitor keeps, nothing is lost.

use std::collections::BTreeMap;

use vgpio_tests::harness::virtio::ring::WRITE;
use vgpio_tests::harness::{Outside, VirtioGuest, eventually};
use vgpio_virtio::{EVENT_QUEUE, IrqType, Kind, REQUEST_QUEUE};

use super::Device;

fn kept(device: &Device) -> VirtioGuest {
    VirtioGuest::start_kept(&device.socket)
}

#[test]
fn lines_and_interrupts_go_on_as_the_guest_has_set_them() {
    let mut device = Device::lending("vgpios=0:1:2:3,gpios=11:21:12:13");
    let mut guest = kept(&device);
    guest.ask(Kind::SetDirection, 0, 1);
    guest.ask(Kind::SetValue, 0, 1);
    guest.ask(Kind::SetDirection, 3, 0);
    guest.arm(1, IrqType::EdgeBoth);
    guest.arm(2, IrqType::LevelHigh);
    let [mut button, level] = [1, 2].map(|line| guest.unmask(line));
    guest.no_interrupt();
    for _ in 0..3 {
        device = device.killed();
        guest.reconnect();
        device.bench.sees(11, true);
        device.bench.world.pull(21, true);
        assert_eq!(guest.interrupt(1, button), 1);
        button = guest.unmask(1);
        device.bench.world.pull(21, false);
        assert_eq!(guest.interrupt(1, button), 1);
        button = guest.unmask(1);
        guest.no_interrupt();
        assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 1);
        assert_eq!(guest.ask(Kind::GetDirection, 3, 0), 0);
    }
    device.bench.world.pull(12, true);
    assert_eq!(guest.interrupt(2, level), 1);
}

#[test]
fn a_daemon_that_ends_by_sigterm_leaves_the_same() {
    let mut device = Device::lending("vgpios=0:1,gpios=11:21,safe=low");
    let mut guest = kept(&device);
    guest.ask(Kind::SetDirection, 0, 1);
    guest.ask(Kind::SetValue, 0, 1);
    guest.arm(1, IrqType::EdgeRising);
    let button = guest.unmask(1);
    guest.no_interrupt();
    device = device.stopped();
    guest.reconnect();
    device.bench.sees(11, true);
    device.bench.world.pull(21, true);
    assert_eq!(guest.interrupt(1, button), 1);
}

#[test]
fn a_change_while_no_daemon_ran_is_one_interrupt() {
    let mut device = Device::lending("vgpios=0:1:2,gpios=11:12:21");
    let mut guest = kept(&device);
    let kinds = [IrqType::EdgeRising, IrqType::EdgeFalling, IrqType::EdgeBoth];
    let heads = [0, 1, 2].map(|line| {
        guest.arm(line, kinds[usize::from(line)]);
        guest.unmask(line)
    });
    guest.no_interrupt();
    device = device.killed();
    for line in [11, 12, 21] {
        device.bench.world.pull(line, true);
    }
    guest.reconnect();
    let mut told: Vec<_> = [(); 2].map(|()| guest.rings[EVENT_QUEUE].wait(&guest.memory)).to_vec();
    told.sort_unstable();
    assert_eq!(told, [(heads[0], 1), (heads[2], 1)]);
    for line in [0, 2] {
        guest.unmask(line);
    }
    guest.no_interrupt();
}

#[test]
fn edges_that_waited_for_a_buffer_are_told_by_the_next_daemon() {
    let mut device = Device::lending("vgpios=0,gpios=21");
    let mut guest = kept(&device);
    guest.arm(0, IrqType::EdgeRising);
    for high in [true, false, true, false, true, false] {
        device.bench.world.pull(21, high);
    }
    let edges = || device.bench.daemon.status().sessions[0].counters.edges;
    eventually("all edges have come", || (edges() == 6).then_some(()));
    guest.no_interrupt();
    device = device.killed();
    guest.reconnect();
    for _ in 0..3 {
        let head = guest.unmask(0);
        assert_eq!(guest.interrupt(0, head), 1);
    }
    guest.unmask(0);
    guest.no_interrupt();
    drop(device);
}

#[test]
fn a_request_that_was_taken_is_done_again_and_answered_once() {
    let mut device = Device::lending("vgpios=0,gpios=11");
    let mut guest = kept(&device);
    guest.ask(Kind::SetDirection, 0, 1);
    device = device.killed();
    // As the daemon leaves it that is killed when it has taken a request, and not answered it.
    let at = guest.write_request(Kind::SetValue as u16, 0, 1);
    let VirtioGuest { memory, rings: [requests, _], inflight, .. } = &mut guest;
    let head = requests.chain(memory, &[(at, 8, 0), (at + 8, 2, WRITE)]);
    let inflight = inflight.as_ref().expect("it was asked for");
    inflight.write(inflight.entry(REQUEST_QUEUE, head), &[1]);
    guest.reconnect();
    let VirtioGuest { memory, rings: [requests, _], .. } = &mut guest;
    assert_eq!(requests.wait(memory), (head, 2));
    assert!(device.bench.world.level(11));
    assert_eq!(guest.ask(Kind::GetValue, 0, 0), 1);
    let VirtioGuest { memory, rings: [requests, _], .. } = &mut guest;
    assert_eq!(requests.try_take(memory), None);
}

#[test]
fn a_chain_that_was_just_returned_is_not_returned_again() {
    let mut device = Device::lending("vgpios=0:1,gpios=21:11");
    let mut guest = kept(&device);
    guest.arm(0, IrqType::EdgeRising);
    let head = guest.unmask(0);
    device.bench.world.pull(21, true);
    assert_eq!(guest.interrupt(0, head), 1);
    guest.no_interrupt();
    device = device.killed();
    // As the daemon leaves it that is killed when it has moved the used ring's index, and nothing else.
    let inflight = guest.inflight.as_ref().expect("it was asked for");
    let used = guest.rings[EVENT_QUEUE].used_index(&guest.memory).wrapping_sub(1);
    inflight.write(inflight.queue(EVENT_QUEUE) + 14, &used.to_le_bytes());
    inflight.write(inflight.entry(EVENT_QUEUE, head), &[1]);
    guest.reconnect();
    guest.no_interrupt();
    let head = guest.unmask(0);
    device.bench.world.pull(21, false);
    device.bench.world.pull(21, true);
    assert_eq!(guest.interrupt(0, head), 1);
    let inflight = guest.inflight.as_ref().expect("it was asked for");
    assert_eq!(inflight.heads(EVENT_QUEUE), [0_u16; 0]);
}

#[test]
fn every_buffer_comes_back_exactly_once_however_often_the_daemon_is_killed() {
    const GPIOS: [u32; 4] = [11, 12, 13, 21];
    let mut device = Device::lending("vgpios=0:1:2:3,gpios=11:12:13:21");
    let mut guest = kept(&device);
    for line in 0..4 {
        guest.arm(line, IrqType::EdgeRising);
    }
    let mut out = BTreeMap::new();
    for round in 0..6 {
        for line in 0..4 {
            if !out.values().any(|other| *other == line) {
                out.insert(guest.unmask(line), line);
            }
        }
        let moved = [[0, 3], [1, 2], [2, 3]][round % 3];
        for line in moved {
            device.bench.world.pull(GPIOS[usize::from(line)], true);
            device.bench.world.pull(GPIOS[usize::from(line)], false);
        }
        for _ in moved {
            let (head, written) = guest.rings[EVENT_QUEUE].wait(&guest.memory);
            let line = out.remove(&head).expect("it was out");
            assert!(moved.contains(&line) && written == 1, "round {round}: line {line}");
        }
        guest.no_interrupt();
        let inflight = guest.inflight.as_ref().expect("it was asked for");
        assert_eq!(inflight.heads(EVENT_QUEUE), out.keys().copied().collect::<Vec<_>>());
        device = device.killed();
        guest.reconnect();
    }
    for line in 0..4 {
        guest.ask(Kind::SetIrqType, line, 0);
    }
    let VirtioGuest { memory, rings: [_, events], .. } = &mut guest;
    let mut returned: Vec<_> = out.keys().map(|_| events.wait(memory).0).collect();
    returned.sort_unstable();
    assert_eq!(returned, out.keys().copied().collect::<Vec<_>>());
    assert_eq!(events.try_take(memory), None);
}

#[test]
fn a_pause_and_a_new_boot_leave_what_is_in_flight_right() {
    let mut device = Device::lending("vgpios=0,gpios=21");
    let mut guest = kept(&device);
    guest.arm(0, IrqType::EdgeRising);
    let head = guest.unmask(0);
    guest.no_interrupt();
    // QEMU gives the memory again whenever it starts the queues.
    let next = guest.pause();
    guest.give_inflight().expect("it is the same");
    guest.run(next);
    device.bench.world.pull(21, true);
    assert_eq!(guest.interrupt(0, head), 1);
    guest.unmask(0);
    guest.no_interrupt();
    guest.reboot();
    let inflight = guest.inflight.as_ref().expect("it was asked for");
    assert_eq!(inflight.heads(EVENT_QUEUE), [0_u16; 0]);
    device = device.killed();
    guest.reconnect();
    device.bench.world.pull(21, false);
    device.bench.world.pull(21, true);
    guest.no_interrupt();
    guest.arm(0, IrqType::EdgeRising);
    // Other memory says that the guest has begun anew.
    guest.unmask(0);
    guest.no_interrupt();
    guest.pause();
    guest.ask_inflight();
    guest.give_inflight().expect("it is the daemon's own");
    guest.reboot();
    guest.no_interrupt();
    assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 2);
}
