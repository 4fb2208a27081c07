// SPDX-License-Identifier: MIT OR Apache-2.0
//! Snapshots: the whole state comes back, anything else is refused and changes nothing.
#![allow(clippy::unwrap_used, reason = "tests")]

use vgpio_rcar::regs::{COUNT, Reg};
use vgpio_rcar::{Block, Bus, Driver, Generation, Line, Pull, Snapshot, SnapshotError, Trigger};

/// Word of the levels: behind magic, version, generation and the registers.
const LEVELS: usize = 3 + COUNT;

fn line(offset: u32) -> Line {
    Line::new(offset).unwrap()
}

/// A block with an output, a pending edge, pulls, a wire and a fight.
fn busy(generation: Generation) -> Block {
    let mut driver = Driver::new(Bus::new(Block::new(generation)), generation);
    driver.direction_output(line(0), true);
    driver.irq_type(line(1), Trigger::Rising);
    driver.irq_enable(line(1));
    let block = &mut driver.mmio_mut().block;
    let _ = block.set_pull(0xf0, Pull::Up);
    let _ = block.set_pull(0xf00, Pull::Down);
    let _ = block.drive_outside(0b11, 0b10);
    let _ = block.wire(line(4), line(31));
    assert!(block.irq() && block.pads().contended() != 0);
    driver.mmio().block.clone()
}

fn changed(block: &Block, word: usize, value: u32) -> Vec<u8> {
    let mut bytes = block.snapshot().to_bytes().to_vec();
    bytes[4 * word..4 * word + 4].copy_from_slice(&value.to_le_bytes());
    bytes
}

#[test]
fn state_comes_back_whole_and_tells_its_effects() {
    for generation in Generation::ALL {
        let block = busy(generation);
        let bytes = block.snapshot().to_bytes();
        let mut copy = Block::new(generation);
        let effects = copy.restore(&Snapshot::from_bytes(&bytes).unwrap()).unwrap();
        assert_eq!(copy, block);
        assert_eq!(effects.changed, block.pads().levels());
        assert_eq!(effects.irq, Some(true));
        assert_eq!(effects.contention_began, block.pads().contended());
        assert!(copy.restore(&block.snapshot()).unwrap().is_empty());
    }
}

#[test]
fn format_is_fixed() {
    let bytes = busy(Generation::Gen3).snapshot().to_bytes();
    assert_eq!(bytes.len(), 236);
    assert_eq!(bytes[..12], *b"rcar\x01\0\0\0\x03\0\0\0");
    let inoutsel = 12 + 4 * Reg::InOutSel as usize;
    assert_eq!(bytes[inoutsel..inoutsel + 4], [1, 0, 0, 0]);
}

#[test]
fn wrong_bytes_are_refused() {
    let block = busy(Generation::Gen3);
    let bytes = block.snapshot().to_bytes();
    for length in [0, 1, Snapshot::LEN - 1] {
        let error = Snapshot::from_bytes(&bytes[..length]).unwrap_err();
        assert_eq!(error, SnapshotError::Length { length });
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(Snapshot::from_bytes(&longer).is_err());
    for word in [0, 1] {
        let error = Snapshot::from_bytes(&changed(&block, word, 2)).unwrap_err();
        assert_eq!(error, SnapshotError::Format);
    }
}

#[test]
fn contradictions_are_refused_and_change_nothing() {
    let block = busy(Generation::Gen3);
    let word_of = |reg: Reg| 3 + reg as usize;
    for (word, value, part) in [
        (2, 4, "rcar-gen3"),
        (2, 9, "rcar-gen3"),
        (word_of(Reg::IntClr), 1, "stores nothing"),
        (word_of(Reg::InEn), 1, "stores nothing"),
        (LEVELS, 0, "do not follow"),
        (LEVELS + 1, 0xff0, "up and down"),
        (LEVELS + 4, 0b110, "drives nothing"),
        (LEVELS + 5, 0b1, "one end"),
        (LEVELS + 5, 0b10, "one end"),
    ] {
        let mut target = Block::new(Generation::Gen3);
        let snapshot = Snapshot::from_bytes(&changed(&block, word, value)).unwrap();
        let error = target.restore(&snapshot).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
        assert_eq!(target, Block::new(Generation::Gen3));
    }
}
