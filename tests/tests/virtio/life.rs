// SPDX-License-Identifier: MIT OR Apache-2.0
//! Guests and daemons that come and go.

use vgpio_protocol::Direction;
use vgpio_tests::harness::virtio::ring::WRITE;
use vgpio_tests::harness::{LABEL, Outside, VirtioGuest, eventually, export};
use vgpio_virtio::{IrqType, Kind};
use vhost::VhostBackend;

use super::Device;

#[test]
fn a_killed_guest_leaves_its_outputs_in_their_safe_state() {
    for (safe, high) in [("low", false), ("high", true), ("hold", true)] {
        let mut device = Device::lending(&format!("vgpios=0,gpios=11,safe={safe}"));
        let mut guest = device.guest();
        guest.ask(Kind::SetDirection, 0, 1);
        guest.ask(Kind::SetValue, 0, 1);
        guest.kill();
        device.bench.wait_until_gone();
        device.bench.sees(11, high);
        assert_eq!(device.bench.world.info(11).direction, Direction::Output);
    }
    let mut device = Device::lending("vgpios=0,gpios=11");
    let mut guest = device.guest();
    guest.ask(Kind::SetDirection, 0, 1);
    guest.kill();
    device.bench.wait_until_gone();
    device.bench.wait_until_free(11);
}

#[test]
fn status_shows_guests_of_both_kinds() {
    let device = Device::lending("vgpios=0,gpios=11,shared=on");
    let mut guest = device.guest();
    guest.ask(Kind::GetValue, 0, 0);
    let native = device.bench.attach(export("guest"));
    let status = device.bench.daemon.status();
    let kinds: Vec<_> = status.sessions.iter().map(|session| session.virtio).collect();
    assert_eq!(kinds, [true, false]);
    for session in &status.sessions {
        assert_eq!(session.export.as_deref(), Some("guest"));
        assert_eq!(session.lines[0].line, status.sessions[0].lines[0].line);
        assert_eq!(session.peer.map(|peer| peer.pid), i32::try_from(std::process::id()).ok());
    }
    drop(native);
}

#[test]
fn lines_of_one_guest_are_refused_to_another() {
    let mut device = Device::lending("vgpios=0,gpios=11");
    let mut first = device.guest();
    first.ask(Kind::SetDirection, 0, 1);
    let mut second = VirtioGuest::new(&device.socket);
    assert!(second.try_connect().is_err(), "the line has an owner");
    let refused = device.bench.daemon.wait_for_log("busy");
    assert!(refused.contains("session 1 (virtio"), "{refused}");
    first.ask(Kind::SetValue, 0, 1);
    assert!(device.bench.world.level(11));
    first.kill();
    device.bench.wait_until_gone();
    second.connect();
    second.run([0, 0]);
    assert_eq!(second.ask(Kind::GetDirection, 0, 0), 2);
}

#[test]
fn two_guests_may_read_what_is_shared() {
    let mut device = Device::lending("vgpios=0,gpios=21,shared=on");
    let (mut one, mut two) = (device.guest(), device.guest());
    let buffers = [&mut one, &mut two].map(|guest| {
        guest.arm(0, IrqType::EdgeRising);
        guest.unmask(0)
    });
    device.bench.world.pull(21, true);
    assert_eq!(one.interrupt(0, buffers[0]), 1);
    assert_eq!(two.interrupt(0, buffers[1]), 1);
    assert_eq!(one.request(Kind::SetDirection, 0, 1), [1, 0], "it stays an input");
    one.kill();
    let buffer = two.unmask(0);
    device.bench.world.pull(21, false);
    device.bench.world.pull(21, true);
    assert_eq!(two.interrupt(0, buffer), 1);
}

#[test]
fn a_guest_that_boots_again_begins_anew() {
    let mut device = Device::lending("vgpios=0:1,gpios=11:21");
    let mut guest = device.guest();
    for boot in 0..3 {
        assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 2, "boot {boot}");
        guest.ask(Kind::SetDirection, 0, 1);
        guest.ask(Kind::SetValue, 0, 1);
        assert!(device.bench.world.level(11));
        guest.arm(1, IrqType::EdgeBoth);
        guest.unmask(1);
        guest.reboot();
        device.bench.becomes(11, Direction::Input);
        // The buffer was of a queue that is no more.
        device.bench.world.pull(21, boot % 2 == 0);
        guest.no_interrupt();
    }
    assert_eq!(device.bench.daemon.status().sessions.len(), 1, "it is one connection");
}

#[test]
fn a_paused_guest_keeps_its_lines_and_buffers() {
    let mut device = Device::lending("vgpios=0:1,gpios=11:21");
    let mut guest = device.guest();
    guest.ask(Kind::SetDirection, 0, 1);
    guest.ask(Kind::SetValue, 0, 1);
    guest.arm(1, IrqType::EdgeRising);
    let buffer = guest.unmask(1);
    guest.no_interrupt();
    let next = guest.pause();
    device.bench.world.pull(21, true);
    let [_, events] = &mut guest.rings;
    assert_eq!(events.try_take(&guest.memory), None, "nothing moves while it is paused");
    assert!(device.bench.world.level(11));
    guest.run(next);
    assert_eq!(guest.interrupt(1, buffer), 1, "the edge was kept");
    assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 1);
}

#[test]
fn a_reset_of_the_device_forgets_the_guest() {
    let mut device = Device::lending("vgpios=0,gpios=11");
    let mut guest = device.guest();
    guest.ask(Kind::SetDirection, 0, 1);
    vhost::vhost_user::VhostUserFrontend::reset_device(guest.frontend.as_mut().expect("connected"))
        .expect("it was offered");
    device.bench.becomes(11, Direction::Input);
    // Its queues are not served before they are enabled again.
    let at = guest.write_request(Kind::GetDirection as u16, 0, 0);
    let VirtioGuest { memory, rings: [requests, _], frontend, .. } = &mut guest;
    let frontend = frontend.as_mut().expect("connected");
    frontend.set_vring_kick(0, &requests.kick).expect("an eventfd");
    requests.chain(memory, &[(at, 8, 0), (at + 8, 2, WRITE)]);
    assert_eq!(frontend.get_vring_base(0).expect("it was running"), 0);
}

#[test]
fn a_guest_without_interrupts_has_outputs_and_is_told_of_in_the_log() {
    let mut device = Device::lending("vgpios=0,gpios=11");
    let mut guest = VirtioGuest::new(&device.socket);
    guest.connect();
    guest.run_with(0, [0, 0]);
    device.bench.daemon.wait_for_log("session 1: its guest has no interrupts");
    assert_eq!(guest.request(Kind::SetIrqType, 0, IrqType::EdgeRising as u32), [1, 0]);
    guest.ask(Kind::SetValue, 0, 1);
    guest.ask(Kind::SetDirection, 0, 1);
    assert!(device.bench.world.level(11));
}

#[test]
fn an_export_that_is_not_there_for_now_is_refused_and_served_later() {
    let device = Device::lending("vgpios=0,gpios=11");
    let native = device.bench.attach(export("guest"));
    let mut guest = VirtioGuest::new(&device.socket);
    assert!(guest.try_connect().is_err());
    drop(native);
    eventually("the line is free", || guest.try_connect().ok());
    guest.run([0, 0]);
    guest.ask(Kind::GetValue, 0, 0);
}

#[test]
fn the_device_of_a_restarted_daemon_is_there_for_the_guest() {
    let mut device = Device::lending("vgpios=0,gpios=11,safe=hold");
    let mut guest = device.guest();
    guest.ask(Kind::SetDirection, 0, 1);
    guest.ask(Kind::SetValue, 0, 1);
    device = device.killed();
    guest.reconnect();
    guest.ask(Kind::SetDirection, 0, 1);
    guest.ask(Kind::SetValue, 0, 1);
    assert!(device.bench.world.level(11), "{LABEL}");
}
