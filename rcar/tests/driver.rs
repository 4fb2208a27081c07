// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver's register accesses against those of Linux `drivers/gpio/gpio-rcar.c` (6.12), written
//! down here in full, and the driver on the model.
#![allow(clippy::unwrap_used, reason = "tests")]

use vgpio_rcar::regs::Reg::{
    self, BothEdge, EdgLevel, InDt, InEn, InOutSel, IntClr, IntDt, IntMsk, IoIntSel, MskClr, OutDt,
    OutDtSel, PosNeg,
};
use vgpio_rcar::{Block, Bus, Direction, Driver, Generation, Line, Mmio, Pull, Trigger};

const BIT: u32 = 1 << 11;

/// Registers that remember what is written to them, and every access.
#[derive(Default)]
struct Recorder {
    words: [u32; 32],
    accesses: Vec<Access>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read(u32),
    Write(u32, u32),
}

impl Mmio for Recorder {
    fn read32(&mut self, offset: u32) -> u32 {
        self.accesses.push(Access::Read(offset));
        self.words[offset as usize / 4]
    }

    fn write32(&mut self, offset: u32, value: u32) {
        self.accesses.push(Access::Write(offset, value));
        self.words[offset as usize / 4] = value;
    }
}

fn line() -> Line {
    Line::new(11).unwrap()
}

fn r(reg: Reg) -> Vec<Access> {
    vec![Access::Read(reg.offset())]
}

fn w(reg: Reg, value: u32) -> Vec<Access> {
    vec![Access::Write(reg.offset(), value)]
}

/// `gpio_rcar_modify_bit`: a read, then a write.
fn rw(reg: Reg, value: u32) -> Vec<Access> {
    [r(reg), w(reg, value)].concat()
}

/// What `operation` does to registers that all hold `word`.
fn trace(
    generation: Generation,
    word: u32,
    operation: impl Fn(&mut Driver<Recorder>),
) -> Vec<Access> {
    let mut driver = Driver::new(Recorder::default(), generation);
    driver.mmio_mut().words = [word; 32];
    driver.mmio_mut().accesses.clear();
    operation(&mut driver);
    driver.mmio().accesses.clone()
}

// gpio_rcar_enable_inputs, from probe.
#[test]
fn probe_switches_inputs_on_where_there_is_inen() {
    for generation in Generation::ALL {
        let driver = Driver::new(Recorder::default(), generation);
        let expected = match generation {
            Generation::Gen4 => rw(InEn, u32::MAX),
            _ => vec![],
        };
        assert_eq!(driver.mmio().accesses, expected);
    }
}

// gpio_rcar_config_general_input_output_mode(.., false)
#[test]
fn direction_input_sequence() {
    for generation in Generation::ALL {
        let accesses = trace(generation, u32::MAX, |d| d.direction_input(line()));
        let expected = [rw(PosNeg, !BIT), rw(IoIntSel, !BIT), rw(InOutSel, !BIT)];
        assert_eq!(accesses, expected.concat());
    }
}

// gpio_rcar_direction_output: the value first, then the mode.
#[test]
fn direction_output_sequence() {
    for (word, value) in [(0, true), (u32::MAX, false)] {
        let (set, clear) = (word | BIT, word & !BIT);
        let accesses = trace(Generation::Gen3, word, |d| {
            d.direction_output(line(), value);
        });
        let expected = [
            rw(OutDt, if value { set } else { clear }),
            rw(PosNeg, clear),
            rw(IoIntSel, clear),
            rw(InOutSel, set),
            rw(OutDtSel, clear),
        ];
        assert_eq!(accesses, expected.concat());
    }
}

// gpio_rcar_set
#[test]
fn set_sequence() {
    let accesses = trace(Generation::Gen3, 0xf0, |d| d.set(line(), true));
    assert_eq!(accesses, rw(OutDt, BIT | 0xf0));
}

// gpio_rcar_set_multiple: one read and one write of OUTDT, none for an empty mask.
#[test]
fn set_multiple_sequence() {
    let accesses = trace(Generation::Gen3, 0xf0, |d| d.set_multiple(0x3c, 0xff0c));
    assert_eq!(accesses, rw(OutDt, 0xcc));
    assert_eq!(trace(Generation::Gen3, 0, |d| d.set_multiple(0, u32::MAX)), []);
}

// gpio_rcar_get_direction
#[test]
fn direction_sequence() {
    for (word, expected) in [(0, Direction::Input), (BIT, Direction::Output)] {
        let accesses = trace(Generation::Gen3, word, |d| {
            assert_eq!(d.direction(line()), expected);
        });
        assert_eq!(accesses, r(InOutSel));
    }
}

// gpio_rcar_get: before Gen3, outputs are read from OUTDT.
#[test]
fn get_sequence() {
    for (generation, word, expected) in [
        (Generation::Gen2, 0, vec![r(InOutSel), r(InDt)]),
        (Generation::Gen2, BIT, vec![r(InOutSel), r(OutDt)]),
        (Generation::Gen3, BIT, vec![r(InDt)]),
        (Generation::Gen4, BIT, vec![r(InDt)]),
    ] {
        let accesses = trace(generation, word, |d| {
            assert_eq!(d.get(line()), word == BIT);
        });
        assert_eq!(accesses, expected.concat());
    }
}

// gpio_rcar_get_multiple
#[test]
fn get_multiple_sequence() {
    for (generation, mask, expected) in [
        (Generation::Gen2, 0x0f, vec![r(InOutSel), r(OutDt)]),
        (Generation::Gen2, 0xf0, vec![r(InOutSel), r(InDt)]),
        (Generation::Gen2, 0xff, vec![r(InOutSel), r(OutDt), r(InDt)]),
        (Generation::Gen3, 0xff, vec![r(InDt)]),
        (Generation::Gen4, 0xff, vec![r(InDt)]),
        (Generation::Gen2, 0, vec![]),
        (Generation::Gen3, 0, vec![]),
    ] {
        let accesses = trace(generation, 0x0f, |d| {
            assert_eq!(d.get_multiple(mask), mask & 0x0f);
        });
        assert_eq!(accesses, expected.concat(), "{generation} {mask:#x}");
    }
}

// gpio_rcar_irq_set_type and gpio_rcar_config_interrupt_input_mode
#[test]
fn irq_type_sequences() {
    for (trigger, negative, edge, both) in [
        (Trigger::Rising, 0, BIT, 0),
        (Trigger::Falling, BIT, BIT, 0),
        (Trigger::Both, 0, BIT, BIT),
        (Trigger::High, 0, 0, 0),
        (Trigger::Low, BIT, 0, 0),
    ] {
        for generation in Generation::ALL {
            let accesses = trace(generation, 0, |d| d.irq_type(line(), trigger));
            let clear = if edge == 0 { vec![] } else { w(IntClr, BIT) };
            let expected = [
                rw(PosNeg, negative),
                rw(EdgLevel, edge),
                rw(BothEdge, both),
                rw(IoIntSel, BIT),
                clear,
            ];
            assert_eq!(accesses, expected.concat(), "{trigger:?}");
        }
    }
}

// gpio_rcar_irq_enable, gpio_rcar_irq_disable
#[test]
fn irq_enable_and_disable_sequences() {
    let accesses = trace(Generation::Gen3, 0, |d| d.irq_enable(line()));
    assert_eq!(accesses, w(MskClr, BIT));
    let accesses = trace(Generation::Gen3, 0, |d| d.irq_disable(line()));
    assert_eq!(accesses, w(IntMsk, !BIT));
}

// gpio_rcar_irq_handler: INTDT, INTMSK, then INTCLR with the lowest line, until none is pending.
#[test]
fn handler_sequence() {
    let accesses = trace(Generation::Gen3, BIT | 1, |d| {
        assert_eq!(d.handle_irq(), BIT | 1);
    });
    let look = [r(IntDt), r(IntMsk)].concat();
    let pass = |bit| [look.clone(), w(IntClr, bit)].concat();
    assert_eq!(accesses, [pass(1), pass(BIT), look.clone()].concat());
}

fn on_model(generation: Generation) -> Driver<Bus> {
    Driver::new(Bus::new(Block::new(generation)), generation)
}

#[test]
fn output_starts_without_a_glitch_and_reads_back() {
    for generation in Generation::ALL {
        let mut driver = on_model(generation);
        let _ = driver.mmio_mut().block.set_pull(BIT, Pull::Up);
        driver.direction_output(line(), true);
        assert!(driver.mmio_mut().take_effects().is_empty(), "stays high");
        assert!(driver.get(line()));
        driver.set_multiple(BIT | 1, 1);
        assert_eq!(driver.mmio_mut().take_effects().changed, BIT);
        assert!(!driver.get(line()));
        assert_eq!(driver.get_multiple(u32::MAX), 0);
    }
}

#[test]
fn bootloader_settings_do_not_stop_an_output() {
    let mut driver = on_model(Generation::Gen3);
    for reg in [OutDtSel, PosNeg, IoIntSel] {
        driver.mmio_mut().write32(reg.offset(), u32::MAX);
    }
    driver.direction_output(line(), true);
    assert!(driver.get(line()));
}

#[test]
fn every_trigger_fires_on_its_move_only() {
    for generation in Generation::ALL {
        for (trigger, on_rise, on_fall) in [
            (Trigger::Rising, true, false),
            (Trigger::Falling, false, true),
            (Trigger::Both, true, true),
            (Trigger::High, true, false),
            (Trigger::Low, false, true),
        ] {
            let mut driver = on_model(generation);
            driver.direction_input(line());
            driver.irq_type(line(), trigger);
            driver.irq_enable(line());
            for (bits, fires) in [(BIT, on_rise), (0, on_fall)] {
                let _ = driver.mmio_mut().block.drive_outside(BIT, bits);
                let expected = if fires { BIT } else { 0 };
                assert_eq!(driver.handle_irq(), expected, "{generation} {trigger:?}");
            }
        }
    }
}

#[test]
fn level_that_lasts_stays_pending_until_masked() {
    let mut driver = on_model(Generation::Gen3);
    driver.irq_type(line(), Trigger::High);
    driver.irq_enable(line());
    let _ = driver.mmio_mut().block.drive_outside(BIT, BIT);
    assert_eq!(driver.handle_irq(), BIT);
    assert!(driver.mmio().block.irq());
    driver.irq_disable(line());
    assert_eq!((driver.pending(), driver.mmio().block.irq()), (0, false));
}

#[test]
fn old_edges_are_dropped_when_the_trigger_is_set() {
    let mut driver = on_model(Generation::Gen3);
    driver.irq_type(line(), Trigger::Both);
    let _ = driver.mmio_mut().block.drive_outside(BIT, BIT);
    driver.irq_type(line(), Trigger::Both);
    driver.irq_enable(line());
    assert_eq!(driver.handle_irq(), 0);
}

#[test]
fn bus_reads_reserved_offsets_as_zero_and_drops_writes() {
    let mut bus = Bus::new(Block::new(Generation::Gen3));
    bus.write32(InEn.offset(), 1);
    assert_eq!(bus.read32(InEn.offset()), 0);
    assert!(bus.take_effects().is_empty());
}
