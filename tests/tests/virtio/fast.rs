// SPDX-License-Identifier: MIT OR Apache-2.0
//! Edges at full speed, each of which counts, and none at all: of the kernel's gpio-sim, the kernel's own
//! buffer would be what is tested. And what needs a disk.

use vgpio_tests::harness::Outside;
use vgpio_tests::harness::virtio::{RAM_SIZE, VirtioGuest};
use vgpio_virtio::{FEATURE_IRQ, IrqType, Kind};

use crate::virtio::Device;

const VALID: u8 = 1;

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
fn an_idle_guest_does_not_wake_the_daemon() {
    let device = Device::lending("vgpios=0-7,gpios=0-7");
    let mut guest = device.guest();
    for line in 0..8 {
        guest.arm(line, IrqType::EdgeBoth);
        guest.unmask(line);
    }
    guest.no_interrupt();
    let threads = format!("/proc/{}/task", device.bench.daemon.pid());
    // How long each thread was on a processor, and how often: one that never sleeps is told by the first.
    let turns = || {
        let tasks = std::fs::read_dir(&threads).expect("the daemon runs");
        let of = |task: std::io::Result<std::fs::DirEntry>| {
            let path = task.expect("a task").path().join("schedstat");
            let text = std::fs::read_to_string(path).expect("a kernel with statistics");
            let numbers: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
            [numbers[0].clone(), numbers[2].clone()]
        };
        tasks.map(of).collect::<Vec<_>>()
    };
    // What is left to do after the last request takes a moment.
    std::thread::sleep(std::time::Duration::from_millis(200));
    let before = turns();
    assert_eq!(before.len(), 2, "the loop, and one thread for the guest's monitor");
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(turns(), before);
}

#[test]
fn memory_in_a_file_on_a_disk_is_refused() {
    let mut device = Device::lending("vgpios=0,gpios=21");
    let file = tempfile::tempfile_in(env!("CARGO_TARGET_TMPDIR")).expect("a file");
    file.set_len(RAM_SIZE).expect("room");
    let mut guest = VirtioGuest::with_memory(&device.socket, file);
    guest.connect();
    guest.try_run(FEATURE_IRQ, [0, 0]).expect_err("an access might never end");
    device.bench.daemon.wait_for_log("give it a memfd");
}
