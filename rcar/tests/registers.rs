// SPDX-License-Identifier: MIT OR Apache-2.0
//! The register table against a list written by hand, and the whole window at every access size.
#![allow(clippy::unwrap_used, reason = "tests")]

use vgpio_rcar::regs::{COUNT, REGISTERS, Reg, markdown};
use vgpio_rcar::{AccessError, Block, Generation};

/// Offset, name, what a fresh block reads there, what it reads after all ones have been written to
/// it; none where it is reserved. Columns: Gen2, Gen3, Gen4.
type Row = (u64, &'static str, [Option<(u32, u32)>; 3]);
const RW: Option<(u32, u32)> = Some((0, u32::MAX));
const ZERO: Option<(u32, u32)> = Some((0, 0));
const REGS: [Row; COUNT] = [
    (0x00, "IOINTSEL", [RW, RW, RW]),
    (0x04, "INOUTSEL", [RW, RW, RW]),
    (0x08, "OUTDT", [RW, RW, RW]),
    (0x0c, "INDT", [ZERO, ZERO, ZERO]),
    (0x10, "INTDT", [ZERO, ZERO, ZERO]),
    (0x14, "INTCLR", [ZERO, ZERO, ZERO]),
    (0x18, "INTMSK", [ZERO, ZERO, ZERO]),
    (0x1c, "MSKCLR", [ZERO, ZERO, ZERO]),
    (0x20, "POSNEG", [RW, RW, RW]),
    (0x24, "EDGLEVEL", [RW, RW, RW]),
    (0x28, "FILONOFF", [RW, RW, RW]),
    (0x2c, "FILCLKSEL", [None, None, RW]),
    (0x38, "INTMSKS", [ZERO, ZERO, None]),
    (0x3c, "MSKCLRS", [ZERO, ZERO, None]),
    (0x40, "OUTDTSEL", [RW, RW, RW]),
    (0x44, "OUTDTH", [ZERO, ZERO, ZERO]),
    (0x48, "OUTDTL", [ZERO, ZERO, ZERO]),
    (0x4c, "BOTHEDGE", [RW, RW, RW]),
    (0x50, "INEN", [None, None, RW]),
];

fn listed(offset: u64, column: usize) -> Option<(u32, u32)> {
    REGS.iter().find(|row| row.0 == offset)?.2[column]
}

#[test]
fn table_equals_the_list() {
    let table = REGISTERS.map(|row| (u64::from(row.offset), row.name, row.reset));
    assert_eq!(table, REGS.map(|(offset, name, _)| (offset, name, 0)));
}

#[test]
fn reset_values_equal_the_list() {
    for (column, generation) in Generation::ALL.into_iter().enumerate() {
        let mut block = Block::new(generation);
        for pass in ["new", "reset"] {
            for (offset, name, columns) in REGS {
                let expected = columns[column].map(|(reset, _)| reset);
                let read = block.read(offset, 4).ok();
                assert_eq!(read, expected, "{pass} {generation} {name}");
            }
            for (offset, ..) in REGS {
                let _ = block.write(offset, 4, u32::MAX);
            }
            let _ = block.reset();
        }
    }
}

#[test]
fn every_offset_and_size_answers_as_listed() {
    for (column, generation) in Generation::ALL.into_iter().enumerate() {
        for offset in 0..0x1000 {
            for size in [0, 1, 2, 3, 4, 5, 8, 16, u32::MAX] {
                let mut block = Block::new(generation);
                let expected = listed(offset, column).filter(|_| size == 4);
                let read = block.read(offset, size);
                assert_eq!(read.ok(), expected.map(|(reset, _)| reset));
                let write = block.write(offset, size, u32::MAX);
                assert_eq!(write.is_ok(), expected.is_some());
                assert_eq!(block.read(offset, size).ok(), expected.map(|(_, ones)| ones));
                if expected.is_none() {
                    assert_eq!(block, Block::new(generation), "a refused write changes nothing");
                }
            }
        }
    }
}

#[test]
fn refusals_say_why() {
    let block = Block::new(Generation::Gen3);
    let shape = AccessError::Shape { offset: 2, size: 4 };
    assert_eq!(block.read(2, 4), Err(shape));
    assert!(block.read(0, 1).unwrap_err().to_string().contains("4-byte"));
    let reserved = block.read(0x50, 4).unwrap_err().to_string();
    assert!(reserved.contains("0x50") && reserved.contains("rcar-gen3"));
    assert!(block.read(u64::MAX - 3, 4).is_err());
}

// Linux device trees: `reg = <... 0x50>` on Gen2 and Gen3, 0x54 on V3U and Gen4.
#[test]
fn window_ends_behind_the_last_register() {
    for generation in Generation::ALL {
        let last = u64::from(generation.window()) - 4;
        assert!(Reg::at(last, generation).is_some());
        assert!(Reg::at(last + 4, generation).is_none());
    }
}

#[test]
fn generations_go_by_name() {
    for generation in Generation::ALL {
        assert_eq!(generation.name().parse(), Ok(generation));
    }
    let error = "rcar-gen1".parse::<Generation>().unwrap_err().to_string();
    assert!(error.contains("rcar-gen1") && error.contains("use rcar-gen2"));
}

#[test]
fn page_of_the_registers_is_up_to_date() {
    let page = include_str!("../src/registers.md");
    let (licence, table) = page.split_once('\n').unwrap();
    assert!(licence.contains("SPDX-License-Identifier"));
    assert_eq!(table, markdown(), "replace the table in src/registers.md");
}
