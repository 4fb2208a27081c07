// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory that is not, or not any more, what a monitor says: it harms nobody else.

use std::fs::File;

use nix::sys::memfd::{MFdFlags, memfd_create};
use vgpio_tests::harness::eventually;
use vgpio_tests::harness::virtio::ring::WRITE;
use vgpio_tests::harness::virtio::{RAM, RAM_SIZE, VirtioGuest};
use vgpio_virtio::{FEATURE_IRQ, IrqType};

use crate::virtio::Device;
use crate::virtio::hostile::is_served;

/// A guest that can be served or not, beside the one whose memory is bad.
fn device_and_victim() -> (Device, VirtioGuest) {
    let device = Device::lending("vgpios=0,gpios=21,shared=on");
    let mut victim = device.guest();
    victim.arm(0, IrqType::EdgeRising);
    (device, victim)
}

#[test]
fn memory_that_is_cut_short_ends_its_session_and_harms_nobody_else() {
    let (mut device, mut victim) = device_and_victim();
    for (left, session) in [(0, 2), (0x1000, 3), (RAM_SIZE / 2, 4)] {
        let cut = VirtioGuest::start_unsealed(&device.socket);
        let file = vm_memory::GuestMemoryBackend::iter(&cut.memory).next().expect("one region");
        let file = vm_memory::GuestMemoryRegion::file_offset(file).expect("it has a file").file();
        file.set_len(left).expect("it is not sealed");
        for ring in &cut.rings {
            ring.kick.write(1).expect("an eventfd");
        }
        if left < 0x5000 {
            let closed = format!("session {session}: closed: its memory was cut short");
            device.bench.daemon.wait_for_log(&closed);
        }
        is_served(&mut device, &mut victim);
    }
}

#[test]
fn huge_pages_that_are_not_there_harm_nobody() {
    let (mut device, mut victim) = device_and_victim();
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_HUGETLB;
    let file = File::from(memfd_create("guest", flags).expect("the kernel has huge pages"));
    file.set_len(2 << 20).expect("none is needed yet");
    let mut guest = VirtioGuest::with_memory(&device.socket, file);
    guest.connect();
    // Where the host has no huge page to give, it ends the session.
    let _ = guest.try_run(FEATURE_IRQ, [0, 0]);
    is_served(&mut device, &mut victim);
}

#[test]
fn memory_that_is_cut_short_behind_the_queues_ends_its_session() {
    let (mut device, mut victim) = device_and_victim();
    let file = File::from(memfd_create("guest", MFdFlags::MFD_CLOEXEC).expect("memory"));
    file.set_len(16 * RAM_SIZE).expect("memory");
    let owner = file.try_clone().expect("a descriptor");
    let mut guest = VirtioGuest::with_memory(&device.socket, file);
    guest.connect();
    guest.run([0, 0]);
    owner.set_len(RAM_SIZE).expect("it is not sealed");
    let VirtioGuest { memory, rings: [requests, _], .. } = &mut guest;
    requests.chain(memory, &[(RAM + RAM_SIZE, 8, 0), (RAM + 9 * RAM_SIZE, 2, WRITE)]);
    device.bench.daemon.wait_for_log("its memory was cut short");
    eventually("its session is over", || {
        (device.bench.daemon.status().sessions.len() == 1).then_some(())
    });
    is_served(&mut device, &mut victim);
}
