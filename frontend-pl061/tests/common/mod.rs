// SPDX-License-Identifier: MIT OR Apache-2.0
//! Offsets as a driver has them, accesses as Linux makes them (one byte), and effects in short.
#![allow(dead_code, reason = "each test file uses its part")]

use vgpio::{Directions, Effects, Levels, Pl061};

pub const DATA: u64 = 0x000;
pub const DIR: u64 = 0x400;
pub const IS: u64 = 0x404;
pub const IBE: u64 = 0x408;
pub const IEV: u64 = 0x40c;
pub const IE: u64 = 0x410;
pub const RIS: u64 = 0x414;
pub const MIS: u64 = 0x418;
pub const IC: u64 = 0x41c;
pub const AFSEL: u64 = 0x420;

/// `readb`
pub fn load(model: &mut Pl061, offset: u64) -> u8 {
    let (value, effects) = model.read(offset, 1);
    assert_eq!(effects, Effects::NONE);
    u8::try_from(value).expect("a register has 8 bits")
}

/// `writeb`
pub fn store(model: &mut Pl061, offset: u64, value: u8) -> Effects {
    let effects = model.write(offset, 1, u32::from(value));
    assert_eq!(effects.guest_error, None);
    effects
}

pub const fn quiet() -> Effects {
    Effects::NONE
}

pub const fn levels(mask: u8, bits: u8) -> Effects {
    Effects { outputs: Some(Levels { mask, bits }), ..Effects::NONE }
}

pub const fn direction(mask: u8, outputs: u8, bits: u8) -> Effects {
    Effects { direction: Some(Directions { mask, outputs, bits }), ..Effects::NONE }
}

pub const fn irq(raised: bool) -> Effects {
    Effects { irq: Some(raised), ..Effects::NONE }
}
