// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory for what is in flight that is none, or of any content: it harms nobody else, and nothing comes of
//! it but what a guest may do.

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;

use nix::sys::memfd::{MFdFlags, memfd_create};
use vgpio_protocol::Direction;
use vgpio_tests::harness::virtio::ring::{SIZE, WRITE};
use vgpio_tests::harness::virtio::{Inflight, VirtioGuest};
use vgpio_tests::harness::{Outside, eventually};
use vgpio_virtio::{EVENT_QUEUE, FEATURE_IRQ, IrqType, Kind, QUEUES, REQUEST_QUEUE};
use vhost::VhostBackend;
use vhost::vhost_user::VhostUserFrontend;
use vhost::vhost_user::message::{VhostUserInflight, VhostUserVirtioFeatures};

use crate::virtio::Device;
use crate::virtio::hostile::is_served;

fn device_and_victim() -> (Device, VirtioGuest) {
    let device = Device::lending("vgpios=0,gpios=21,shared=on");
    let mut victim = device.guest();
    victim.arm(0, IrqType::EdgeRising);
    (device, victim)
}

fn memfd(size: u64) -> File {
    let file = File::from(memfd_create("inflight", MFdFlags::MFD_CLOEXEC).expect("memory"));
    file.set_len(size).expect("memory");
    file
}

/// The description and file of a guest's, whose content is as a daemon has left it with a buffer out.
fn left(guest: &mut VirtioGuest) -> (VhostUserInflight, Vec<u8>) {
    let Inflight { described, file } = guest.inflight.as_ref().expect("it was asked for");
    let mut bytes = vec![0; usize::try_from(described.mmap_size).expect("not much")];
    std::os::unix::fs::FileExt::read_exact_at(file, &mut bytes, 0).expect("it is as large");
    (*described, bytes)
}

#[test]
fn what_is_no_such_memory_is_refused() {
    let (mut device, mut victim) = device_and_victim();
    let mut guest = VirtioGuest::start_kept(&device.socket);
    let (right, _) = left(&mut guest);
    guest.kill();
    let size = right.mmap_size;
    let of = |mmap_size, offset, queues, entries| {
        VhostUserInflight::new(mmap_size, offset, queues, entries)
    };
    let folder = device.bench.daemon.folder().path();
    let directory = File::open(folder).expect("it is there");
    let tmpfs = File::open("/dev/shm").expect("it is there");
    let socket = std::os::unix::net::UnixStream::pair().expect("sockets").0;
    let disk = OpenOptions::new().read(true).open("/proc/self/exe").expect("it is there");
    let right_of = |file: File| (right, std::os::fd::OwnedFd::from(file));
    let cases = [
        right_of(memfd(0)),
        right_of(memfd(size - 1)),
        right_of(directory),
        right_of(tmpfs),
        right_of(disk),
        (right, socket.into()),
        (of(size - 64, 0, 2, SIZE), memfd(size).into()),
        (of(size, 4096, 2, SIZE), memfd(size).into()),
        (of(size, 1, 2, SIZE), memfd(2 * size).into()),
        (of(size, u64::MAX - 4095, 2, SIZE), memfd(size).into()),
        (of(u64::MAX, 0, 2, SIZE), memfd(0).into()),
        (of(size, 0, 1, SIZE), memfd(size).into()),
        (of(size, 0, 3, SIZE), memfd(size).into()),
        (of(size, 0, 2, 2 * SIZE), memfd(2 * size).into()),
        (of(size, 0, 2, u16::MAX), memfd(100 * size).into()),
    ];
    for (i, (given, fd)) in cases.into_iter().enumerate() {
        let mut guest = VirtioGuest::new(&device.socket);
        guest.connect();
        let frontend = guest.frontend.as_mut().expect("connected");
        frontend.set_inflight_fd(&given, fd.as_raw_fd()).expect_err(&format!("case {i}"));
    }
    is_served(&mut device, &mut victim);
    eventually("those who tried are gone", || {
        (device.bench.daemon.status().sessions.len() == 1).then_some(())
    });
}

#[test]
fn queues_that_cannot_be_kept_are_refused() {
    let (mut device, mut victim) = device_and_victim();
    let mut guest = VirtioGuest::new(&device.socket);
    guest.connect();
    let frontend = guest.frontend.as_mut().expect("connected");
    for (queues, entries) in [(1, SIZE), (3, SIZE), (2, 2 * SIZE)] {
        let mut other = VirtioGuest::new(&device.socket);
        other.connect();
        let asked = VhostUserInflight::new(0, 0, queues, entries);
        let other = other.frontend.as_mut().expect("connected");
        assert!(other.get_inflight_fd(&asked).is_err(), "{queues} queues of {entries}");
    }
    // Half as many entries as the queues will have.
    let asked = VhostUserInflight::new(0, 0, u16::try_from(QUEUES).expect("two"), SIZE / 2);
    let (given, file) = frontend.get_inflight_fd(&asked).expect("that there may be");
    guest.inflight = Some(Inflight { described: given, file });
    guest.give_inflight().expect("it is the daemon's own");
    // What is in the queues already is not taken: they are larger.
    let frontend = guest.frontend.as_mut().expect("connected");
    let features = FEATURE_IRQ | VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits();
    frontend.set_features(features).expect("they were offered");
    frontend.set_vring_enable(REQUEST_QUEUE, true).expect("it is there");
    let at = guest.write_request(Kind::GetDirection as u16, 0, 0);
    let VirtioGuest { memory, rings: [requests, _], .. } = &mut guest;
    requests.chain(memory, &[(at, 8, 0), (at + 8, 2, WRITE)]);
    guest.try_run(FEATURE_IRQ, [0, 0]).expect_err("the queues are larger");
    is_served(&mut device, &mut victim);
    assert_eq!(guest.rings[REQUEST_QUEUE].try_take(&guest.memory), None);
}

#[test]
fn what_a_daemon_has_left_is_restored_once_for_a_connection() {
    let (mut device, mut victim) = device_and_victim();
    let mut guest = VirtioGuest::start_kept(&device.socket);
    let (described, bytes) = left(&mut guest);
    let file = memfd(described.mmap_size);
    std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).expect("it is as large");
    guest.pause();
    guest.inflight = Some(Inflight { described, file });
    guest.give_inflight().expect_err("it has other memory");
    device.bench.daemon.wait_for_log("what was in flight is not of a GPIO device");
    is_served(&mut device, &mut victim);
}

#[test]
fn memory_that_is_cut_short_ends_its_session() {
    let (mut device, mut victim) = device_and_victim();
    let mut guest = VirtioGuest::start_kept(&device.socket);
    let (described, _) = left(&mut guest);
    for (session, left) in [(3, 0), (4, 4096)] {
        let file = memfd(described.mmap_size);
        let owner = file.try_clone().expect("a descriptor");
        let mut guest = VirtioGuest::new(&device.socket);
        guest.connect();
        guest.inflight = Some(Inflight { described, file });
        guest.give_inflight().expect("it is large enough");
        guest.run_with(FEATURE_IRQ, [0, 0]);
        owner.set_len(left).expect("it is not sealed");
        // The entry of this head is not there any more, nor are the lines.
        guest.unmask(0);
        let closed = format!("session {session}: closed: its memory was cut short");
        device.bench.daemon.wait_for_log(&closed);
    }
    is_served(&mut device, &mut victim);
}

/// Numbers that are the same in each run.
struct Random(u64);

impl Random {
    fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn byte(&mut self) -> u8 {
        self.number().to_le_bytes()[0]
    }
}

/// Makes nonsense of what a daemon has left: all of it, or a little here and there and of the lines.
fn spoil(bytes: &mut [u8], round: usize, random: &mut Random) {
    match round {
        0 => bytes.fill(0xff),
        1 => bytes.fill(1),
        2..40 => bytes.iter_mut().for_each(|byte| *byte = random.byte()),
        _ => {
            for _ in 0..=round % 8 {
                let at = usize::try_from(random.number() % bytes.len() as u64).expect("small");
                bytes[at] = random.byte();
            }
            let lines = bytes.len() - 8 * 64;
            for byte in &mut bytes[lines..lines + 16] {
                *byte = if random.number().is_multiple_of(4) { random.byte() } else { *byte };
            }
        }
    }
}

#[test]
fn any_content_is_nothing_but_what_a_guest_may_do() {
    let mut device = Device::lending("vgpios=0:1,gpios=11:21");
    let mut guest = VirtioGuest::start_kept(&device.socket);
    guest.arm(1, IrqType::EdgeBoth);
    guest.unmask(1);
    guest.no_interrupt();
    let (described, right) = left(&mut guest);
    guest.frontend = None;
    let mut random = Random(0x1234_5678_9abc_def1);
    for round in 0..100 {
        let mut bytes = right.clone();
        spoil(&mut bytes, round, &mut random);
        let file = memfd(described.mmap_size);
        std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).expect("it is as large");
        guest.frontend = None;
        eventually("the lines are free", || guest.try_connect().ok());
        guest.inflight = Some(Inflight { described, file });
        guest.give_inflight().expect("it is such memory");
        // It is served, or its connection is closed.
        let next = [0, 1].map(|i: usize| guest.rings[i].used_index(&guest.memory));
        let _ = guest.try_run(FEATURE_IRQ, next);
        device.bench.daemon.status();
    }
    // Lines of others are not touched, and this one is served again when it begins anew.
    assert_eq!(device.bench.world.info(12).direction, Direction::Input);
    assert_eq!(device.bench.world.info(12).consumer, None);
    drop(guest);
    device.bench.wait_until_gone();
    let mut guest = VirtioGuest::start_kept(&device.socket);
    guest.arm(1, IrqType::EdgeRising);
    let head = guest.unmask(1);
    device.bench.world.pull(21, true);
    assert_eq!(guest.interrupt(1, head), 1);
    assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 2);
    assert_eq!(guest.inflight.as_ref().expect("kept").heads(EVENT_QUEUE), [0_u16; 0]);
}
