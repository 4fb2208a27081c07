// SPDX-License-Identifier: MIT OR Apache-2.0
//! The PL061 beside its reference: registers, lines and interrupt agree after every access, and with any saved state.

use arbitrary::{Arbitrary, Result, Unstructured};
use vgpio::Snapshot;

#[path = "../../frontend-pl061/tests/reference/mod.rs"]
mod reference;

use reference::{Bench, Op};

use crate::each;

/// The register model of the PL061.
///
/// # Panics
/// The model is not what the reference is, or a state does not come back as it was saved.
pub fn pl061(input: &[u8]) {
    let mut bench = Bench::new();
    each(&mut Unstructured::new(input), |Any(op)| bench.run(&op));
    // What nothing happened to load: among them raw and masked status.
    for offset in (0x3fc..0x424).step_by(4) {
        bench.run(&Op::Load(offset, 4));
    }
    bench.run(&Op::SaveAndRestore);
}

struct Any(Op);

impl<'a> Arbitrary<'a> for Any {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(match u.int_in_range(0..=9)? {
            0 => Op::Load(offset(u)?, size(u)?),
            1..5 => Op::Store(offset(u)?, size(u)?, u32::from(u.arbitrary::<u8>()?)),
            5 => Op::Store(offset(u)?, size(u)?, u.arbitrary()?),
            6 => Op::Inputs(u.arbitrary()?, u.arbitrary()?),
            7 => Op::Reset,
            8 => saved(u)?,
            _ if u.arbitrary()? => Op::SaveAndRestore,
            _ => Op::GoBack,
        }))
    }
}

/// A state of any content: it is refused, or it is taken as it is.
fn saved(u: &mut Unstructured<'_>) -> Result<Op> {
    let mut bytes = *b"PL61\x01\0\0\0\0\0\0\0\0\0\0\0";
    for byte in &mut bytes[4..] {
        *byte ^= u.arbitrary::<u8>()?;
    }
    Ok(match Snapshot::from_bytes(&bytes) {
        Ok(snapshot) => {
            assert_eq!(snapshot.to_bytes(), bytes);
            Op::Restore(snapshot)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            Op::GoBack
        }
    })
}

fn offset(u: &mut Unstructured<'_>) -> Result<u64> {
    match u.int_in_range(0..=5)? {
        0 => Ok(u64::from(u.arbitrary::<u8>()?) * 4),
        1 => u.int_in_range(0..=0x1100),
        2 => u.arbitrary(),
        _ => Ok(u.int_in_range(0x100..=0x108)? * 4),
    }
}

fn size(u: &mut Unstructured<'_>) -> Result<usize> {
    Ok([4, 1, 2, 3, 8, 0, usize::MAX][u.int_in_range(0..=6)?])
}
