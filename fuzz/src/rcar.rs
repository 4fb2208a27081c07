// SPDX-License-Identifier: MIT OR Apache-2.0
//! The R-Car block beside its reference, and as a guest's controller whose lines follow what it tells.

use arbitrary::{Arbitrary, Result, Unstructured};
use vgpio_rcar::regs::Reg;
use vgpio_rcar::{Generation, GuestBlock, GuestEffects, Snapshot};

#[path = "../../rcar/tests/reference/mod.rs"]
mod reference;

use reference::operation::{Operation, run};

use crate::each;

/// The register model of the R-Car block.
///
/// # Panics
/// The block is not what the reference is, the lines of a guest are not what it was told, or a state does not come
/// back as it was saved.
pub fn rcar(input: &[u8]) {
    let mut input = Unstructured::new(input);
    let Ok(first) = input.arbitrary::<u8>() else { return };
    let generation = Generation::ALL[usize::from(first % 3)];
    if first & 0x80 == 0 {
        let mut operations = Vec::new();
        each(&mut input, |Any(operation)| operations.push(operation));
        run(generation, &operations);
    } else {
        let mut guest = Guest::new(generation);
        each(&mut input, |step| guest.step(&step));
        guest.save_and_restore();
    }
}

struct Any(Operation);

impl<'a> Arbitrary<'a> for Any {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        use Operation::{Drive, Pull, Release, Reset, SaveAndRestore, Unwire, Wire, Write};
        let pad = |u: &mut Unstructured<'a>| u.int_in_range(0..=31);
        Ok(Self(match u.int_in_range(0..=15)? {
            0..8 => Write { offset: register(u)?, size: 4, value: word(u)? },
            8 => Write {
                offset: u.int_in_range(0..=0x1100)?,
                size: u.int_in_range(0..=9)?,
                value: word(u)?,
            },
            9 | 10 => Drive { mask: word(u)?, bits: word(u)? },
            11 => Release { mask: word(u)? },
            12 => Pull { mask: word(u)?, pull: u.arbitrary()? },
            13 => Wire { a: pad(u)?, b: pad(u)? },
            14 => Unwire { a: pad(u)?, b: pad(u)? },
            _ if u.arbitrary()? => SaveAndRestore,
            _ => Reset,
        }))
    }
}

fn register(u: &mut Unstructured<'_>) -> Result<u64> {
    Ok(4 * u.int_in_range(0..=0x16)?)
}

/// One line, all but one, or anything.
fn word(u: &mut Unstructured<'_>) -> Result<u32> {
    let shape = u.arbitrary::<u8>()?;
    let bit = 1 << (shape & 31);
    Ok(match shape >> 5 {
        0..3 => bit,
        3 => !bit,
        4 => 0,
        5 => u32::MAX,
        _ => u.arbitrary()?,
    })
}

/// Something that happens to a guest's controller.
enum Step {
    Write {
        offset: u64,
        value: u32,
    },
    Inputs {
        mask: u32,
        bits: u32,
    },
    Reset,
    SaveAndRestore,
    /// Takes over its own state with some words changed.
    Load(Vec<(u8, u32)>),
}

impl<'a> Arbitrary<'a> for Step {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.int_in_range(0..=8)? {
            0..5 => Self::Write { offset: register(u)?, value: word(u)? },
            5 | 6 => Self::Inputs { mask: word(u)?, bits: word(u)? },
            7 if u.arbitrary()? => Self::SaveAndRestore,
            7 => Self::Reset,
            _ => {
                let count = u.int_in_range(0..=3_u8)?;
                let change = |_| Ok((u.int_in_range(0..=58)?, word(u)?));
                Self::Load((0..count).map(change).collect::<Result<_>>()?)
            }
        })
    }
}

/// A controller, and what the world knows of it.
struct Guest {
    block: GuestBlock,
    driven: u32,
    bits: u32,
    irq: bool,
}

impl Guest {
    fn new(generation: Generation) -> Self {
        Self { block: GuestBlock::new(generation), driven: 0, bits: 0, irq: false }
    }

    fn step(&mut self, step: &Step) {
        let effects = match step {
            Step::Write { offset, value } => self.block.write(*offset, 4, *value).ok(),
            Step::Inputs { mask, bits } => Some(self.block.set_inputs(*mask, *bits)),
            Step::Reset => Some(self.block.reset()),
            Step::SaveAndRestore => return self.save_and_restore(),
            Step::Load(changes) => self.load(changes),
        };
        self.follow(effects.unwrap_or_default());
    }

    fn load(&mut self, changes: &[(u8, u32)]) -> Option<GuestEffects> {
        let mut bytes = self.block.snapshot().to_bytes();
        for (word, value) in changes {
            bytes.as_chunks_mut().0[usize::from(*word)] = value.to_le_bytes();
        }
        let before = self.block.clone();
        let restored = Snapshot::from_bytes(&bytes).and_then(|state| self.block.restore(&state));
        match restored {
            Ok(effects) => Some(effects),
            Err(error) => {
                assert!(!error.to_string().is_empty() && self.block == before, "{error}");
                None
            }
        }
    }

    fn save_and_restore(&mut self) {
        let bytes = self.block.snapshot().to_bytes();
        let state = Snapshot::from_bytes(&bytes).expect("a saved state is one");
        assert_eq!(state.to_bytes(), bytes);
        let mut copy = GuestBlock::new(self.block.generation());
        let _from_reset = copy.restore(&state).expect("it is of this generation");
        assert_eq!(copy, self.block);
        let effects = self.block.restore(&state).expect("it is of this generation");
        assert_eq!(effects, GuestEffects::default());
    }

    fn follow(&mut self, effects: GuestEffects) {
        let GuestEffects { outputs, directions, irq } = effects;
        assert_eq!(outputs.mask & directions.mask, 0, "a line in both");
        assert_eq!(outputs.bits & !outputs.mask, 0);
        assert_eq!(directions.outputs & !directions.mask, 0);
        assert_eq!(directions.bits & !directions.outputs, 0);
        self.driven = self.driven & !directions.mask | directions.outputs;
        self.bits = self.bits & !(directions.mask | outputs.mask) | directions.bits | outputs.bits;
        self.irq = irq.unwrap_or(self.irq);
        let now = self.block.outputs();
        assert_eq!((self.driven, self.bits), (now.mask, now.bits), "{effects:?}");
        assert_eq!(self.irq, self.block.irq(), "{effects:?}");
        assert_eq!(self.block.levels() & self.driven, self.bits, "a driven line has its level");
        let read =
            |reg: Reg| self.block.read(reg.offset().into(), 4).expect("it has this register");
        let (requests, mask) = (read(Reg::IntDt), read(Reg::IntMsk));
        assert_eq!(self.irq, requests & mask != 0, "the interrupt is that of unmasked requests");
        assert_eq!(self.block.latched_edges() & !requests, 0, "an edge that is no request");
    }
}
