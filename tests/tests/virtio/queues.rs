// SPDX-License-Identifier: MIT OR Apache-2.0
//! Queues that are moved, stopped, told of late, or go on under another daemon.

use vgpio_tests::harness::Outside;
use vgpio_tests::harness::virtio::ring::{DriverRing, ROOM, WRITE};
use vgpio_tests::harness::virtio::{RAM, RAM_SIZE, VirtioGuest};
use vgpio_virtio::{IrqType, Kind};
use vhost::vhost_user::VhostUserFrontend;
use vhost::{VhostBackend, VhostUserMemoryRegionInfo};
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use super::Device;

#[test]
fn a_queue_that_runs_is_neither_moved_nor_resized() {
    let mut device = Device::lending("vgpios=0,gpios=21,shared=on");
    for i in 0..2 {
        let mut guest = device.guest();
        // Its available ring would end beyond the memory.
        guest.memory.write_obj([0_u16, 5], GuestAddress(RAM + RAM_SIZE - 4)).expect("in memory");
        let mut ring = guest.rings[0].config(&guest.memory);
        ring.avail_ring_addr = ring.desc_table_addr + RAM_SIZE - 4;
        let frontend = guest.frontend.as_mut().expect("connected");
        let moved = match i {
            0 => frontend.set_vring_addr(0, &ring),
            _ => frontend.set_vring_num(0, 512),
        };
        moved.expect_err("it runs");
        device.bench.daemon.wait_for_log("while it runs");
    }
}

#[test]
fn a_queue_whose_memory_is_taken_away_goes_on_when_it_is_back() {
    let device = Device::lending("vgpios=0,gpios=21");
    let mut guest = device.guest();
    let region = guest.memory.iter().next().expect("one region");
    let region = VhostUserMemoryRegionInfo::from_guest_region(region).expect("shared memory");
    let at = guest.write_request(Kind::GetDirection as u16, 0, 0);
    let VirtioGuest { memory, rings: [requests, _], frontend, .. } = &mut guest;
    let frontend = frontend.as_mut().expect("connected");
    let offered = frontend.get_protocol_features().expect("protocol features");
    frontend.set_protocol_features(offered).expect("they were offered");
    for _ in 0..2 {
        frontend.remove_mem_region(&region).expect("it was there");
        let head = requests.chain(memory, &[(at, 8, 0), (at + 8, 2, WRITE)]);
        assert_eq!(frontend.get_queue_num().expect("it is served"), 2);
        assert_eq!(requests.try_take(memory), None);
        frontend.add_mem_region(&region).expect("there is none");
        assert_eq!(requests.wait(memory), (head, 2));
    }
}

#[test]
fn what_was_returned_while_nobody_could_be_told_is_told_later() {
    let device = Device::lending("vgpios=0,gpios=21");
    let mut guest = device.guest();
    let at = guest.write_request(Kind::GetDirection as u16, 0, 0);
    let VirtioGuest { memory, rings: [requests, _], frontend, .. } = &mut guest;
    let frontend = frontend.as_mut().expect("connected");
    // Whoever is told by this does not look.
    let nobody = EventFd::new(EFD_NONBLOCK).expect("an eventfd");
    frontend.set_vring_call(0, &nobody).expect("an eventfd");
    requests.chain(memory, &[(at, 8, 0), (at + 8, 2, WRITE)]);
    while requests.used_index(memory) == 0 {
        std::thread::yield_now();
    }
    // A message is answered after the turn in which the driver would be told.
    assert_eq!(frontend.get_queue_num().expect("it is served"), 2);
    let _ = requests.call.read();
    let call = EventFd::new(EFD_NONBLOCK).expect("an eventfd");
    frontend.set_vring_call(0, &call).expect("an eventfd");
    assert_eq!(call.read().expect("it is told"), 1);
}

#[test]
fn the_buffer_of_a_disarmed_line_is_back_before_the_response() {
    let device = Device::lending("vgpios=0,gpios=21");
    let mut guest = device.guest();
    for i in 1..=5000 {
        guest.arm(0, IrqType::EdgeBoth);
        let buffer = guest.unmask(0);
        let at = guest.write_request(Kind::SetIrqType as u16, 0, IrqType::None as u32);
        let VirtioGuest { memory, rings: [requests, events], .. } = &mut guest;
        let before = requests.used_index(memory);
        requests.chain(memory, &[(at, 8, 0), (at + 8, 2, WRITE)]);
        while requests.used_index(memory) == before {
            std::hint::spin_loop();
        }
        assert_eq!(usize::from(events.used_index(memory)), i, "the buffer comes first");
        assert_eq!(events.try_take(memory), Some((buffer, 1)));
        requests.try_take(memory);
    }
}

#[test]
fn buffers_that_another_daemon_had_are_not_returned_twice() {
    let mut device = Device::lending("vgpios=0:1,gpios=20:21,safe=hold");
    let mut guest = device.guest();
    guest.arm(0, IrqType::EdgeRising);
    guest.arm(1, IrqType::EdgeRising);
    guest.unmask(0);
    let second = guest.unmask(1);
    guest.no_interrupt();
    device.bench.world.pull(21, true);
    assert_eq!(guest.interrupt(1, second), 1);
    device = device.killed();
    guest.reconnect();
    guest.rings[1].wait_for_error();
    device.bench.daemon.wait_for_log("queue 1 is broken; the driver must reset the device");
    guest.no_interrupt();
    let next = guest.pause();
    guest.run(next);
    guest.rings[1].wait_for_error();
    guest.no_interrupt();
    guest.reboot();
    guest.arm(1, IrqType::EdgeRising);
    let buffer = guest.unmask(1);
    guest.no_interrupt();
    device.bench.world.pull(21, false);
    device.bench.world.pull(21, true);
    assert_eq!(guest.interrupt(1, buffer), 1);
}

#[test]
fn a_queue_without_buffers_goes_on_under_another_daemon() {
    let mut device = Device::lending("vgpios=0,gpios=21,safe=hold");
    let mut guest = device.guest();
    guest.arm(0, IrqType::EdgeRising);
    let buffer = guest.unmask(0);
    guest.no_interrupt();
    device.bench.world.pull(21, true);
    assert_eq!(guest.interrupt(0, buffer), 1);
    device = device.killed();
    guest.reconnect();
    device.bench.world.pull(21, false);
    guest.arm(0, IrqType::EdgeRising);
    let buffer = guest.unmask(0);
    guest.no_interrupt();
    device.bench.world.pull(21, true);
    assert_eq!(guest.interrupt(0, buffer), 1);
    let next = guest.pause();
    let buffer = guest.unmask(0);
    guest.run(next);
    guest.no_interrupt();
    device.bench.world.pull(21, false);
    device.bench.world.pull(21, true);
    assert_eq!(guest.interrupt(0, buffer), 1);
}

#[test]
fn a_reset_is_over_when_the_first_queue_runs_again() {
    let device = Device::lending("vgpios=0,gpios=11");
    let mut guest = device.guest();
    let buffer = guest.unmask(0);
    assert_eq!(guest.interrupt(0, buffer), 0, "not armed");
    guest.pause();
    let zero = vec![0; usize::try_from(ROOM).expect("not much")];
    guest.memory.write_slice(&zero, GuestAddress(RAM)).expect("in memory");
    guest.rings[0] = DriverRing::new(RAM);
    let VirtioGuest { memory, rings: [requests, _], frontend, .. } = &mut guest;
    let frontend = frontend.as_mut().expect("connected");
    frontend.set_vring_base(0, 0).expect("an entry");
    frontend.set_vring_addr(0, &requests.config(memory)).expect("in memory");
    frontend.set_vring_call(0, &requests.call).expect("an eventfd");
    frontend.set_vring_kick(0, &requests.kick).expect("an eventfd");
    guest.ask(Kind::SetDirection, 0, 1);
    guest.frontend.as_mut().expect("connected").set_vring_base(1, 0).expect("an entry");
    assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 1, "it is the new driver's");
}
