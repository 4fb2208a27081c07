// SPDX-License-Identifier: MIT OR Apache-2.0
//! One test per rule of the pads.
#![allow(clippy::unwrap_used, reason = "tests")]

use vgpio_rcar::regs::Reg;
use vgpio_rcar::{Block, Contention, Drivers, Effects, Generation, Line, Pull};

fn line(offset: u32) -> Line {
    Line::new(offset).unwrap()
}

fn block() -> Block {
    Block::new(Generation::Gen3)
}

/// The chip drives the lines in `mask` to `bits`.
fn chip(block: &mut Block, mask: u32, bits: u32) -> Effects {
    let mut write = |reg: Reg, value| block.write(reg.offset().into(), 4, value).unwrap();
    write(Reg::OutDt, bits).then(write(Reg::InOutSel, mask))
}

fn levels(block: &Block) -> u32 {
    block.pads().levels()
}

#[test]
fn pull_decides_an_undriven_pad() {
    let mut block = block();
    assert_eq!(block.set_pull(0b11, Pull::Up).changed, 0b11);
    assert_eq!(block.set_pull(0b01, Pull::Down).changed, 0b01);
    assert_eq!(block.pads().pull(line(0)), Pull::Down);
    assert_eq!(block.pads().pull(line(1)), Pull::Up);
    assert_eq!(block.pads().pull(line(2)), Pull::None);
}

#[test]
fn floating_pad_keeps_its_level() {
    let mut block = block();
    let _ = block.drive_outside(1, 1);
    assert!(block.release_outside(1).is_empty());
    assert_eq!(levels(&block), 1);
    let _ = block.set_pull(1, Pull::Down);
    assert!(block.set_pull(1, Pull::None).is_empty());
    assert_eq!(levels(&block), 0);
}

#[test]
fn drive_beats_pull() {
    let mut block = block();
    let _ = block.set_pull(0b11, Pull::Up);
    assert_eq!(block.drive_outside(0b01, 0).changed, 0b01);
    assert_eq!(chip(&mut block, 0b10, 0).changed, 0b10);
    assert_eq!(block.pads().contended(), 0, "a pull is no driver");
    assert_eq!(block.release_outside(0b01).changed, 0b01);
}

#[test]
fn chip_against_outside_is_reported_and_low_wins() {
    for (from_chip, from_outside) in [(1, 0), (0, 1)] {
        let mut block = block();
        let _ = chip(&mut block, 1, from_chip);
        let effects = block.drive_outside(1, from_outside);
        assert_eq!((effects.contention_began, levels(&block)), (1, 0));
        let by = |chip, outside| Drivers { chip, outside };
        let expected = Contention {
            net: 1,
            high: by(from_chip, from_outside),
            low: by(1 - from_chip, 1 - from_outside),
        };
        assert_eq!(block.pads().contentions().collect::<Vec<_>>(), [expected]);
        let effects = block.release_outside(1);
        assert_eq!((effects.contention_ended, block.pads().contended()), (1, 0));
        assert_eq!(levels(&block), from_chip);
    }
}

#[test]
fn drivers_that_agree_are_no_contention() {
    let mut block = block();
    let _ = chip(&mut block, 1, 1);
    assert!(block.drive_outside(1, 1).is_empty());
}

#[test]
fn wire_carries_an_output_to_an_input() {
    let mut block = block();
    let _ = block.wire(line(3), line(17));
    let both = 1 << 3 | 1 << 17;
    assert_eq!(chip(&mut block, 1 << 3, 1 << 3).changed, both);
    assert_eq!(block.pads().net(line(17)), both);
    assert_eq!(block.pads().wires().collect::<Vec<_>>(), [(line(3), line(17))]);
}

#[test]
fn nets_join_and_part_with_their_wires() {
    let mut block = block();
    for (a, b) in [(0, 1), (1, 2), (2, 3)] {
        let _ = block.wire(line(a), line(b));
    }
    assert_eq!(block.pads().net(line(0)), 0b1111);
    let _ = block.unwire(line(2), line(1));
    assert_eq!(block.pads().net(line(0)), 0b0011);
    assert_eq!(block.pads().net(line(3)), 0b1100);
    let _ = block.drive_outside(0b0001, 0b0001);
    assert_eq!(levels(&block), 0b0011);
}

#[test]
fn wire_of_a_pad_to_itself_is_none() {
    let mut block = block();
    assert!(block.wire(line(4), line(4)).is_empty());
    assert_eq!(block.pads().wires().count(), 0);
    assert!(block.unwire(line(4), line(5)).is_empty());
}

#[test]
fn outside_against_outside_over_a_wire_is_reported() {
    let mut block = block();
    let _ = block.drive_outside(0b011, 0b001);
    let effects = block.wire(line(0), line(1));
    assert_eq!((effects.contention_began, effects.changed), (0b11, 0b01));
    let fight = block.pads().contentions().next().unwrap();
    let by = |outside| Drivers { chip: 0, outside };
    assert_eq!((fight.net, fight.high, fight.low), (0b11, by(0b01), by(0b10)));
    assert_eq!(block.unwire(line(0), line(1)).contention_ended, 0b11);
}

#[test]
fn chip_against_chip_over_a_wire_is_reported() {
    let mut block = block();
    let _ = block.wire(line(0), line(1));
    assert_eq!(chip(&mut block, 0b11, 0b10).contention_began, 0b11);
}

#[test]
fn pulls_of_one_net_that_differ_cancel_out() {
    let mut block = block();
    let _ = block.set_pull(0b01, Pull::Up);
    let _ = block.set_pull(0b10, Pull::Down);
    let _ = block.drive_outside(0b10, 0b10);
    let _ = block.wire(line(0), line(1));
    let _ = block.release_outside(0b10);
    assert_eq!(levels(&block), 0b11, "the net floats and keeps its level");
    assert_eq!(block.set_pull(0b01, Pull::None).changed, 0b11);
}

#[test]
fn floating_pads_of_different_level_go_low_when_joined() {
    let mut block = block();
    let _ = block.drive_outside(0b01, 0b01);
    let _ = block.release_outside(0b01);
    assert_eq!(block.wire(line(0), line(1)).changed, 0b01);
}

// gpiolib emulates open drain by switching an output that is low to an input.
#[test]
fn open_drain_is_direction_switching() {
    let mut block = block();
    let _ = block.set_pull(0b11, Pull::Up);
    let _ = block.wire(line(0), line(1));
    let _ = chip(&mut block, 0b01, 0);
    assert_eq!(levels(&block), 0b00);
    let _ = chip(&mut block, 0b10, 0);
    assert_eq!(levels(&block), 0b00);
    let _ = chip(&mut block, 0, 0);
    assert_eq!(levels(&block), 0b11);
    assert_eq!(block.pads().contended(), 0);
}

#[test]
fn lines_end_at_31() {
    assert_eq!(line(31).mask(), 1 << 31);
    for offset in [32, 255, 256, u32::MAX] {
        let error = Line::new(offset).unwrap_err();
        assert!(error.to_string().contains("use 0 to 31"));
    }
}
