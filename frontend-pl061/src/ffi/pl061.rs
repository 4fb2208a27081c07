// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vgpio_pl061_*`.

use std::ffi::c_int;
use std::slice;

use nix::errno::Errno;

use super::{failed, handle};
use crate::effects::Effects;
use crate::model::Pl061;
use crate::regs::PAGE_SIZE;
use crate::snapshot::Snapshot;

/// Bytes of a saved state.
pub const VGPIO_PL061_STATE_SIZE: usize = 16;

const _: () = assert!(VGPIO_PL061_STATE_SIZE == Snapshot::LENGTH);

/// Size of the register page in bytes.
pub const VGPIO_PL061_PAGE_SIZE: u64 = 0x1000;

const _: () = assert!(VGPIO_PL061_PAGE_SIZE == PAGE_SIZE);

/// The register model of an Arm `PrimeCell` PL061: eight lines, one combined interrupt. Opaque.
pub struct vgpio_pl061 {
    model: Pl061,
}

/// What to do after an access, a change of inputs, a reset or a load. Bit n is line n. A line is
/// never both in `output_mask` and in `direction_mask`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct vgpio_pl061_effects {
    /// Driven lines whose level changed.
    pub output_mask: u8,
    /// Their levels.
    pub output_bits: u8,
    /// Lines that began or ceased to be driven.
    pub direction_mask: u8,
    /// Those of them that are driven now.
    pub direction_outputs: u8,
    /// The levels of these.
    pub direction_bits: u8,
    /// Whether the interrupt changed.
    pub irq_changed: bool,
    /// The level of the interrupt.
    pub irq: bool,
    /// Whether the guest made a mistake, which has no other effect.
    pub guest_error: bool,
}

/// Makes a PL061 after reset, to be freed with `vgpio_pl061_free`. Never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn vgpio_pl061_new() -> *mut vgpio_pl061 {
    Box::into_raw(Box::new(vgpio_pl061 { model: Pl061::new() }))
}

/// Frees a PL061. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_pl061_free(pl061: *mut vgpio_pl061) {
    // SAFETY: NULL or from `vgpio_pl061_new` and not used any more, by the interface.
    unsafe { handle::free(pl061) };
}

/// Resets the registers; the levels of the lines stay. `effects` may be NULL, here and elsewhere.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_pl061_reset(
    pl061: *mut vgpio_pl061,
    effects: *mut vgpio_pl061_effects,
) -> c_int {
    // SAFETY: pointers of the interface.
    unsafe { act(pl061, effects, Pl061::reset) }
}

/// A guest load of `size` bytes (1, 2 or 4) at `offset` from the start of the register page. The
/// value, through `value`, is 0 if the load is a mistake of the guest.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_pl061_read(
    pl061: *mut vgpio_pl061,
    offset: u64,
    size: u32,
    value: *mut u32,
    effects: *mut vgpio_pl061_effects,
) -> c_int {
    let mut loaded = 0;
    let load = |model: &mut Pl061| {
        let (value, effects) = model.read(offset, size.try_into().unwrap_or(usize::MAX));
        loaded = value;
        effects
    };
    // SAFETY: pointers of the interface.
    let code = unsafe { act(pl061, effects, load) };
    // SAFETY: NULL or writable by the interface.
    if code == 0 && !unsafe { handle::put(value, loaded) } {
        return failed(Errno::EINVAL);
    }
    code
}

/// A guest store of `size` bytes (1, 2 or 4) at `offset` from the start of the register page.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_pl061_write(
    pl061: *mut vgpio_pl061,
    offset: u64,
    size: u32,
    value: u32,
    effects: *mut vgpio_pl061_effects,
) -> c_int {
    let size = size.try_into().unwrap_or(usize::MAX);
    // SAFETY: pointers of the interface.
    unsafe { act(pl061, effects, |model| model.write(offset, size, value)) }
}

/// The outside gives the lines in `mask` the levels in `bits`. Outputs may be named too: their
/// levels count once they are inputs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_pl061_set_inputs(
    pl061: *mut vgpio_pl061,
    mask: u8,
    bits: u8,
    effects: *mut vgpio_pl061_effects,
) -> c_int {
    // SAFETY: pointers of the interface.
    unsafe { act(pl061, effects, |model| model.set_inputs(mask, bits)) }
}

/// The level of the combined interrupt: 0 or 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_pl061_irq(pl061: *const vgpio_pl061) -> c_int {
    // SAFETY: NULL or a live PL061 by the interface.
    let this = unsafe { handle::shared(pl061) };
    this.map_or_else(|code| code, |this| this.model.irq().into())
}

/// Writes the state to `state`, which has `size` bytes, at least `VGPIO_PL061_STATE_SIZE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_pl061_save(
    pl061: *const vgpio_pl061,
    state: *mut u8,
    size: usize,
) -> c_int {
    // SAFETY: NULL or a live PL061 by the interface.
    let this = match unsafe { handle::shared(pl061) } {
        Ok(this) if size >= VGPIO_PL061_STATE_SIZE => this,
        Ok(_) => return failed(Errno::EINVAL),
        Err(code) => return code,
    };
    let bytes: [u8; VGPIO_PL061_STATE_SIZE] = this.model.snapshot().to_bytes();
    // SAFETY: NULL or `size` bytes by the interface, which are enough; bytes have no alignment.
    let written = unsafe { handle::put(state.cast(), bytes) };
    if written { 0 } else { failed(Errno::EINVAL) }
}

/// Takes over a state of `size` bytes that `vgpio_pl061_save` wrote. -EINVAL, and no change, if the
/// bytes are not such a state, or of another version. The effects lead from the present lines and
/// interrupt to the saved ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_pl061_load(
    pl061: *mut vgpio_pl061,
    state: *const u8,
    size: usize,
    effects: *mut vgpio_pl061_effects,
) -> c_int {
    if state.is_null() || size != VGPIO_PL061_STATE_SIZE {
        return failed(Errno::EINVAL);
    }
    // SAFETY: not NULL, and `size` bytes by the interface, which nobody changes meanwhile.
    let bytes = unsafe { slice::from_raw_parts(state, size) };
    let Ok(snapshot) = Snapshot::from_bytes(bytes) else {
        return failed(Errno::EINVAL);
    };
    let restore = |model: &mut Pl061| model.restore(&snapshot).unwrap_or(Effects::NONE);
    // SAFETY: pointers of the interface.
    unsafe { act(pl061, effects, restore) }
}

/// Does `work` on the model and gives its effects.
///
/// # Safety
/// `pl061` is NULL or a live PL061 that no other thread uses; `effects` is NULL or writable.
unsafe fn act(
    pl061: *mut vgpio_pl061,
    effects: *mut vgpio_pl061_effects,
    work: impl FnOnce(&mut Pl061) -> Effects,
) -> c_int {
    // SAFETY: by the caller's word; the model calls nobody, so there is no other reference.
    let this = match unsafe { handle::mutable(pl061) } {
        Ok(this) => this,
        Err(code) => return code,
    };
    let done = work(&mut this.model);
    let (output, direction) =
        (done.outputs.unwrap_or_default(), done.direction.unwrap_or_default());
    let told = vgpio_pl061_effects {
        output_mask: output.mask,
        output_bits: output.bits,
        direction_mask: direction.mask,
        direction_outputs: direction.outputs,
        direction_bits: direction.bits,
        irq_changed: done.irq.is_some(),
        irq: this.model.irq(),
        guest_error: done.guest_error.is_some(),
    };
    // SAFETY: NULL or writable by the caller's word.
    let _null_is_allowed = unsafe { handle::put(effects, told) };
    0
}
