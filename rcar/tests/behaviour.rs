// SPDX-License-Identifier: MIT OR Apache-2.0
//! One test per statement on the registers. "Linux" is `drivers/gpio/gpio-rcar.c`, 6.12.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(unused_must_use, reason = "steps on the way to the effect under test")]

use vgpio_rcar::regs::Reg;
use vgpio_rcar::{Block, Effects, Generation, Pull};

const LINE: u32 = 1 << 11;
const OTHER: u32 = 1 << 12;

struct Bench(Block);

impl Bench {
    fn new(generation: Generation) -> Self {
        Self(Block::new(generation))
    }

    /// A block whose `LINE` is an interrupt input with these bits set in POSNEG, EDGLEVEL, BOTHEDGE.
    fn interrupt(registers: &[Reg]) -> Self {
        let mut bench = Self::new(Generation::Gen3);
        for &reg in registers {
            bench.write(reg, LINE);
        }
        bench.write(Reg::IoIntSel, LINE);
        bench
    }

    fn write(&mut self, reg: Reg, value: u32) -> Effects {
        self.0.write(reg.offset().into(), 4, value).unwrap()
    }

    fn read(&self, reg: Reg) -> u32 {
        self.0.read(reg.offset().into(), 4).unwrap()
    }

    fn outside(&mut self, high: bool) -> Effects {
        self.0.drive_outside(LINE, if high { LINE } else { 0 })
    }

    fn levels(&self) -> u32 {
        self.0.pads().levels()
    }
}

#[test]
fn all_lines_are_undriven_inputs_after_reset() {
    let mut bench = Bench::new(Generation::Gen3);
    bench.write(Reg::OutDt, LINE);
    bench.write(Reg::InOutSel, LINE);
    let _ = bench.0.reset();
    assert_eq!(bench.0.pads().driven_by_chip(), 0);
    assert_eq!(bench.read(Reg::OutDt), 0);
}

#[test]
fn reset_leaves_the_outside_of_the_pads() {
    let mut bench = Bench::new(Generation::Gen3);
    let _ = bench.0.set_pull(OTHER, Pull::Up);
    bench.outside(true);
    assert!(bench.0.reset().is_empty());
    assert_eq!(bench.levels(), LINE | OTHER);
}

// Linux writes OUTDT before INOUTSEL, so that the output begins with its value.
#[test]
fn outdt_reaches_the_pad_only_when_inoutsel_says_output() {
    let mut bench = Bench::new(Generation::Gen3);
    assert!(bench.write(Reg::OutDt, LINE).is_empty());
    assert_eq!(bench.write(Reg::InOutSel, LINE | OTHER).changed, LINE);
    assert_eq!(bench.levels(), LINE);
}

// Linux `set_multiple`: one write moves all lines at once.
#[test]
fn one_outdt_write_moves_many_pads_in_one_effect() {
    let mut bench = Bench::new(Generation::Gen3);
    bench.write(Reg::InOutSel, 0xff);
    assert_eq!(bench.write(Reg::OutDt, 0xa5).changed, 0xa5);
    assert_eq!(bench.write(Reg::OutDt, 0x5a).changed, 0xff);
}

// Linux selects "Interrupt Input Mode" by IOINTSEL and leaves INOUTSEL.
#[test]
fn line_in_interrupt_mode_does_not_drive() {
    let mut bench = Bench::new(Generation::Gen3);
    bench.write(Reg::InOutSel, LINE);
    bench.write(Reg::IoIntSel, LINE);
    assert_eq!(bench.0.pads().driven_by_chip(), 0);
}

#[test]
fn indt_shows_the_level_of_an_input() {
    for generation in [Generation::Gen2, Generation::Gen3] {
        let mut bench = Bench::new(generation);
        bench.outside(true);
        assert_eq!(bench.read(Reg::InDt), LINE);
    }
}

// Linux, U-Boot: before Gen3, INDT "does not show correct pin state when configured as output".
#[test]
fn indt_shows_nothing_of_an_output_on_gen2() {
    let mut bench = Bench::new(Generation::Gen2);
    bench.write(Reg::OutDt, LINE);
    bench.write(Reg::InOutSel, LINE);
    assert_eq!((bench.levels(), bench.read(Reg::InDt)), (LINE, 0));
}

// Linux `has_always_in`: since Gen3, INDT is read for outputs, so it shows the pad, not OUTDT.
#[test]
fn indt_shows_the_pad_of_an_output_since_gen3() {
    let mut bench = Bench::new(Generation::Gen3);
    bench.write(Reg::OutDt, LINE);
    bench.write(Reg::InOutSel, LINE);
    assert_eq!(bench.read(Reg::InDt), LINE);
    bench.outside(false);
    assert_eq!((bench.read(Reg::OutDt), bench.read(Reg::InDt)), (LINE, 0));
}

// Linux `has_inen`, Zephyr: INEN is set before an input is used on Gen4.
#[test]
fn indt_needs_inen_on_gen4() {
    let mut bench = Bench::new(Generation::Gen4);
    bench.outside(true);
    assert_eq!(bench.read(Reg::InDt), 0);
    bench.write(Reg::InEn, LINE);
    assert_eq!(bench.read(Reg::InDt), LINE);
}

// Zephyr sets INEN for interrupt lines too.
#[test]
fn nothing_is_detected_without_inen_on_gen4() {
    for (level_mode, expected) in [(false, 0), (true, LINE)] {
        let mut bench = Bench::new(Generation::Gen4);
        bench.write(Reg::EdgLevel, if level_mode { 0 } else { LINE });
        bench.write(Reg::IoIntSel, LINE);
        bench.outside(true);
        assert_eq!(bench.read(Reg::IntDt), 0);
        bench.write(Reg::InEn, LINE);
        assert_eq!(bench.read(Reg::IntDt), expected, "switching on is no edge");
    }
}

// Linux, U-Boot and Zephyr clear POSNEG ("configure positive logic") for general mode.
#[test]
fn posneg_inverts_general_lines() {
    let mut bench = Bench::new(Generation::Gen3);
    bench.write(Reg::PosNeg, LINE | OTHER);
    bench.outside(true);
    bench.write(Reg::InOutSel, OTHER);
    assert_eq!(bench.levels(), LINE | OTHER, "OUTDT 0 drives high");
    assert_eq!(bench.read(Reg::InDt) & (LINE | OTHER), 0);
}

// Linux reads the level of a line from INDT without regard to its trigger.
#[test]
fn posneg_leaves_indt_in_interrupt_mode() {
    let mut bench = Bench::interrupt(&[Reg::PosNeg, Reg::EdgLevel]);
    bench.outside(true);
    assert_eq!(bench.read(Reg::InDt), LINE);
}

// Linux IRQ_TYPE_EDGE_RISING: POSNEG 0, EDGLEVEL 1, BOTHEDGE 0.
#[test]
fn rising_edge_is_latched_until_intclr() {
    let mut bench = Bench::interrupt(&[Reg::EdgLevel]);
    bench.outside(true);
    bench.outside(false);
    assert_eq!(bench.read(Reg::IntDt), LINE);
    bench.write(Reg::IntClr, LINE);
    assert_eq!(bench.read(Reg::IntDt), 0);
    bench.outside(false);
    assert_eq!(bench.read(Reg::IntDt), 0, "no change, no edge");
}

// Linux IRQ_TYPE_EDGE_FALLING: POSNEG 1, EDGLEVEL 1, BOTHEDGE 0.
#[test]
fn falling_edge_is_latched_and_rising_is_not() {
    let mut bench = Bench::interrupt(&[Reg::PosNeg, Reg::EdgLevel]);
    bench.outside(true);
    assert_eq!(bench.read(Reg::IntDt), 0);
    bench.outside(false);
    assert_eq!(bench.read(Reg::IntDt), LINE);
}

// Linux IRQ_TYPE_EDGE_BOTH: POSNEG 0, EDGLEVEL 1, BOTHEDGE 1.
#[test]
fn bothedge_latches_each_edge() {
    let mut bench = Bench::interrupt(&[Reg::EdgLevel, Reg::BothEdge]);
    for high in [true, false] {
        bench.outside(high);
        assert_eq!(bench.read(Reg::IntDt), LINE);
        bench.write(Reg::IntClr, LINE);
    }
}

// Linux IRQ_TYPE_LEVEL_HIGH and LEVEL_LOW: EDGLEVEL 0, POSNEG 0 and 1.
#[test]
fn level_request_follows_the_level() {
    for (registers, active) in [(&[][..], true), (&[Reg::PosNeg][..], false)] {
        let mut bench = Bench::interrupt(registers);
        for high in [active, !active, active] {
            bench.outside(high);
            let expected = if high == active { LINE } else { 0 };
            assert_eq!(bench.read(Reg::IntDt), expected);
        }
    }
}

// Linux writes INTCLR for a pending level as well; the level has the last word.
#[test]
fn intclr_does_not_end_an_active_level() {
    let mut bench = Bench::interrupt(&[]);
    bench.outside(true);
    bench.write(Reg::IntClr, LINE);
    assert_eq!(bench.read(Reg::IntDt), LINE);
}

#[test]
fn intclr_clears_only_the_ones_written() {
    let mut bench = Bench::new(Generation::Gen3);
    bench.write(Reg::EdgLevel, LINE | OTHER);
    bench.write(Reg::IoIntSel, LINE | OTHER);
    let _ = bench.0.drive_outside(LINE | OTHER, LINE | OTHER);
    bench.write(Reg::IntClr, OTHER);
    assert_eq!(bench.read(Reg::IntDt), LINE);
}

#[test]
fn general_lines_request_no_interrupt() {
    let mut bench = Bench::new(Generation::Gen3);
    bench.write(Reg::EdgLevel, LINE);
    let _ = bench.0.drive_outside(LINE | OTHER, LINE | OTHER);
    bench.write(Reg::IoIntSel, LINE);
    assert_eq!(bench.read(Reg::IntDt), 0);
}

// Linux writes INTCLR after it has selected interrupt mode, to drop an old edge.
#[test]
fn latched_edge_is_hidden_in_general_mode_and_survives() {
    let mut bench = Bench::interrupt(&[Reg::EdgLevel]);
    bench.outside(true);
    bench.write(Reg::IoIntSel, 0);
    assert_eq!(bench.read(Reg::IntDt), 0);
    bench.write(Reg::IoIntSel, LINE);
    assert_eq!(bench.read(Reg::IntDt), LINE);
}

// Linux masks while a handler runs and expects the edges of that time.
#[test]
fn edge_of_a_masked_line_is_latched_and_raises_when_unmasked() {
    let mut bench = Bench::interrupt(&[Reg::EdgLevel]);
    assert_eq!(bench.outside(true).irq, None);
    assert_eq!(bench.read(Reg::IntDt), LINE);
    assert_eq!(bench.write(Reg::MskClr, LINE).irq, Some(true));
}

// Linux `gpio_rcar_irq_disable` writes INTMSK with ~BIT to mask one line only.
#[test]
fn intmsk_masks_by_zero_and_mskclr_lets_through_by_one() {
    let mut bench = Bench::new(Generation::Gen3);
    bench.write(Reg::MskClr, LINE);
    bench.write(Reg::MskClr, OTHER);
    assert_eq!(bench.read(Reg::IntMsk), LINE | OTHER);
    bench.write(Reg::IntMsk, !LINE);
    assert_eq!(bench.read(Reg::IntMsk), OTHER);
}

#[test]
fn irq_is_any_request_that_intmsk_lets_through() {
    let mut bench = Bench::interrupt(&[]);
    bench.write(Reg::MskClr, LINE);
    assert_eq!(bench.outside(true).irq, Some(true));
    assert!(bench.0.irq());
    assert_eq!(bench.write(Reg::IntMsk, !LINE).irq, Some(false));
    assert_eq!(bench.write(Reg::MskClr, LINE).irq, Some(true));
    assert_eq!(bench.outside(false).irq, Some(false));
}

// The Linux change that clears OUTDTSEL: with the bit set, OUTDT does not reach the pad.
#[test]
fn outdtsel_switches_from_outdt_to_outdth_and_outdtl() {
    let mut bench = Bench::new(Generation::Gen3);
    bench.write(Reg::InOutSel, LINE | OTHER);
    bench.write(Reg::OutDtSel, LINE);
    assert_eq!(bench.write(Reg::OutDt, LINE | OTHER).changed, OTHER);
    assert_eq!(bench.write(Reg::OutDtH, LINE).changed, LINE);
    assert!(bench.write(Reg::OutDtH, 0).is_empty(), "0 changes nothing");
    assert!(bench.write(Reg::OutDtL, OTHER).is_empty(), "OTHER uses OUTDT");
    assert_eq!(bench.write(Reg::OutDtL, LINE).changed, LINE);
    assert_eq!(bench.write(Reg::OutDtSel, 0).changed, LINE, "OUTDT was kept");
}

#[test]
fn chattering_prevention_is_held_and_filters_nothing() {
    let mut bench = Bench::interrupt(&[Reg::EdgLevel, Reg::FilOnOff]);
    assert_eq!(bench.read(Reg::FilOnOff), LINE);
    bench.outside(true);
    assert_eq!(bench.read(Reg::IntDt), LINE);
}

#[test]
fn sub_mask_is_held_and_raises_nothing() {
    let mut bench = Bench::interrupt(&[]);
    bench.write(Reg::MskClrS, LINE | OTHER);
    bench.write(Reg::IntMskS, !OTHER);
    assert_eq!(bench.read(Reg::IntMskS), LINE);
    assert_eq!(bench.outside(true).irq, None);
}

#[test]
fn effects_in_sequence_tell_what_happened_and_the_last_irq_level() {
    let mut bench = Bench::interrupt(&[]);
    bench.write(Reg::MskClr, LINE);
    let both = bench.outside(true).then(bench.outside(false));
    assert_eq!((both.changed, both.irq), (LINE, Some(false)));
    let unrelated = bench.0.drive_outside(OTHER, OTHER);
    assert_eq!(both.then(unrelated).irq, Some(false));
    assert_eq!(both.then(unrelated).changed, LINE | OTHER);
}
