// SPDX-License-Identifier: MIT OR Apache-2.0
//! The daemon's virtio device on the kernel's character device, with gpio-sim behind it; and a chip that goes.

mod virtio;

use vgpio_tests::harness::{Outside, eventually};
use vgpio_virtio::{IrqType, Kind};

type World = vgpio_tests::harness::GpioSim;

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
