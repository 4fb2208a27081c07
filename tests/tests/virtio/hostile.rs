// SPDX-License-Identifier: MIT OR Apache-2.0
//! Drivers and monitors that mean harm: whatever they do, service goes on, for others and where it can
//! for them.

use std::io::Write;
use std::os::unix::net::UnixStream;

use vgpio_tests::harness::virtio::ring::{Descriptor, INDIRECT, NEXT, SIZE, WRITE, describe_at};
use vgpio_tests::harness::virtio::{BUFFERS, RAM, RAM_SIZE, VirtioGuest};
use vgpio_tests::harness::{Daemon, Outside};
use vgpio_virtio::{IrqType, Kind};
use vm_memory::{Bytes, GuestAddress};

use super::Device;

/// Where a table of descriptors is.
const TABLE: u64 = BUFFERS + 0x2_0000;
/// Beyond the guest's memory.
const NOWHERE: u64 = RAM + RAM_SIZE + 0x1000;

/// What the device has left of the two bytes of a response and the byte behind them.
fn response(guest: &VirtioGuest) -> [u8; 3] {
    guest.memory.read_obj(GuestAddress(BUFFERS + 8)).expect("in memory")
}

/// A request for the direction of line 0, in front of bytes that must be left alone.
fn request(guest: &mut VirtioGuest) -> u64 {
    let at = guest.write_request(Kind::GetDirection as u16, 0, 0);
    guest.memory.write_obj([0xaa_u8; 3], GuestAddress(at + 8)).expect("in memory");
    at
}

/// Sends a chain; returns how many bytes the device says it has written.
fn send(guest: &mut VirtioGuest, queue: usize, descriptors: &[(u64, u32, u16)]) -> u32 {
    let VirtioGuest { memory, rings, .. } = guest;
    let head = rings[queue].chain(memory, descriptors);
    let (returned, written) = rings[queue].wait(memory);
    assert_eq!(returned, head);
    written
}

#[test]
fn chains_of_any_shape_are_returned() {
    let device = Device::lending("vgpios=0:1,gpios=11:21");
    let mut guest = device.guest();
    let at = request(&mut guest);
    for (descriptors, written, left) in [
        // In pieces, as the standard allows.
        (vec![(at, 3, 0), (at + 3, 5, 0), (at + 8, 1, WRITE), (at + 9, 1, WRITE)], 2, [0, 2, 0xaa]),
        (vec![(at, 0, 0), (at, 8, 0), (at + 8, 0, WRITE), (at + 8, 2, WRITE)], 2, [0, 2, 0xaa]),
        // Room for more than the response.
        (vec![(at, 8, 0), (at + 8, 3, WRITE)], 2, [0, 2, 0xaa]),
        // Room for less.
        (vec![(at, 8, 0), (at + 8, 1, WRITE)], 1, [1, 0xaa, 0xaa]),
        (vec![(at, 8, 0)], 0, [0xaa; 3]),
        // No request, part of one, more than one.
        (vec![(at + 8, 2, WRITE)], 2, [1, 0, 0xaa]),
        (vec![(at, 7, 0), (at + 8, 2, WRITE)], 2, [1, 0, 0xaa]),
        (vec![(at, 9, 0), (at + 8, 2, WRITE)], 2, [1, 0, 0xaa]),
        (vec![(at, 1 << 31, 0), (at + 8, 2, WRITE)], 2, [1, 0, 0xaa]),
        // More than 4 GiB in all.
        (vec![(at, u32::MAX, 0), (at + 8, 2, WRITE)], 0, [0xaa; 3]),
        // In the wrong order, or the wrong direction.
        (vec![(at + 8, 2, WRITE), (at, 8, 0)], 2, [1, 0, 0xaa]),
        (vec![(at, 8, WRITE), (at + 8, 2, 0)], 2, [0xaa; 3]),
        // Outside the memory.
        (vec![(NOWHERE, 8, 0), (at + 8, 2, WRITE)], 2, [1, 0, 0xaa]),
        (vec![(at, 8, 0), (NOWHERE, 2, WRITE)], 0, [0xaa; 3]),
        (vec![(at, 8, 0), (RAM + RAM_SIZE - 1, 2, WRITE)], 0, [0xaa; 3]),
        (vec![(u64::MAX, 8, 0), (u64::MAX, u32::MAX, WRITE)], 0, [0xaa; 3]),
    ] {
        request(&mut guest);
        assert_eq!(send(&mut guest, 0, &descriptors), written, "{descriptors:x?}");
        assert_eq!(response(&guest), left, "{descriptors:x?}");
    }
    guest.ask(Kind::SetDirection, 0, 1);
}

#[test]
fn names_are_not_written_beyond_their_room() {
    let device = Device::lending("vgpios=0:1,gpios=11:21");
    let mut guest = device.guest();
    let size = 12;
    let at = guest.write_request(Kind::GetLineNames as u16, 0, 0);
    guest.memory.write_slice(&[0xaa; 32], GuestAddress(at + 8)).expect("in memory");
    assert_eq!(send(&mut guest, 0, &[(at, 8, 0), (at + 8, size, WRITE)]), 2);
    assert_eq!(response(&guest), [1, 0, 0xaa]);
    let pieces = [(at, 8, 0), (at + 8, 3, WRITE), (at + 11, 1, WRITE), (at + 12, 20, WRITE)];
    assert_eq!(send(&mut guest, 0, &pieces), size + 1);
    let mut names = [0; 14];
    guest.memory.read_slice(&mut names, GuestAddress(at + 8)).expect("in memory");
    assert_eq!(&names, b"\0LED1\0BUTTON\0\xaa");
}

#[test]
fn buffers_of_any_shape_come_back() {
    let device = Device::lending("vgpios=0,gpios=21");
    let mut guest = device.guest();
    guest.arm(0, IrqType::EdgeBoth);
    let at = BUFFERS;
    guest.memory.write_obj(0_u16, GuestAddress(at)).expect("in memory");
    for (descriptors, written) in [
        (vec![(at, 2, 0)], 0),
        (vec![(at, 1, 0), (at + 8, 1, WRITE)], 1),
        (vec![(at, 3, 0), (at + 8, 1, WRITE)], 1),
        (vec![(at + 8, 1, WRITE)], 1),
        (vec![(at, 2, 0), (NOWHERE, 1, WRITE)], 0),
        (vec![(NOWHERE, 2, 0), (at + 8, 1, WRITE)], 1),
    ] {
        guest.memory.write_obj(0xaa_u8, GuestAddress(at + 8)).expect("in memory");
        assert_eq!(send(&mut guest, 1, &descriptors), written, "{descriptors:x?}");
        let status: u8 = guest.memory.read_obj(GuestAddress(at + 8)).expect("in memory");
        assert_eq!(status, if written == 0 { 0xaa } else { 0 }, "{descriptors:x?}");
    }
    for line in [1, 63, 64, u16::MAX] {
        guest.memory.write_obj(line, GuestAddress(at)).expect("in memory");
        assert_eq!(send(&mut guest, 1, &[(at, 2, 0), (at + 8, 1, WRITE)]), 1);
    }
    guest.unmask(0);
    guest.no_interrupt();
}

#[test]
fn indirect_tables_are_followed_and_loops_end() {
    let device = Device::lending("vgpios=0,gpios=21");
    let mut guest = device.guest();
    let at = request(&mut guest);
    let table = |guest: &VirtioGuest, index, address, size, flags, next| {
        describe_at(&guest.memory, TABLE, index, Descriptor { address, size, flags, next });
    };
    table(&guest, 0, at, 8, NEXT, 1);
    table(&guest, 1, at + 8, 2, WRITE, 0);
    assert_eq!(send(&mut guest, 0, &[(TABLE, 32, INDIRECT)]), 2);
    assert_eq!(response(&guest), [0, 2, 0xaa]);
    // A loop of responses, a table within a table, tables of impossible sizes and places.
    table(&guest, 1, at + 8, 2, WRITE | NEXT, 1);
    let whole = 16 * u32::from(SIZE);
    assert_eq!(send(&mut guest, 0, &[(TABLE, whole, INDIRECT)]), 2);
    table(&guest, 1, TABLE, 32, INDIRECT, 0);
    for (address, size) in
        [(TABLE, 32), (TABLE, 31), (TABLE, 0), (NOWHERE, 32), (TABLE, 16 * 70_000), (u64::MAX, 16)]
    {
        assert_eq!(send(&mut guest, 0, &[(address, size, INDIRECT)]), 0, "{address:x} {size}");
    }
    // A loop in the queue's own table.
    let VirtioGuest { memory, rings: [requests, _], .. } = &mut guest;
    let head = requests.allocate();
    requests.describe(memory, head, Descriptor { address: at, size: 1, flags: NEXT, next: head });
    requests.offer(memory, head);
    assert_eq!(requests.wait(memory), (head, 0));
    assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 2);
}

#[test]
fn a_broken_ring_is_told_and_mended_by_a_reset() {
    for head in [SIZE, u16::MAX] {
        let mut device = Device::lending("vgpios=0,gpios=21");
        let mut guest = device.guest();
        let VirtioGuest { memory, rings: [requests, _], .. } = &mut guest;
        requests.offer(memory, head);
        requests.wait_for_error();
        device.bench.daemon.wait_for_log("queue 0 is broken");
        guest.reboot();
        assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 2);
    }
    let device = Device::lending("vgpios=0,gpios=21");
    let mut guest = device.guest();
    let VirtioGuest { memory, rings: [_, events], .. } = &mut guest;
    events.set_available(memory, SIZE + 1);
    events.wait_for_error();
    assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 2, "the other queue is served");
}

/// Whether a guest is served, which another tries to prevent.
pub fn is_served(device: &mut Device, victim: &mut VirtioGuest) {
    let buffer = victim.unmask(0);
    device.bench.world.pull(21, true);
    device.bench.world.pull(21, false);
    assert_eq!(victim.interrupt(0, buffer), 1);
    assert_eq!(victim.ask(Kind::GetValue, 0, 0), 0);
}

#[test]
fn monitors_that_break_the_protocol_harm_nobody_else() {
    let mut device = Device::lending("vgpios=0,gpios=21,shared=on");
    let mut victim = device.guest();
    victim.arm(0, IrqType::EdgeRising);
    let connect = || UnixStream::connect(&device.socket).expect("the daemon listens");
    // Half a message, and nothing more.
    let mut slow = connect();
    slow.write_all(&[1, 0, 0]).expect("the daemon listens");
    // A message of a type that does not exist, and one of impossible length.
    for bytes in [[0xff; 12], [1, 0, 0, 0, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]] {
        connect().write_all(&bytes).expect("the daemon listens");
    }
    // Queues that cannot be.
    let mut bad = VirtioGuest::new(&device.socket);
    bad.connect();
    let frontend = bad.frontend.as_mut().expect("connected");
    vhost::VhostBackend::set_vring_num(frontend, 0, 2048).expect_err("too large");
    let sessions = |daemon: &Daemon| daemon.status().sessions.len();
    vgpio_tests::harness::eventually("those who broke it are gone", || {
        (sessions(&device.bench.daemon) == 2).then_some(())
    });
    is_served(&mut device, &mut victim);
    drop(slow);
}

#[test]
fn a_flood_of_requests_does_not_keep_another_guest_waiting() {
    let mut device = Device::lending("vgpios=0,gpios=21,shared=on");
    let mut victim = device.guest();
    victim.arm(0, IrqType::EdgeRising);
    let mut flood = device.guest();
    let at = flood.write_request(Kind::GetValue as u16, 0, 0);
    let VirtioGuest { memory, rings: [requests, _], .. } = &mut flood;
    for _ in 0..SIZE / 2 {
        requests.chain(memory, &[(at, 8, 0), (at + 8, 2, WRITE)]);
    }
    is_served(&mut device, &mut victim);
    let VirtioGuest { memory, rings: [requests, _], .. } = &mut flood;
    for _ in 0..SIZE / 2 {
        assert_eq!(requests.wait(memory).1, 2);
    }
}
