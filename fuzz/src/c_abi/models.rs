// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vgpio_pl061_*` and `vgpio_rcar_*`: what C is told is what the model says, and states of any bytes are taken or
//! leave all as it was.

use std::ptr;

use ::vgpio_rcar::{Generation, GuestBlock, GuestEffects, Snapshot as RcarSnapshot};
use arbitrary::{Arbitrary, Result, Unstructured};
use vgpio::{Effects, Pl061, Snapshot};

use super::header::{
    vgpio_pl061, vgpio_pl061_effects, vgpio_pl061_free, vgpio_pl061_irq, vgpio_pl061_load,
    vgpio_pl061_new, vgpio_pl061_read, vgpio_pl061_reset, vgpio_pl061_save, vgpio_pl061_set_inputs,
    vgpio_pl061_write, vgpio_rcar, vgpio_rcar_effects, vgpio_rcar_free, vgpio_rcar_levels,
    vgpio_rcar_load, vgpio_rcar_new, vgpio_rcar_outputs, vgpio_rcar_read, vgpio_rcar_reset,
    vgpio_rcar_save, vgpio_rcar_set_inputs, vgpio_rcar_write,
};
use crate::{each, some_bytes};

/// Something that happens to a model.
enum Call<'a> {
    Read {
        offset: u64,
        size: u32,
    },
    Write {
        offset: u64,
        size: u32,
        value: u32,
    },
    Inputs {
        mask: u32,
        bits: u32,
    },
    Reset,
    /// To a buffer of so many bytes more or less than a state has.
    Save(i8),
    /// The present state with some bytes changed.
    Patch(&'a [u8]),
    /// Any bytes.
    Load(&'a [u8]),
}

impl<'a> Arbitrary<'a> for Call<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let offset = |u: &mut Unstructured<'a>| match u.int_in_range(0..=3)? {
            0 => Ok(u64::from(u.arbitrary::<u8>()?) * 4),
            1 => u.arbitrary(),
            _ => Ok(0x400 * u.int_in_range(0..=1)? + 4 * u.int_in_range(0..=0x16)?),
        };
        let size = |u: &mut Unstructured<'a>| Ok([4, 4, 1, u32::MAX][u.int_in_range(0..=3)?]);
        Ok(match u.int_in_range(0..=9)? {
            0 | 1 => Self::Read { offset: offset(u)?, size: size(u)? },
            2..5 => Self::Write { offset: offset(u)?, size: size(u)?, value: u.arbitrary()? },
            5 | 6 => Self::Inputs { mask: u.arbitrary()?, bits: u.arbitrary()? },
            7 if u.arbitrary()? => Self::Reset,
            7 => Self::Save(u.arbitrary()?),
            8 => Self::Patch(some_bytes(u)?),
            _ => Self::Load(some_bytes(u)?),
        })
    }
}

/// Changes bytes: each pair is a place and what it is xored with.
fn patch(state: &mut [u8], changes: &[u8]) {
    for pair in changes.as_chunks::<2>().0 {
        let place = usize::from(pair[0]) % state.len();
        state[place] ^= pair[1];
    }
}

pub fn pl061(input: &mut Unstructured<'_>) {
    // SAFETY: any time is right.
    let handle = unsafe { vgpio_pl061_new() };
    let mut model = Pl061::new();
    each(input, |call| {
        // SAFETY: the handle is live.
        unsafe { pl061_call(handle, &mut model, &call) };
        // SAFETY: as above.
        assert_eq!(unsafe { vgpio_pl061_irq(handle) }, i32::from(model.irq()));
    });
    // SAFETY: it is not used any more.
    unsafe { vgpio_pl061_free(handle) };
}

/// # Safety
/// The handle is live.
unsafe fn pl061_call(handle: *mut vgpio_pl061, model: &mut Pl061, call: &Call<'_>) {
    let mut told = vgpio_pl061_effects::default();
    let effects = match *call {
        Call::Read { offset, size } => {
            let mut value = 0;
            // SAFETY: the handle is live, the others are ours.
            unsafe { vgpio_pl061_read(handle, offset, size, &raw mut value, &raw mut told) };
            let (expected, effects) = model.read(offset, size as usize);
            assert_eq!(value, expected);
            effects
        }
        Call::Write { offset, size, value } => {
            // SAFETY: as above.
            unsafe { vgpio_pl061_write(handle, offset, size, value, &raw mut told) };
            model.write(offset, size as usize, value)
        }
        Call::Inputs { mask, bits } => {
            let [mask, bits] = [mask, bits].map(|word| word.to_le_bytes()[0]);
            // SAFETY: as above.
            unsafe { vgpio_pl061_set_inputs(handle, mask, bits, &raw mut told) };
            model.set_inputs(mask, bits)
        }
        Call::Reset => {
            // SAFETY: as above.
            unsafe { vgpio_pl061_reset(handle, &raw mut told) };
            model.reset()
        }
        Call::Save(more) => {
            let mut state = vec![0; Snapshot::LENGTH.saturating_add_signed(more.into())];
            // SAFETY: the buffer has the size that it says.
            let code = unsafe { vgpio_pl061_save(handle, state.as_mut_ptr(), state.len()) };
            assert_eq!(code == 0, more >= 0);
            assert!(code != 0 || state.starts_with(&model.snapshot().to_bytes()));
            return;
        }
        Call::Patch(changes) => {
            let mut state = model.snapshot().to_bytes();
            patch(&mut state, changes);
            // SAFETY: the handle is live.
            return unsafe { pl061_load(handle, model, &state) };
        }
        // SAFETY: as above.
        Call::Load(state) => return unsafe { pl061_load(handle, model, state) },
    };
    assert_eq!(told, of_pl061(&effects, model));
}

/// # Safety
/// The handle is live.
unsafe fn pl061_load(handle: *mut vgpio_pl061, model: &mut Pl061, state: &[u8]) {
    let mut told = vgpio_pl061_effects::default();
    // SAFETY: the bytes are as many as is said.
    let code = unsafe { vgpio_pl061_load(handle, state.as_ptr(), state.len(), &raw mut told) };
    match Snapshot::from_bytes(state).and_then(|state| model.restore(&state)) {
        Ok(effects) => assert_eq!((code, told), (0, of_pl061(&effects, model))),
        Err(_) => assert!(code < 0),
    }
    let mut kept = [0; Snapshot::LENGTH];
    // SAFETY: the buffer has the size that it says.
    unsafe { vgpio_pl061_save(handle, kept.as_mut_ptr(), kept.len()) };
    assert_eq!(kept, model.snapshot().to_bytes());
    // SAFETY: NULL is allowed for the effects.
    unsafe { vgpio_pl061_load(handle, kept.as_ptr(), kept.len(), ptr::null_mut()) };
}

fn of_pl061(effects: &Effects, model: &Pl061) -> vgpio_pl061_effects {
    let outputs = effects.outputs.unwrap_or_default();
    let direction = effects.direction.unwrap_or_default();
    vgpio_pl061_effects {
        output_mask: outputs.mask,
        output_bits: outputs.bits,
        direction_mask: direction.mask,
        direction_outputs: direction.outputs,
        direction_bits: direction.bits,
        irq_changed: effects.irq.is_some(),
        irq: model.irq(),
        guest_error: effects.guest_error.is_some(),
    }
}

pub fn rcar(number: u32, input: &mut Unstructured<'_>) {
    // SAFETY: any number is right.
    let handle = unsafe { vgpio_rcar_new(number) };
    let mut block = GuestBlock::new(Generation::ALL[number as usize - 2]);
    each(input, |call| {
        // SAFETY: the handle is live.
        unsafe { rcar_call(handle, &mut block, &call) };
        // SAFETY: as above.
        assert_eq!(unsafe { vgpio_rcar_outputs(handle) }, block.outputs().mask);
        // SAFETY: as above.
        assert_eq!(unsafe { vgpio_rcar_levels(handle) }, block.levels());
    });
    // SAFETY: it is not used any more.
    unsafe { vgpio_rcar_free(handle) };
}

/// # Safety
/// The handle is live.
unsafe fn rcar_call(handle: *mut vgpio_rcar, block: &mut GuestBlock, call: &Call<'_>) {
    let mut told = vgpio_rcar_effects::default();
    let effects = match *call {
        Call::Read { offset, size } => {
            let mut value = 0;
            // SAFETY: the handle is live, the others are ours.
            unsafe { vgpio_rcar_read(handle, offset, size, &raw mut value, &raw mut told) };
            let expected = block.read(offset, size);
            assert_eq!(value, expected.unwrap_or(0));
            expected.ok().map(|_| GuestEffects::default())
        }
        Call::Write { offset, size, value } => {
            // SAFETY: as above.
            unsafe { vgpio_rcar_write(handle, offset, size, value, &raw mut told) };
            block.write(offset, size, value).ok()
        }
        Call::Inputs { mask, bits } => {
            // SAFETY: as above.
            unsafe { vgpio_rcar_set_inputs(handle, mask, bits, &raw mut told) };
            Some(block.set_inputs(mask, bits))
        }
        Call::Reset => {
            // SAFETY: as above.
            unsafe { vgpio_rcar_reset(handle, &raw mut told) };
            Some(block.reset())
        }
        Call::Save(more) => {
            let mut state = vec![0; RcarSnapshot::LEN.saturating_add_signed(more.into())];
            // SAFETY: the buffer has the size that it says.
            let code = unsafe { vgpio_rcar_save(handle, state.as_mut_ptr(), state.len()) };
            assert_eq!(code == 0, more >= 0);
            assert!(code != 0 || state.starts_with(&block.snapshot().to_bytes()));
            return;
        }
        Call::Patch(changes) => {
            let mut state = block.snapshot().to_bytes();
            patch(&mut state, changes);
            // SAFETY: the handle is live.
            return unsafe { rcar_load(handle, block, &state) };
        }
        // SAFETY: as above.
        Call::Load(state) => return unsafe { rcar_load(handle, block, state) },
    };
    assert_eq!(told, of_rcar(effects, block));
}

/// # Safety
/// The handle is live.
unsafe fn rcar_load(handle: *mut vgpio_rcar, block: &mut GuestBlock, state: &[u8]) {
    let mut told = vgpio_rcar_effects::default();
    // SAFETY: the bytes are as many as is said.
    let code = unsafe { vgpio_rcar_load(handle, state.as_ptr(), state.len(), &raw mut told) };
    match RcarSnapshot::from_bytes(state).and_then(|state| block.restore(&state)) {
        Ok(effects) => assert_eq!((code, told), (0, of_rcar(Some(effects), block))),
        Err(_) => assert!(code < 0),
    }
    let mut kept = [0; RcarSnapshot::LEN];
    // SAFETY: the buffer has the size that it says.
    unsafe { vgpio_rcar_save(handle, kept.as_mut_ptr(), kept.len()) };
    assert_eq!(kept, block.snapshot().to_bytes());
}

fn of_rcar(effects: Option<GuestEffects>, block: &GuestBlock) -> vgpio_rcar_effects {
    let GuestEffects { outputs, directions, irq } = effects.unwrap_or_default();
    vgpio_rcar_effects {
        output_mask: outputs.mask,
        output_bits: outputs.bits,
        direction_mask: directions.mask,
        direction_outputs: directions.outputs,
        direction_bits: directions.bits,
        latched: block.latched_edges(),
        both_edges: block.both_edges(),
        irq_changed: irq.is_some(),
        irq: block.irq(),
        guest_error: effects.is_none(),
    }
}
