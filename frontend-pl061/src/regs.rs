// SPDX-License-Identifier: MIT OR Apache-2.0
//! The register table of the PL061 (ARM DDI 0190B, section 3.2 and table 3-1).
//!
//! Registers are 8 bits wide, each in the lowest byte of its own 32-bit word. The data register
//! fills 256 words: bits 9 to 2 of the address choose the lines that an access touches
//! (section 3.3.1).
//!
//! # The identification bytes
//!
//! `GPIOPeriphID2` is 0x04 here: revision 0 in the upper half; the lower half completes the 1 in
//! `GPIOPeriphID1` to 0x41, the designer Arm. With the other bytes it spells 0x00041061, by which
//! Linux knows the part (`drivers/gpio/gpio-pl061.c`). Models differ: QEMU has 0x04, and so has
//! `VirtualBox` (`DevPL061.cpp`), which names the manual's register summary as its source; Cloud
//! Hypervisor has 0x14, a revision 1. Linux masks the revision out, so a guest works with both.
#![forbid(unsafe_code)]

/// Size of the register page in bytes.
pub const PAGE_SIZE: u64 = 0x1000;

/// What a guest may do with a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Load and store; the register is state, and saved.
    ReadWrite,
    /// Load only: a status, or a constant.
    ReadOnly,
    /// Store only: an action, whose register loads as 0.
    WriteOnly,
    /// An integration test register (manual, chapter 4): it drives and watches the wires between
    /// the blocks of a chip, which a virtual machine has not. Loads as 0, stores are ignored.
    Test,
}

/// One line of the register table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The register described.
    pub register: Register,
    /// The manual's name.
    pub name: &'static str,
    /// Offset of its first word from the start of the page, in bytes.
    pub offset: u16,
    /// Number of 32-bit words it fills.
    pub words: u16,
    /// What a guest may do with it.
    pub access: Access,
    /// Its value after reset; for a constant, its value.
    pub reset: u8,
    /// The bits that a store changes.
    pub writable: u8,
    /// The manual's section.
    pub section: &'static str,
}

/// Makes the enum, its documentation and [`TABLE`] from one list.
macro_rules! registers {
    ($($register:ident $name:literal $offset:literal $words:literal $access:ident
       $reset:literal $writable:literal $section:literal $text:literal;)*) => {
        /// The registers, in the order of [`TABLE`].
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Register {
            $(
                #[doc = $text]
                ///
                #[doc = concat!("`", $name, "` at offset ", stringify!($offset), ", ",
                    stringify!($access), ", reset value ", stringify!($reset), ", writable bits ",
                    stringify!($writable), "; manual section ", $section, ".")]
                #[doc(alias = $name)]
                $register,
            )*
        }

        /// Every register, by rising offset. All else in the page is reserved.
        pub static TABLE: [Entry; Register::COUNT] = [
            $(Entry {
                register: Register::$register,
                name: $name,
                offset: $offset,
                words: $words,
                access: Access::$access,
                reset: $reset,
                writable: $writable,
                section: $section,
            },)*
        ];

        impl Register {
            /// Number of registers.
            pub const COUNT: usize = [$(Register::$register),*].len();
        }
    };
}

registers! {
    Data "GPIODATA" 0x000 256 ReadWrite 0x00 0xff "3.3.1"
        "Levels: of an output the value last stored, of an input the level of the line.";
    Direction "GPIODIR" 0x400 1 ReadWrite 0x00 0xff "3.3.2"
        "1 makes a line an output, 0 an input.";
    Sense "GPIOIS" 0x404 1 ReadWrite 0x00 0xff "3.3.3"
        "1 makes a line's interrupt level-triggered, 0 edge-triggered.";
    BothEdges "GPIOIBE" 0x408 1 ReadWrite 0x00 0xff "3.3.4"
        "1 takes both edges of an edge-triggered line, 0 leaves the choice to `GPIOIEV`.";
    Event "GPIOIEV" 0x40c 1 ReadWrite 0x00 0xff "3.3.5"
        "1 takes rising edges or high levels, 0 falling edges or low levels.";
    Enable "GPIOIE" 0x410 1 ReadWrite 0x00 0xff "3.3.6"
        "1 lets a line's interrupt through.";
    RawStatus "GPIORIS" 0x414 1 ReadOnly 0x00 0x00 "3.3.7"
        "1 where a line's trigger condition is met, before `GPIOIE`.";
    MaskedStatus "GPIOMIS" 0x418 1 ReadOnly 0x00 0x00 "3.3.8"
        "1 where a line's interrupt is raised: `GPIORIS` and `GPIOIE`.";
    Clear "GPIOIC" 0x41c 1 WriteOnly 0x00 0xff "3.3.9"
        "Storing 1 forgets the line's detected edge; a level's status is not touched.";
    Mode "GPIOAFSEL" 0x420 1 ReadWrite 0x00 0xff "3.3.10"
        "1 gives a line to the hardware's alternate function, 0 to software.";
    TestControl "GPIOITCR" 0x600 1 Test 0x00 0x00 "chapter 4"
        "Integration test control.";
    TestInput1 "GPIOITIP1" 0x604 1 Test 0x00 0x00 "chapter 4"
        "Integration test input 1.";
    TestInput2 "GPIOITIP2" 0x608 1 Test 0x00 0x00 "chapter 4"
        "Integration test input 2.";
    TestOutput1 "GPIOITOP1" 0x60c 1 Test 0x00 0x00 "chapter 4"
        "Integration test output 1.";
    TestOutput2 "GPIOITOP2" 0x610 1 Test 0x00 0x00 "chapter 4"
        "Integration test output 2.";
    TestOutput3 "GPIOITOP3" 0x614 1 Test 0x00 0x00 "chapter 4"
        "Integration test output 3.";
    PeriphId0 "GPIOPeriphID0" 0xfe0 1 ReadOnly 0x61 0x00 "3.3.11"
        "Part number, bits 7 to 0.";
    PeriphId1 "GPIOPeriphID1" 0xfe4 1 ReadOnly 0x10 0x00 "3.3.11"
        "Designer, bits 3 to 0, and part number, bits 11 to 8.";
    PeriphId2 "GPIOPeriphID2" 0xfe8 1 ReadOnly 0x04 0x00 "3.3.11"
        "Revision, and designer, bits 7 to 4.";
    PeriphId3 "GPIOPeriphID3" 0xfec 1 ReadOnly 0x00 0x00 "3.3.11"
        "Configuration.";
    PCellId0 "GPIOPCellID0" 0xff0 1 ReadOnly 0x0d 0x00 "3.3.12"
        "`PrimeCell` identification, bits 7 to 0.";
    PCellId1 "GPIOPCellID1" 0xff4 1 ReadOnly 0xf0 0x00 "3.3.12"
        "`PrimeCell` identification, bits 15 to 8.";
    PCellId2 "GPIOPCellID2" 0xff8 1 ReadOnly 0x05 0x00 "3.3.12"
        "`PrimeCell` identification, bits 23 to 16.";
    PCellId3 "GPIOPCellID3" 0xffc 1 ReadOnly 0xb1 0x00 "3.3.12"
        "`PrimeCell` identification, bits 31 to 24.";
}

/// Number of 32-bit words in the page.
const WORDS: usize = 0x400;

/// The register of each word of the page.
static DECODER: [Option<Register>; WORDS] = decoder();

impl Register {
    /// The register that the word at `offset` belongs to; none if the word is reserved or outside
    /// of the page. The two lowest bits of `offset` are not looked at.
    #[must_use]
    pub fn at(offset: u64) -> Option<Self> {
        DECODER.get(usize::try_from(offset / 4).ok()?).copied().flatten()
    }

    /// The register's line of the table.
    #[must_use]
    pub const fn entry(self) -> &'static Entry {
        &TABLE[self as usize]
    }
}

const fn decoder() -> [Option<Register>; WORDS] {
    let mut words = [None; WORDS];
    let mut line = 0;
    while line < TABLE.len() {
        let entry = &TABLE[line];
        let first = entry.offset as usize / 4;
        let mut word = first;
        while word < first + entry.words as usize {
            words[word] = Some(entry.register);
            word += 1;
        }
        line += 1;
    }
    words
}
