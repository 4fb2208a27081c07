// SPDX-License-Identifier: MIT OR Apache-2.0
//! The register table against the manual's (ARM DDI 0190B, table 3-1), and every access to the
//! page against the table.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use vgpio::regs::{Access, PAGE_SIZE, Register, TABLE};
use vgpio::{Effects, Misuse, Pl061, Snapshot};

/// Name, offset, access and reset value, as the manual has them.
const MANUAL: [(&str, u16, Access, u8); 24] = [
    ("GPIODATA", 0x000, Access::ReadWrite, 0x00),
    ("GPIODIR", 0x400, Access::ReadWrite, 0x00),
    ("GPIOIS", 0x404, Access::ReadWrite, 0x00),
    ("GPIOIBE", 0x408, Access::ReadWrite, 0x00),
    ("GPIOIEV", 0x40c, Access::ReadWrite, 0x00),
    ("GPIOIE", 0x410, Access::ReadWrite, 0x00),
    ("GPIORIS", 0x414, Access::ReadOnly, 0x00),
    ("GPIOMIS", 0x418, Access::ReadOnly, 0x00),
    ("GPIOIC", 0x41c, Access::WriteOnly, 0x00),
    ("GPIOAFSEL", 0x420, Access::ReadWrite, 0x00),
    ("GPIOITCR", 0x600, Access::Test, 0x00),
    ("GPIOITIP1", 0x604, Access::Test, 0x00),
    ("GPIOITIP2", 0x608, Access::Test, 0x00),
    ("GPIOITOP1", 0x60c, Access::Test, 0x00),
    ("GPIOITOP2", 0x610, Access::Test, 0x00),
    ("GPIOITOP3", 0x614, Access::Test, 0x00),
    ("GPIOPeriphID0", 0xfe0, Access::ReadOnly, 0x61),
    ("GPIOPeriphID1", 0xfe4, Access::ReadOnly, 0x10),
    ("GPIOPeriphID2", 0xfe8, Access::ReadOnly, 0x04),
    ("GPIOPeriphID3", 0xfec, Access::ReadOnly, 0x00),
    ("GPIOPCellID0", 0xff0, Access::ReadOnly, 0x0d),
    ("GPIOPCellID1", 0xff4, Access::ReadOnly, 0xf0),
    ("GPIOPCellID2", 0xff8, Access::ReadOnly, 0x05),
    ("GPIOPCellID3", 0xffc, Access::ReadOnly, 0xb1),
];

/// Offsets at which accesses are tried: the whole page, the bytes behind it, and far outside.
fn offsets() -> impl Iterator<Item = u64> {
    (0..PAGE_SIZE + 16).chain([0x1_0000, 0x1_0400, u64::from(u32::MAX) + 1, u64::MAX - 3, u64::MAX])
}

/// A model with another value in each register, and edges, levels and interrupts about.
fn busy() -> Pl061 {
    let mut model = Pl061::new();
    for (offset, value) in [
        (0x400, 0b1111_0000),
        (0x3fc, 0b1010_0101),
        (0x404, 0b0000_0011),
        (0x408, 0b0000_0100),
        (0x40c, 0b0000_1001),
        (0x410, 0b0001_1111),
        (0x420, 0b1000_0000),
    ] {
        assert_eq!(model.write(offset, 4, value).guest_error, None);
    }
    let _ = model.set_inputs(0xff, 0b0110_1101);
    model
}

/// What is wrong with an access, worked out from the manual's list.
fn mistake(offset: u64, size: usize, store: bool) -> Option<Misuse> {
    if !matches!(size, 1 | 2 | 4) {
        return Some(Misuse::Size);
    }
    if !offset.is_multiple_of(4) {
        return Some(Misuse::Alignment);
    }
    let base = if offset < 0x400 { 0 } else { offset };
    let access = MANUAL.iter().find(|entry| u64::from(entry.1) == base).map(|entry| entry.2);
    match (access, store) {
        (None, _) => Some(Misuse::Reserved),
        (Some(Access::Test), _) => Some(Misuse::Test),
        (Some(Access::ReadOnly), true) => Some(Misuse::ReadOnly),
        (Some(Access::WriteOnly), false) => Some(Misuse::WriteOnly),
        _ => None,
    }
}

#[test]
fn the_table_is_the_manuals() {
    let table = TABLE.map(|entry| (entry.name, entry.offset, entry.access, entry.reset));
    assert_eq!(table, MANUAL);
}

#[test]
fn the_table_is_in_order_and_without_overlap() {
    for (line, entry) in TABLE.iter().enumerate() {
        assert_eq!(entry.register as usize, line, "{}", entry.name);
        assert_eq!(entry.register.entry(), entry);
    }
    for pair in TABLE.windows(2) {
        assert!(pair[0].offset + 4 * pair[0].words <= pair[1].offset, "{}", pair[1].name);
    }
}

#[test]
fn each_word_decodes_to_the_register_that_the_table_puts_there() {
    for offset in offsets() {
        let there = TABLE.iter().find(|entry| {
            let first = u64::from(entry.offset);
            (first..first + 4 * u64::from(entry.words)).contains(&offset)
        });
        assert_eq!(Register::at(offset), there.map(|entry| entry.register), "{offset:#x}");
    }
}

#[test]
fn each_register_has_its_reset_value_before_and_after_a_reset() {
    let mut used = busy();
    let _ = used.set_inputs(0xff, 0);
    let _ = used.reset();
    for mut model in [Pl061::new(), used] {
        for (name, offset, access, reset) in MANUAL {
            if matches!(access, Access::ReadWrite | Access::ReadOnly) {
                let (value, effects) = model.read(u64::from(offset), 4);
                assert_eq!((value, effects), (u32::from(reset), Effects::NONE), "{name}");
            }
        }
    }
}

#[test]
fn the_identification_is_what_linux_looks_for() {
    // drivers/gpio/gpio-pl061.c: id 0x00041061, mask 0x000fffff; include/linux/amba/bus.h:
    // AMBA_CID 0xb105f00d.
    let mut model = Pl061::new();
    let mut word = |offset: u64| {
        (0..4).fold(0, |word, byte| word | (model.read(offset + 4 * byte, 4).0 << (8 * byte)))
    };
    assert_eq!(word(0xfe0), 0x0004_1061);
    assert_eq!(word(0xff0), 0xb105_f00d);
}

#[test]
fn loads_at_every_offset_and_size_change_nothing_but_the_count() {
    let mut model = busy();
    let state = model.snapshot();
    let mut mistakes = 0;
    for offset in offsets() {
        for size in 0..=9 {
            let (value, effects) = model.read(offset, size);
            let misuse = mistake(offset, size, false);
            assert_eq!(effects.guest_error.map(|error| error.misuse), misuse, "{offset:#x} {size}");
            assert_eq!(Effects { guest_error: None, ..effects }, Effects::NONE);
            assert!(value <= 0xff, "{offset:#x}: a register has 8 bits");
            if let Some(error) = effects.guest_error {
                mistakes += 1;
                assert_eq!((error.offset, error.size, error.store), (offset, size, false));
                assert_eq!((error.count, value), (mistakes, 0), "{offset:#x} {size}");
            } else {
                assert_eq!(value, model.read(offset, 4).0, "{offset:#x}: all sizes load the same");
            }
        }
    }
    assert_eq!(model.snapshot(), state);
    assert_eq!(model.guest_errors(), mistakes);
}

#[test]
fn wrong_stores_at_every_offset_and_size_change_nothing_but_the_count() {
    for offset in offsets() {
        for size in 0..=9 {
            let mut model = busy();
            let effects = model.write(offset, size, 0x5a5a_5a5a);
            let misuse = mistake(offset, size, true);
            assert_eq!(effects.guest_error.map(|error| error.misuse), misuse, "{offset:#x} {size}");
            if let Some(error) = effects.guest_error {
                assert_eq!((error.offset, error.size, error.store), (offset, size, true));
                assert_eq!((error.count, model.guest_errors()), (1, 1));
                assert_eq!(Effects { guest_error: None, ..effects }, Effects::NONE);
                assert_eq!(model.snapshot(), busy().snapshot(), "{offset:#x} {size}");
            }
        }
    }
}

#[test]
fn each_state_register_takes_its_writable_bits_at_each_size_and_no_other_does() {
    for entry in TABLE.iter().filter(|entry| entry.access == Access::ReadWrite) {
        for (size, value) in [(1, 0xff), (2, 0xff5a), (4, 0xdead_be00), (4, 0xa5), (1, 0xff00)] {
            let mut model = Pl061::new();
            let offset = if entry.register == Register::Data { 0x3fc } else { entry.offset };
            assert_eq!(model.write(u64::from(offset), size, value).guest_error, None);
            let mut expected = Pl061::new().snapshot();
            let place = Snapshot::SAVED.iter().position(|saved| *saved == entry.register).unwrap();
            expected.registers[place] = value.to_le_bytes()[0] & entry.writable;
            assert_eq!(model.snapshot(), expected, "{} {size} {value:#x}", entry.name);
        }
    }
}

#[test]
fn byte_accesses_fill_the_whole_buffer_little_endian() {
    let mut model = busy();
    for size in 0..=9 {
        let mut data = vec![0xee; size];
        let effects = model.read_bytes(0xfe0, &mut data);
        let sound = matches!(size, 1 | 2 | 4);
        assert_eq!(effects.guest_error.is_none(), sound, "{size}");
        let mut expected = vec![0; size];
        if sound {
            expected[0] = 0x61;
        }
        assert_eq!(data, expected);
    }
    assert_eq!(model.write_bytes(0x400, &[0x12, 0x34, 0x56, 0x78]).guest_error, None);
    assert_eq!(model.read(0x400, 4).0, 0x12);
    assert!(model.write_bytes(0x400, &[]).guest_error.is_some());
}

#[test]
fn a_mistake_reads_well_in_a_log() {
    let mut model = Pl061::new();
    let text = |effects: Effects| effects.guest_error.unwrap().to_string();
    assert_eq!(
        text(model.write(0xfe8, 1, 0)),
        "PL061: guest store of 1 byte(s) at offset 0xfe8: the register is read-only (mistake \
         number 1)"
    );
    assert_eq!(
        text(model.read(0x41c, 4).1),
        "PL061: guest load of 4 byte(s) at offset 0x41c: the register is write-only (mistake \
         number 2)"
    );
}
