// SPDX-License-Identifier: MIT OR Apache-2.0
//! Queues whose indices have come to their beginning again.

use vgpio_protocol::Direction;
use vgpio_tests::harness::virtio::VirtioGuest;
use vgpio_tests::harness::virtio::ring::WRITE;
use vgpio_virtio::Kind;

use crate::virtio::Device;

#[test]
fn a_driver_that_resets_when_its_queue_is_at_its_beginning_again_begins_anew() {
    let mut device = Device::lending("vgpios=0,gpios=11");
    let mut guest = device.guest();
    guest.ask(Kind::SetDirection, 0, 1);
    let at = guest.write_request(Kind::GetDirection as u16, 0, 0);
    let VirtioGuest { memory, rings: [requests, _], .. } = &mut guest;
    for _ in 1..=u16::MAX {
        requests.chain(memory, &[(at, 8, 0), (at + 8, 2, WRITE)]);
        requests.wait(memory);
    }
    assert_eq!(guest.pause(), [0, 0], "65,536 requests");
    guest.run([0, 0]);
    assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 1, "it was only paused");
    for _ in 1..=u16::MAX {
        guest.ask(Kind::GetDirection, 0, 0);
    }
    guest.reboot();
    device.bench.becomes(11, Direction::Input);
    assert_eq!(guest.ask(Kind::GetDirection, 0, 0), 2);
}
