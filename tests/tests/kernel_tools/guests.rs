// SPDX-License-Identifier: MIT OR Apache-2.0
//! Guests whose chips the programs are run on.

use vgpio_tests::harness::{self, LABEL, LINES, Machine, Vm};

use super::Chip;
use crate::World;

type Bench = harness::Bench<World>;

#[test]
fn they_work_on_an_rcar_gpio_block() {
    let mut bench = Bench::open();
    let map = format!("{LABEL},id=bank,vgpios=0-31,gpios=0-31");
    let machine = Machine::new(&bench.daemon, &[&map]);
    let mut vm = machine.with(&["-device", "rcar-gpio,gpiodev=bank"]).boot();
    Chip { lines: LINES, first: 0, ..chip(&mut vm, &mut bench, "c000000.gpio") }
        .serves_the_kernels_tools();
}

#[test]
fn they_work_on_a_pl061() {
    let mut bench = Bench::open();
    let map = format!("{LABEL},id=port,vgpios=0-7,gpios=8-15");
    let machine = Machine::new(&bench.daemon, &[&map]);
    let mut vm = machine.with(&["-device", "pl061,gpiodev=port"]).boot();
    chip(&mut vm, &mut bench, "c000000.gpio").serves_the_kernels_tools();
}

#[test]
fn they_work_on_a_virtio_device() {
    let (mut bench, socket) = Bench::lending_virtio("vgpios=0-7,gpios=8-15");
    let mut vm = Machine::virtio(&[&socket]).boot();
    Chip { interfaces: &[2], ..chip(&mut vm, &mut bench, "virtio0") }.serves_the_kernels_tools();
}

/// A chip of a guest, with eight lines.
fn chip<'a>(vm: &'a mut Vm, bench: &'a mut Bench, label: &'a str) -> Chip<'a, Vm, World> {
    Chip {
        user: vm,
        world: &mut bench.world,
        label,
        lines: 8,
        first: 8,
        interfaces: &[1, 2],
        has_bias: false,
    }
}
