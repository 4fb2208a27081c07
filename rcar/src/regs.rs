// SPDX-License-Identifier: MIT OR Apache-2.0
//! The register table, written down once.
//!
//! Sources, by the short names of the table:
//!
//! - **Linux**: `drivers/gpio/gpio-rcar.c`, 6.12.
//! - **Zephyr**: `drivers/gpio/gpio_rcar.c`.
//! - **OUTDTSEL change**: Linux commit "gpio: rcar: select General Output Register to set output
//!   states" and its discussion, which names OUTDTH and OUTDTL.
//! - **QNX**: register dump of Renesas' public QNX GPIO driver for Gen3 and V3U (the first chip with
//!   the Gen4 block).
//! - **Koelsch**: register list of public test code for the Gen2 board Koelsch (R8A7791).
//!
#![doc = include_str!("registers.md")]

use std::fmt::{self, Write as _};
use std::str::FromStr;

/// Generation of the block. RZ/G1 chips have the Gen2 block, RZ/G2 chips the Gen3 block and R-Car
/// V3U the Gen4 block (Linux device-tree binding `renesas,rcar-gpio`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Generation {
    /// R-Car Gen2.
    Gen2,
    /// R-Car Gen3.
    Gen3,
    /// R-Car Gen4.
    Gen4,
}

/// A name is no generation of the block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no R-Car GPIO block is called {name:?}; use rcar-gen2, rcar-gen3 or rcar-gen4")]
pub struct UnknownGeneration {
    /// The name that was given.
    pub name: String,
}

impl Generation {
    /// All generations, oldest first.
    pub const ALL: [Self; 3] = [Self::Gen2, Self::Gen3, Self::Gen4];

    /// Name as on the command line: `rcar-gen3`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gen2 => "rcar-gen2",
            Self::Gen3 => "rcar-gen3",
            Self::Gen4 => "rcar-gen4",
        }
    }

    /// Size of the register window in bytes, as in the `reg` properties of the Linux device trees.
    #[must_use]
    pub const fn window(self) -> u32 {
        match self {
            Self::Gen2 | Self::Gen3 => 0x50,
            Self::Gen4 => 0x54,
        }
    }

    /// INDT shows the level of outputs as well (`has_always_in` in Linux).
    #[must_use]
    pub const fn reads_back_outputs(self) -> bool {
        !matches!(self, Self::Gen2)
    }

    /// Inputs must be switched on in INEN (`has_inen` in Linux).
    #[must_use]
    pub const fn has_input_enable(self) -> bool {
        matches!(self, Self::Gen4)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Generation {
    type Err = UnknownGeneration;

    fn from_str(name: &str) -> Result<Self, UnknownGeneration> {
        let found = Self::ALL.into_iter().find(|g| g.name() == name);
        found.ok_or_else(|| UnknownGeneration { name: name.into() })
    }
}

/// What a read of a register gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRead {
    /// The stored value.
    Stored,
    /// Zero: the register is for writing.
    Zero,
    /// The levels of the pads, as the input buffers and POSNEG let them through.
    Inputs,
    /// The interrupt requests: latched edges and active levels.
    Requests,
}

/// What a write to a register does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnWrite {
    /// Stores the value.
    Store,
    /// Nothing: the register is for reading.
    Ignore,
    /// A 0 clears the bit, a 1 leaves it.
    ClearByZero,
    /// A 1 sets the bit in the named register, a 0 leaves it.
    SetIn(Reg),
    /// A 1 clears the bit in the named register, a 0 leaves it.
    ClearIn(Reg),
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Register {
    /// Which register this is.
    pub reg: Reg,
    /// Byte offset in the window.
    pub offset: u32,
    /// Name in the manual and in Linux.
    pub name: &'static str,
    /// What a read gives.
    pub on_read: OnRead,
    /// What a write does.
    pub on_write: OnWrite,
    /// Value after reset.
    pub reset: u32,
    /// Generations that have it.
    pub generations: &'static [Generation],
    /// What a 1 in a bit means.
    pub meaning: &'static str,
    /// Who relies on this.
    pub source: &'static str,
}

use Generation::{Gen2, Gen3, Gen4};
const ALL: &[Generation] = &[Gen2, Gen3, Gen4];
const UP_TO_GEN3: &[Generation] = &[Gen2, Gen3];
const SINCE_GEN4: &[Generation] = &[Gen4];

/// Makes [`Reg`] and [`REGISTERS`] from the same rows, so that they cannot differ.
macro_rules! registers {
    ($($reg:ident $name:literal $offset:literal $read:ident $write:expr, $reset:literal,
       $generations:ident, $meaning:literal, $source:literal;)*) => {
        /// A register of the block.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reg {
            $(#[doc = concat!($name, ": ", $meaning, ".")] $reg,)*
        }

        /// The table, in the order of the offsets.
        pub static REGISTERS: [Register; COUNT] = TABLE;

        /// Number of registers of all generations together.
        pub const COUNT: usize = [$(Reg::$reg),*].len();

        const TABLE: [Register; COUNT] = [$(Register {
            reg: Reg::$reg,
            offset: $offset,
            name: $name,
            on_read: OnRead::$read,
            on_write: $write,
            reset: $reset,
            generations: $generations,
            meaning: $meaning,
            source: $source,
        },)*];
    };
}

use OnWrite::{ClearByZero, ClearIn, Ignore, SetIn, Store};

registers! {
    IoIntSel  "IOINTSEL"  0x00 Stored   Store, 0, ALL, "interrupt input, 0 general input or output", "Linux";
    InOutSel  "INOUTSEL"  0x04 Stored   Store, 0, ALL, "output, 0 input (in general mode)", "Linux";
    OutDt     "OUTDT"     0x08 Stored   Store, 0, ALL, "output data high", "Linux";
    InDt      "INDT"      0x0c Inputs   Ignore, 0, ALL, "input data high", "Linux";
    IntDt     "INTDT"     0x10 Requests Ignore, 0, ALL, "interrupt requested, masked or not", "Linux";
    IntClr    "INTCLR"    0x14 Zero     ClearIn(Reg::IntDt), 0, ALL, "drop the latched edge", "Linux";
    IntMsk    "INTMSK"    0x18 Stored   ClearByZero, 0, ALL, "request is let through; written 0 masks it", "Linux";
    MskClr    "MSKCLR"    0x1c Zero     SetIn(Reg::IntMsk), 0, ALL, "let the request through", "Linux";
    PosNeg    "POSNEG"    0x20 Stored   Store, 0, ALL, "falling edge, low level or inverted data", "Linux";
    EdgLevel  "EDGLEVEL"  0x24 Stored   Store, 0, ALL, "edge, 0 level", "Linux";
    FilOnOff  "FILONOFF"  0x28 Stored   Store, 0, ALL, "chattering prevention on (held only)", "Linux";
    FilClkSel "FILCLKSEL" 0x2c Stored   Store, 0, SINCE_GEN4, "clock of chattering prevention (held only)", "QNX";
    IntMskS   "INTMSKS"   0x38 Stored   ClearByZero, 0, UP_TO_GEN3, "sub request is let through (held only)", "Koelsch, QNX";
    MskClrS   "MSKCLRS"   0x3c Zero     SetIn(Reg::IntMskS), 0, UP_TO_GEN3, "let the sub request through (held only)", "Koelsch, QNX";
    OutDtSel  "OUTDTSEL"  0x40 Stored   Store, 0, ALL, "output data comes from OUTDTH and OUTDTL, 0 from OUTDT", "OUTDTSEL change";
    OutDtH    "OUTDTH"    0x44 Zero     SetIn(Reg::OutDtH), 0, ALL, "make the second output data high", "OUTDTSEL change, Koelsch, QNX";
    OutDtL    "OUTDTL"    0x48 Zero     ClearIn(Reg::OutDtH), 0, ALL, "make the second output data low", "OUTDTSEL change, Koelsch, QNX";
    BothEdge  "BOTHEDGE"  0x4c Stored   Store, 0, ALL, "both edges, 0 the edge of POSNEG", "Linux";
    InEn      "INEN"      0x50 Stored   Store, 0, SINCE_GEN4, "input buffer on", "Linux, Zephyr";
}

/// Words of the largest window.
const SLOTS: usize = (Gen4.window() / 4) as usize;

/// Word of the window to register.
const BY_WORD: [Option<Reg>; SLOTS] = {
    let mut by_word = [None; SLOTS];
    let mut i = 0;
    while i < COUNT {
        assert!(TABLE[i].reg as usize == i && TABLE[i].offset.is_multiple_of(4));
        let word = (TABLE[i].offset / 4) as usize;
        assert!(by_word[word].is_none(), "two registers at one offset");
        by_word[word] = Some(TABLE[i].reg);
        i += 1;
    }
    by_word
};

impl Reg {
    /// The register at `offset` bytes in the window of `generation`; none where it is reserved, out
    /// of the window or not aligned.
    #[must_use]
    pub fn at(offset: u64, generation: Generation) -> Option<Self> {
        if !offset.is_multiple_of(4) {
            return None;
        }
        let word = usize::try_from(offset / 4).ok()?;
        let reg = (*BY_WORD.get(word)?)?;
        reg.row().generations.contains(&generation).then_some(reg)
    }

    /// The register's row of the table.
    #[must_use]
    pub fn row(self) -> &'static Register {
        &REGISTERS[self as usize]
    }

    /// Byte offset in the window.
    #[must_use]
    pub const fn offset(self) -> u32 {
        TABLE[self as usize].offset
    }
}

impl fmt::Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.row().name)
    }
}

impl Register {
    /// The block keeps a word for it: its value, or the latch behind it.
    #[must_use]
    pub fn stores(&self) -> bool {
        matches!(self.on_read, OnRead::Stored | OnRead::Requests)
            || self.on_write == SetIn(self.reg)
    }

    /// Access in words: what a read gives and a write does.
    #[must_use]
    pub fn access(&self) -> String {
        let write = match self.on_write {
            Store => return "read, write".into(),
            Ignore => return "read".into(),
            ClearByZero => return "read, write 0 to clear".into(),
            SetIn(reg) if reg == self.reg => "set".into(),
            SetIn(reg) => format!("set in {reg}"),
            ClearIn(reg) => format!("clear in {reg}"),
        };
        format!("write 1 to {write}")
    }
}

/// The table as Markdown, the text of this module's page.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(
        "| Offset | Register | Access | Reset | Generations | A bit of 1 means | Source |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for row in &REGISTERS {
        let generations: Vec<_> = row.generations.iter().map(|g| &g.name()[8..]).collect();
        writeln!(
            page,
            "| {:#04x} | {} | {} | {:#x} | {} | {} | {} |",
            row.offset,
            row.name,
            row.access(),
            row.reset,
            generations.join(", "),
            row.meaning,
            row.source,
        )
        .expect("a String takes any text");
    }
    page
}
