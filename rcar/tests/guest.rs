// SPDX-License-Identifier: MIT OR Apache-2.0
//! The block as a guest's controller: what its lines see of what the guest stores.
#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use vgpio_rcar::regs::{REGISTERS, Reg};
use vgpio_rcar::{
    Driver, Generation, GuestBlock, GuestEffects, Line, LineDirections, LineLevels, Mmio, Snapshot,
    Trigger,
};

/// Keeps what each store of a driver did.
struct Guest {
    block: GuestBlock,
    told: Vec<GuestEffects>,
}

impl Guest {
    fn driver(generation: Generation) -> Driver<Self> {
        let block = GuestBlock::new(generation);
        Driver::new(Self { block, told: Vec::new() }, generation)
    }

    fn told(&mut self) -> Vec<GuestEffects> {
        let mut told = std::mem::take(&mut self.told);
        told.retain(|effects| *effects != GuestEffects::default());
        told
    }
}

impl Mmio for Guest {
    fn read32(&mut self, offset: u32) -> u32 {
        self.block.read(offset.into(), 4).unwrap()
    }

    fn write32(&mut self, offset: u32, value: u32) {
        let effects = self.block.write(offset.into(), 4, value).unwrap();
        self.told.push(effects);
    }
}

fn line(offset: u32) -> Line {
    Line::new(offset).unwrap()
}

fn outputs(mask: u32, bits: u32) -> GuestEffects {
    GuestEffects { outputs: LineLevels { mask, bits }, ..GuestEffects::default() }
}

fn directions(mask: u32, outputs: u32, bits: u32) -> GuestEffects {
    let directions = LineDirections { mask, outputs, bits };
    GuestEffects { directions, ..GuestEffects::default() }
}

#[test]
fn an_output_begins_with_its_level_in_one_change() {
    for generation in Generation::ALL {
        let mut driver = Guest::driver(generation);
        driver.direction_output(line(31), true);
        assert_eq!(driver.mmio_mut().told(), [directions(1 << 31, 1 << 31, 1 << 31)]);
        driver.direction_input(line(31));
        assert_eq!(driver.mmio_mut().told(), [directions(1 << 31, 0, 0)]);
    }
}

#[test]
fn a_store_that_moves_several_lines_is_one_change() {
    let mut driver = Guest::driver(Generation::Gen3);
    for offset in 0..8 {
        driver.direction_output(line(offset), false);
    }
    let _directions = driver.mmio_mut().told();
    driver.set_multiple(0xff, 0xa5);
    driver.set_multiple(0xffff, 0x5a);
    assert_eq!(driver.mmio_mut().told(), [outputs(0xa5, 0xa5), outputs(0xff, 0x5a)]);
    // What the lines have already is no change; nor is the data of an input.
    driver.set_multiple(0xff, 0x5a);
    driver.set(line(30), true);
    assert_eq!(driver.mmio_mut().told(), []);
}

#[test]
fn inverted_data_and_the_second_data_register_reach_the_lines() {
    let mut block = GuestBlock::new(Generation::Gen3);
    let mut write = |reg: Reg, value| block.write(reg.offset().into(), 4, value).unwrap();
    assert_eq!(write(Reg::InOutSel, 0b11), directions(0b11, 0b11, 0));
    assert_eq!(write(Reg::PosNeg, 0b01), outputs(0b01, 0b01));
    assert_eq!(write(Reg::OutDtH, 0b10), GuestEffects::default());
    assert_eq!(write(Reg::OutDtSel, 0b10), outputs(0b10, 0b10));
    assert_eq!(write(Reg::OutDtL, 0b10), outputs(0b10, 0));
    // Interrupt mode makes it an input.
    assert_eq!(write(Reg::IoIntSel, 0b01), directions(0b01, 0, 0));
}

#[test]
fn a_line_is_what_the_guest_drives_else_what_it_is_given() {
    let mut driver = Guest::driver(Generation::Gen3);
    let given = driver.mmio_mut().block.set_inputs(0b11, 0b01);
    assert_eq!(given, GuestEffects::default());
    assert_eq!(driver.get_multiple(u32::MAX), 0b01);
    for (offset, high) in [(0, false), (1, true)] {
        driver.direction_output(line(offset), high);
    }
    assert_eq!(driver.get_multiple(u32::MAX), 0b10);
    // Whatever is said of a driven line meanwhile.
    let _passed_over = driver.mmio_mut().block.set_inputs(0b11, 0b01);
    assert_eq!(driver.mmio().block.levels(), 0b10);
    // It begins as an input with the level that it had as an output.
    driver.direction_input(line(1));
    assert_eq!(driver.get_multiple(u32::MAX), 0b10);
    let _given = driver.mmio_mut().block.set_inputs(0b10, 0);
    assert_eq!(driver.get_multiple(u32::MAX), 0);
}

#[test]
fn edges_are_latched_until_the_guest_clears_them_masked_or_not() {
    let mut driver = Guest::driver(Generation::Gen3);
    driver.irq_type(line(4), Trigger::Both);
    driver.irq_type(line(5), Trigger::High);
    let block = &mut driver.mmio_mut().block;
    assert_eq!(block.set_inputs(0x30, 0x10), GuestEffects::default());
    assert_eq!((block.latched_edges(), block.both_edges()), (0x10, 0x10));
    driver.irq_enable(line(4));
    assert_eq!(driver.mmio_mut().told().last().unwrap().irq, Some(true));
    assert_eq!(driver.handle_irq(), 0x10);
    assert_eq!(driver.mmio_mut().told(), [GuestEffects { irq: Some(false), ..outputs(0, 0) }]);
    assert_eq!(driver.mmio().block.latched_edges(), 0);
    // A level is not kept.
    driver.irq_enable(line(5));
    for high in [true, false] {
        let told = driver.mmio_mut().block.set_inputs(0x20, u32::from(high) << 5);
        assert_eq!((told.irq, driver.mmio().block.latched_edges()), (Some(high), 0));
    }
}

#[test]
fn reset_makes_all_lines_inputs_that_keep_their_levels() {
    let mut driver = Guest::driver(Generation::Gen3);
    driver.direction_output(line(2), true);
    driver.irq_type(line(3), Trigger::Low);
    driver.irq_enable(line(3));
    let block = &mut driver.mmio_mut().block;
    let told = block.reset();
    assert_eq!(told, GuestEffects { irq: Some(false), ..directions(0b100, 0, 0) });
    assert_eq!((block.levels(), block.outputs()), (0b100, LineLevels::default()));
}

#[test]
fn a_restored_block_drives_what_the_saved_one_drove() {
    let mut driver = Guest::driver(Generation::Gen4);
    driver.direction_output(line(0), true);
    driver.direction_output(line(1), false);
    let saved = driver.mmio().block.snapshot().to_bytes();
    let mut other = GuestBlock::new(Generation::Gen4);
    let told = other.restore(&Snapshot::from_bytes(&saved).unwrap()).unwrap();
    assert_eq!(told, directions(0b11, 0b11, 0b01));
    assert_eq!(other, driver.mmio().block);
    let refused = GuestBlock::new(Generation::Gen3).restore(&other.snapshot());
    assert!(refused.unwrap_err().to_string().contains("rcar-gen3"));
}

#[derive(Clone, Debug)]
enum Step {
    Store(usize, u32),
    Inputs(u32, u32),
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..REGISTERS.len(), any::<u32>()).prop_map(|(row, value)| Step::Store(row, value)),
        4 => any::<(u32, u32)>().prop_map(|(mask, bits)| Step::Inputs(mask, bits)),
        1 => Just(Step::Reset),
    ]
}

proptest! {
    /// Whoever follows the effects knows lines and interrupt; drivers never fight; any state can be saved.
    #[test]
    fn effects_are_all_that_the_outside_needs(
        steps in proptest::collection::vec(step(), 0..60),
        generation in proptest::sample::select(Generation::ALL.to_vec()),
    ) {
        let mut block = GuestBlock::new(generation);
        let mut seen = (LineLevels::default(), false);
        for step in steps {
            let told = match step {
                Step::Store(row, value) => block.write(REGISTERS[row].offset.into(), 4, value).unwrap_or_default(),
                Step::Inputs(mask, bits) => block.set_inputs(mask, bits),
                Step::Reset => block.reset(),
            };
            prop_assert_eq!(told.outputs.mask & told.directions.mask, 0);
            let LineLevels { mask, bits } = &mut seen.0;
            *bits = *bits & !told.outputs.mask | told.outputs.bits;
            *mask = *mask & !told.directions.mask | told.directions.outputs;
            *bits = *bits & !told.directions.mask | told.directions.bits;
            seen.1 = told.irq.unwrap_or(seen.1);
            prop_assert_eq!(seen, (block.outputs(), block.irq()));
            let driven = block.outputs();
            prop_assert_eq!(block.levels() & driven.mask, driven.bits);
            let mut copy = GuestBlock::new(generation);
            let _whole = copy.restore(&block.snapshot()).unwrap();
            prop_assert_eq!(&copy, &block);
        }
    }
}
