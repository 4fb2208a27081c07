// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interrupts of inputs: of edges through the guest's driver, of levels in the registers, for no
//! driver of the stock kernel asks the PL061 for an interrupt of a level.

use vgpio_tests::harness::{Outside, Vm, eventually};

use super::Bench;

/// The host's line.
const BUTTON: u32 = 21;
/// The guest's line of it.
const LINE: u32 = 5;

/// Pulls the line, and waits until QEMU has the level.
fn pull(bench: &mut Bench, vm: &mut Vm, high: bool) {
    bench.world.pull(BUTTON, high);
    let has = || (vm.gpiodev()["lines"][0]["level"] == high).then_some(());
    eventually("QEMU has the level", has);
}

#[test]
fn the_guest_gets_the_edges_that_it_asks_for() {
    let mut bench = Bench::open();
    let mut vm = bench.boot(&format!("vgpios={LINE},gpios={BUTTON}"));
    for (edges, wanted) in [("rising", "1 1 1"), ("falling", "2 2 2"), ("both", "1 2 1 2 1 2")] {
        let monitor = format!("gpiomon --banner --edges {edges} -F %e -c 0 {LINE}");
        vm.spawn(&monitor, "/tmp/edges");
        vm.wait_for("grep -c Monitoring /tmp/edges", "1");
        for i in 0..6 {
            pull(&mut bench, &mut vm, i % 2 == 0);
            // The interrupt comes before the next command runs in the guest, which has one CPU.
            vm.run("true");
        }
        vm.wait_for("sed 1d /tmp/edges | xargs", wanted);
        vm.run("killall gpiomon");
    }
}

#[test]
fn level_interrupts_last_as_long_as_the_level() {
    let mut bench = Bench::open();
    let mut vm = bench.boot(&format!("vgpios={LINE},gpios={BUTTON}"));
    Registers::take(&mut vm);
    for active in [true, false] {
        pull(&mut bench, &mut vm, !active);
        Registers::ask_for(&mut vm, active);
        Registers::check(&mut vm, false);
        for _ in 0..3 {
            pull(&mut bench, &mut vm, active);
            Registers::check(&mut vm, true);
            // Clears edges only.
            Registers::write(&mut vm, Registers::CLEAR, 1 << LINE);
            Registers::check(&mut vm, true);
            // Nobody reads the status before the level drops: it is not remembered.
            pull(&mut bench, &mut vm, !active);
            Registers::check(&mut vm, false);
        }
    }
}

/// The registers of the machine's own PL061 (ARM DDI 0190, section 3.2), used by hand.
struct Registers;

impl Registers {
    /// Where the `virt` machine has it.
    const BASE: u32 = 0x0903_0000;
    const SENSE: u32 = 0x404;
    const EVENT: u32 = 0x40c;
    const MASK: u32 = 0x410;
    const RAW_STATUS: u32 = 0x414;
    const MASKED_STATUS: u32 = 0x418;
    const CLEAR: u32 = 0x41c;
    /// The interrupt controller's pending bits 32 to 63 (ARM IHI 0048, `GICD_ISPENDR1`).
    const PENDING: u32 = 0x0800_0204;
    /// The PL061's interrupt among these: it is number 7 of the shared ones.
    const PL061: u32 = 1 << 7;

    /// Takes them from the driver.
    fn take(vm: &mut Vm) {
        vm.run("rmmod gpio_keys");
        vm.run("echo 9030000.pl061 >/sys/bus/amba/drivers/pl061_gpio/unbind");
    }

    fn write(vm: &mut Vm, register: u32, value: u32) {
        vm.run(&format!("devmem {:#x} 32 {value:#x}", Self::BASE + register));
    }

    fn read(vm: &mut Vm, address: u32) -> u32 {
        let text = vm.run(&format!("devmem {address:#x} 32"));
        u32::from_str_radix(text.trim_start_matches("0x"), 16).expect("a number in hex")
    }

    /// An interrupt as long as the line has this level.
    fn ask_for(vm: &mut Vm, high: bool) {
        let line = 1 << LINE;
        Self::write(vm, Self::MASK, 0);
        Self::write(vm, Self::SENSE, line);
        Self::write(vm, Self::EVENT, if high { line } else { 0 });
        Self::write(vm, Self::MASK, line);
    }

    /// The line asks for an interrupt, or not, and the interrupt controller sees it.
    fn check(vm: &mut Vm, asks: bool) {
        let line = if asks { 1 << LINE } else { 0 };
        for register in [Self::RAW_STATUS, Self::MASKED_STATUS] {
            let status = Self::read(vm, Self::BASE + register);
            assert_eq!(status & 1 << LINE, line, "{register:#x}");
        }
        assert_eq!(Self::read(vm, Self::PENDING) & Self::PL061 != 0, asks);
    }
}
