// SPDX-License-Identifier: MIT OR Apache-2.0
//! Virtual machine monitors: how many there may be, and what they hand over.

use std::fs::File;
use std::io::{IoSlice, Read, pipe};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};
use vgpio_tests::harness::Outside;
use vgpio_tests::harness::virtio::ring::WRITE;
use vgpio_tests::harness::virtio::{RAM, RAM_SIZE, VirtioGuest};
use vgpio_virtio::{IrqType, Kind};
use vhost::vhost_user::VhostUserFrontend;
use vhost::{VhostBackend, VhostUserMemoryRegionInfo};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use super::Device;

/// Messages of the protocol that bring a descriptor of a queue.
const SET_VRING_KICK: u32 = 12;
const SET_VRING_CALL: u32 = 13;
const SET_VRING_ERR: u32 = 14;
/// The version of the protocol, of all messages.
const VERSION: u32 = 1;

#[test]
fn thirty_two_monitors_at_once_are_served() {
    const MONITORS: usize = 32;
    let mut device = Device::lending("vgpios=0,gpios=21,shared=on");
    let mut guests: Vec<_> = (0..MONITORS).map(|_| device.guest()).collect();
    assert_eq!(device.bench.daemon.status().sessions.len(), MONITORS);
    for guest in &mut guests {
        guest.arm(0, IrqType::EdgeBoth);
    }
    for level in [1, 0, 1] {
        let buffers: Vec<_> = guests.iter_mut().map(|guest| guest.unmask(0)).collect();
        // What was queued is taken.
        for guest in &mut guests {
            guest.no_interrupt();
        }
        device.bench.world.pull(21, level == 1);
        for (guest, buffer) in guests.iter_mut().zip(buffers) {
            assert_eq!(guest.interrupt(0, buffer), 1);
            assert_eq!(guest.ask(Kind::GetValue, 0, 0), level);
        }
    }
    drop(guests);
    device.bench.wait_until_gone();
}

#[test]
fn a_queue_that_is_given_another_kick_goes_on_with_that() {
    let device = Device::lending("vgpios=0,gpios=11");
    let mut guest = device.guest();
    guest.ask(Kind::SetDirection, 0, 1);
    let at = guest.write_request(Kind::GetDirection as u16, 0, 0);
    for _ in 0..3 {
        let VirtioGuest { memory, rings: [requests, _], frontend, .. } = &mut guest;
        let frontend = frontend.as_mut().expect("connected");
        let before =
            std::mem::replace(&mut requests.kick, EventFd::new(EFD_NONBLOCK).expect("an eventfd"));
        frontend.set_vring_kick(0, &requests.kick).expect("an eventfd");
        frontend.set_vring_kick(0, &requests.kick).expect("the same again");
        before.write(1).expect("an eventfd");
        let head = requests.chain(memory, &[(at, 8, 0), (at + 8, 2, WRITE)]);
        assert_eq!(requests.wait(memory), (head, 2));
        assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 1, "nothing was forgotten");
    }
}

#[test]
fn memory_has_as_many_slots_as_are_told_and_no_more() {
    const SIZE: u64 = 0x1000;
    let device = Device::lending("vgpios=0,gpios=11");
    let mut guest = device.guest();
    let frontend = guest.frontend.as_mut().expect("connected");
    let offered = frontend.get_protocol_features().expect("protocol features");
    frontend.set_protocol_features(offered).expect("they were offered");
    let slots = frontend.get_max_mem_slots().expect("it was offered");
    let file = File::from(memfd_create("slot", MFdFlags::MFD_CLOEXEC).expect("memory"));
    file.set_len(SIZE).expect("memory");
    let slot = |i: u64| VhostUserMemoryRegionInfo {
        guest_phys_addr: RAM + RAM_SIZE + i * SIZE,
        memory_size: SIZE,
        userspace_addr: i * SIZE,
        mmap_offset: 0,
        mmap_handle: file.as_raw_fd(),
    };
    // One of them is the guest's memory.
    for i in 1..slots {
        frontend.add_mem_region(&slot(i)).expect("there is room");
    }
    frontend.remove_mem_region(&slot(1)).expect("it is there");
    frontend.add_mem_region(&slot(slots)).expect("there is room again");
    assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 2);
    let frontend = guest.frontend.as_mut().expect("connected");
    frontend.add_mem_region(&slot(1)).expect_err("there is no room");
    drop(guest);
    device.bench.wait_until_gone();
}

/// Sends a message with a descriptor for queue 0, without the care that a frontend takes.
fn send(stream: &UnixStream, message: u32, fd: &OwnedFd) {
    let words = [message, VERSION, 8, 0, 0].map(u32::to_ne_bytes).concat();
    let fds = [fd.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&fds)];
    let (bytes, flags) = ([IoSlice::new(&words)], MsgFlags::empty());
    let sent = sendmsg::<UnixAddr>(stream.as_raw_fd(), &bytes, &rights, flags, None);
    assert_eq!(sent, Ok(words.len()));
}

#[test]
fn descriptors_that_are_no_eventfds_are_refused() {
    let mut device = Device::lending("vgpios=0,gpios=21,shared=on");
    let mut victim = device.guest();
    victim.arm(0, IrqType::EdgeRising);
    let file = || File::open("/proc/self/exe").expect("it is there").into();
    let directory = || File::open("/").expect("it is there").into();
    let memory = || memfd_create("memory", MFdFlags::MFD_CLOEXEC).expect("memory");
    let ends = || pipe().expect("a pipe");
    let socket = || UnixStream::pair().expect("sockets").0.into();
    for message in [SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR] {
        let (reader, writer) = ends();
        let fds: [OwnedFd; 6] =
            [file(), directory(), memory(), reader.into(), writer.into(), socket()];
        for (i, fd) in fds.iter().enumerate() {
            let stream = UnixStream::connect(&device.socket).expect("the daemon listens");
            let mut raw = stream.try_clone().expect("a descriptor");
            let mut guest = VirtioGuest::connected(stream);
            guest.ask(Kind::GetDirection, 0, 0);
            send(&raw, message, fd);
            let mut rest = Vec::new();
            raw.read_to_end(&mut rest).expect("the daemon closes it");
            assert!(rest.is_empty(), "message {message}, descriptor {i}: {rest:?}");
            if i == 0 {
                device.bench.daemon.wait_for_log("a file descriptor is no eventfd");
            }
        }
    }
    super::hostile::is_served(&mut device, &mut victim);
}
