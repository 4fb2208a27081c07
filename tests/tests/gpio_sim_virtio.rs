// SPDX-License-Identifier: MIT OR Apache-2.0
//! The daemon's virtio device on the kernel's character device, with gpio-sim behind it; and a chip that goes.

mod virtio;

use std::fs::{self, File};

use nix::sys::memfd::{MFdFlags, memfd_create};
use vgpio_tests::harness::virtio::VirtioGuest;
use vgpio_tests::harness::{Outside, eventually};
use vgpio_virtio::{IrqType, Kind};

type World = vgpio_tests::harness::GpioSim;

/// A setting of the rig's kernel, which is what it was when this goes.
struct Setting {
    path: &'static str,
    before: String,
}

impl Setting {
    fn new(path: &'static str, value: &str) -> Self {
        assert!(std::env::var_os("VGPIO_RIG").is_some(), "it is a kernel of the tests' own");
        let before = fs::read_to_string(path).expect("it is there");
        fs::write(path, value).expect("it can be set");
        Self { path, before }
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        fs::write(self.path, self.before.trim_end()).expect("it can be set");
    }
}

#[test]
fn memory_that_is_cut_short_harms_nobody_where_the_kernel_promises_no_more_than_it_has() {
    // Much more than the rig has.
    const SIZE: u64 = 8 << 30;
    let _all = Setting::new("/proc/sys/vm/overcommit_ratio", "100");
    let _strict = Setting::new("/proc/sys/vm/overcommit_memory", "2");
    let mut device = virtio::Device::lending("vgpios=0,gpios=21,shared=on");
    let mut victim = device.guest();
    victim.arm(0, IrqType::EdgeRising);
    for session in [2, 3] {
        let file = File::from(memfd_create("guest", MFdFlags::MFD_CLOEXEC).expect("memory"));
        file.set_len(SIZE).expect("none is needed yet");
        let owner = file.try_clone().expect("a descriptor");
        let mut guest = VirtioGuest::with_memory(&device.socket, file);
        guest.connect();
        guest.run([0, 0]);
        owner.set_len(0).expect("it is not sealed");
        for ring in &guest.rings {
            ring.kick.write(1).expect("an eventfd");
        }
        let closed = format!("session {session}: closed: its memory was cut short");
        device.bench.daemon.wait_for_log(&closed);
        virtio::hostile::is_served(&mut device, &mut victim);
    }
}

#[test]
fn a_chip_that_goes_and_comes_back_keeps_lines_and_buffers() {
    let mut device = virtio::Device::lending("vgpios=0:1,gpios=11:21");
    let mut guest = device.guest();
    guest.ask(Kind::SetDirection, 0, 1);
    guest.arm(1, IrqType::EdgeRising);
    let mut buffer = guest.unmask(1);
    for level in [1, 0, 1] {
        device.bench.world.remove();
        let lost = |device: &virtio::Device| {
            let status = device.bench.daemon.status();
            status.sessions[0].lines[0].state.is_some_and(|state| state.lost)
        };
        eventually("the lines are lost", || lost(&device).then_some(()));
        // What is set is remembered; there is nothing to read; the buffer is neither used nor returned.
        guest.ask(Kind::SetValue, 0, level);
        assert_eq!(guest.request(Kind::GetValue, 0, 0), [1, 0]);
        guest.no_interrupt();
        device.bench.world.bring_back();
        eventually("the lines are back", || (!lost(&device)).then_some(()));
        device.bench.sees(11, level == 1);
        guest.no_interrupt();
        device.bench.world.pull(21, true);
        assert_eq!(guest.interrupt(1, buffer), 1);
        device.bench.world.pull(21, false);
        buffer = guest.unmask(1);
    }
}

#[test]
fn a_line_keeps_its_level_while_the_daemon_is_killed_below_a_guest() {
    let mut device = virtio::Device::lending("vgpios=0:1,gpios=11:21,safe=low");
    let mut guest = VirtioGuest::start_kept(&device.socket);
    guest.ask(Kind::SetDirection, 0, 1);
    guest.ask(Kind::SetValue, 0, 1);
    let witness = device.bench.world.witness(11);
    for _ in 0..10 {
        device = device.killed();
        guest.reconnect();
        assert_eq!(guest.ask(Kind::GetValue, 0, 0), 1);
    }
    let seen = witness.finish();
    assert_eq!((seen.changes, seen.released, seen.reconfigured), (0, 0, 0), "{seen:?}");
    guest.ask(Kind::SetValue, 0, 0);
    device.bench.sees(11, false);
}
