// SPDX-License-Identifier: MIT OR Apache-2.0
//! One suite of a real guest with an R-Car GPIO block and Linux' driver of it, for every kind of chip: the test
//! program that has this module says by its `World` which kind it is.

mod interrupts;
mod neighbours;
mod outputs;

use vgpio_tests::harness::{self, LABEL, Machine, Outside, Vm};

use crate::World;

pub type Bench = harness::Bench<World>;

/// The host's lines of three LEDs.
pub const LEDS: [u32; 3] = [11, 12, 13];
/// The host's line of the button.
pub const BUTTON: u32 = 21;
/// The guest's line of it.
pub const LINE: u32 = 31;

/// What adds a block with the lines of the gpiodev `bank`.
pub const DEVICE: [&str; 2] = ["-device", "rcar-gpio,id=gpio,gpiodev=bank"];

/// A daemon whose LEDs are off when nobody drives them.
pub fn bench() -> Bench {
    let mut bench = Bench::open();
    for offset in LEDS {
        bench.world.pull(offset, false);
    }
    bench
}

/// A machine whose block has these lines of the chip.
pub fn machine(bench: &Bench, keys: &str) -> Machine {
    Machine::new(&bench.daemon, &[&format!("{LABEL},id=bank,{keys}")]).with(&DEVICE)
}

/// Boots such a machine, and checks that the block has its driver.
pub fn boot(bench: &Bench, keys: &str) -> Vm {
    let mut vm = machine(bench, keys).boot();
    assert_eq!(vm.run("dmesg | grep -c 'gpio_rcar c000000.gpio: driving 32 GPIOs'"), "1");
    vm
}
