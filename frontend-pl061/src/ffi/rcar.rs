// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vgpio_rcar_*`.

use std::ffi::c_int;
use std::{ptr, slice};

use ::vgpio_rcar::{Generation, GuestBlock, GuestEffects, LINES, Snapshot};
use nix::errno::Errno;

use super::{failed, handle};

/// Lines of an R-Car GPIO block.
pub const VGPIO_RCAR_LINES: u32 = 32;

const _: () = assert!(VGPIO_RCAR_LINES == LINES);

/// Bytes of a saved state.
pub const VGPIO_RCAR_STATE_SIZE: usize = 236;

const _: () = assert!(VGPIO_RCAR_STATE_SIZE == Snapshot::LEN);

/// The register model of the GPIO block of Renesas R-Car chips: 32 lines, one interrupt. Opaque.
pub struct vgpio_rcar {
    block: GuestBlock,
}

/// What to do after an access, a change of inputs, a reset or a load, and what edges wait for the guest.
/// Bit n is line n. A line is never both in `output_mask` and in `direction_mask`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct vgpio_rcar_effects {
    /// Driven lines whose level changed.
    pub output_mask: u32,
    /// Their levels.
    pub output_bits: u32,
    /// Lines that began or ceased to be driven.
    pub direction_mask: u32,
    /// Those of them that are driven now.
    pub direction_outputs: u32,
    /// The levels of these.
    pub direction_bits: u32,
    /// Lines with an edge that the guest has asked for and not yet cleared, whether masked or not.
    pub latched: u32,
    /// Lines of which both edges interrupt.
    pub both_edges: u32,
    /// Whether the interrupt changed.
    pub irq_changed: bool,
    /// The level of the interrupt.
    pub irq: bool,
    /// Whether the guest made a mistake, which has no other effect.
    pub guest_error: bool,
}

/// Makes a block of this generation, 2, 3 or 4, after reset, to be freed with `vgpio_rcar_free`. NULL for
/// another generation.
#[unsafe(no_mangle)]
pub extern "C" fn vgpio_rcar_new(generation: u32) -> *mut vgpio_rcar {
    let generation = match generation {
        2 => Generation::Gen2,
        3 => Generation::Gen3,
        4 => Generation::Gen4,
        _ => return ptr::null_mut(),
    };
    Box::into_raw(Box::new(vgpio_rcar { block: GuestBlock::new(generation) }))
}

/// Frees a block. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_rcar_free(rcar: *mut vgpio_rcar) {
    // SAFETY: NULL or from `vgpio_rcar_new` and not used any more, by the interface.
    unsafe { handle::free(rcar) };
}

/// Size of the register window in bytes. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_rcar_window_size(rcar: *const vgpio_rcar) -> u32 {
    // SAFETY: NULL or a live block by the interface.
    unsafe { of(rcar, |block| block.generation().window()) }
}

/// Resets the registers; lines that were driven keep their levels as inputs, until they are given others.
/// `effects` may be NULL, here and elsewhere.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_rcar_reset(
    rcar: *mut vgpio_rcar,
    effects: *mut vgpio_rcar_effects,
) -> c_int {
    // SAFETY: pointers of the interface.
    unsafe { act(rcar, effects, |block| Some(block.reset())) }
}

/// A guest load of `size` bytes (4) at `offset` from the start of the register window. The value, through
/// `value`, is 0 if the load is a mistake of the guest; that is the only effect.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_rcar_read(
    rcar: *mut vgpio_rcar,
    offset: u64,
    size: u32,
    value: *mut u32,
    effects: *mut vgpio_rcar_effects,
) -> c_int {
    let mut loaded = None;
    let load = |block: &mut GuestBlock| {
        loaded = block.read(offset, size).ok();
        loaded.map(|_| GuestEffects::default())
    };
    // SAFETY: pointers of the interface.
    let code = unsafe { act(rcar, effects, load) };
    // SAFETY: NULL or writable by the interface.
    if code == 0 && !unsafe { handle::put(value, loaded.unwrap_or(0)) } {
        return failed(Errno::EINVAL);
    }
    code
}

/// A guest store of `size` bytes (4) at `offset` from the start of the register window.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_rcar_write(
    rcar: *mut vgpio_rcar,
    offset: u64,
    size: u32,
    value: u32,
    effects: *mut vgpio_rcar_effects,
) -> c_int {
    // SAFETY: pointers of the interface.
    unsafe { act(rcar, effects, |block| block.write(offset, size, value).ok()) }
}

/// Somebody else gives the lines in `mask` the levels in `bits`. Lines that the guest drives are passed
/// over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_rcar_set_inputs(
    rcar: *mut vgpio_rcar,
    mask: u32,
    bits: u32,
    effects: *mut vgpio_rcar_effects,
) -> c_int {
    // SAFETY: pointers of the interface.
    unsafe { act(rcar, effects, |block| Some(block.set_inputs(mask, bits))) }
}

/// The lines that the guest drives. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_rcar_outputs(rcar: *const vgpio_rcar) -> u32 {
    // SAFETY: NULL or a live block by the interface.
    unsafe { of(rcar, |block| block.outputs().mask) }
}

/// The levels of all lines. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_rcar_levels(rcar: *const vgpio_rcar) -> u32 {
    // SAFETY: NULL or a live block by the interface.
    unsafe { of(rcar, GuestBlock::levels) }
}

/// Writes the state to `state`, which has `size` bytes, at least `VGPIO_RCAR_STATE_SIZE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_rcar_save(
    rcar: *const vgpio_rcar,
    state: *mut u8,
    size: usize,
) -> c_int {
    // SAFETY: NULL or a live block by the interface.
    let this = match unsafe { handle::shared(rcar) } {
        Ok(this) if size >= VGPIO_RCAR_STATE_SIZE => this,
        Ok(_) => return failed(Errno::EINVAL),
        Err(code) => return code,
    };
    let bytes: [u8; VGPIO_RCAR_STATE_SIZE] = this.block.snapshot().to_bytes();
    // SAFETY: NULL or `size` bytes by the interface, which are enough; bytes have no alignment.
    let written = unsafe { handle::put(state.cast(), bytes) };
    if written { 0 } else { failed(Errno::EINVAL) }
}

/// Takes over a state of `size` bytes that `vgpio_rcar_save` wrote. -EINVAL, and no change, if the bytes
/// are not such a state, or of another version or generation. The effects lead from the present lines and
/// interrupt to the saved ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vgpio_rcar_load(
    rcar: *mut vgpio_rcar,
    state: *const u8,
    size: usize,
    effects: *mut vgpio_rcar_effects,
) -> c_int {
    if state.is_null() || size != VGPIO_RCAR_STATE_SIZE {
        return failed(Errno::EINVAL);
    }
    // SAFETY: not NULL, and `size` bytes by the interface, which nobody changes meanwhile.
    let bytes = unsafe { slice::from_raw_parts(state, size) };
    let mut restored = false;
    let restore = |block: &mut GuestBlock| {
        let snapshot = Snapshot::from_bytes(bytes).ok()?;
        let told = block.restore(&snapshot).ok();
        restored = told.is_some();
        told
    };
    // SAFETY: pointers of the interface.
    match unsafe { act(rcar, effects, restore) } {
        0 if !restored => failed(Errno::EINVAL),
        code => code,
    }
}

/// Does `work` on the block and gives its effects; none is a mistake of the guest.
///
/// # Safety
/// `rcar` is NULL or a live block that no other thread uses; `effects` is NULL or writable.
unsafe fn act(
    rcar: *mut vgpio_rcar,
    effects: *mut vgpio_rcar_effects,
    work: impl FnOnce(&mut GuestBlock) -> Option<GuestEffects>,
) -> c_int {
    // SAFETY: by the caller's word; the model calls nobody, so there is no other reference.
    let block = match unsafe { handle::mutable(rcar) } {
        Ok(this) => &mut this.block,
        Err(code) => return code,
    };
    let done = work(block);
    let GuestEffects { outputs, directions, irq } = done.unwrap_or_default();
    let told = vgpio_rcar_effects {
        output_mask: outputs.mask,
        output_bits: outputs.bits,
        direction_mask: directions.mask,
        direction_outputs: directions.outputs,
        direction_bits: directions.bits,
        latched: block.latched_edges(),
        both_edges: block.both_edges(),
        irq_changed: irq.is_some(),
        irq: block.irq(),
        guest_error: done.is_none(),
    };
    // SAFETY: NULL or writable by the caller's word.
    let _null_is_allowed = unsafe { handle::put(effects, told) };
    0
}

/// Asks the block; 0 for NULL.
///
/// # Safety
/// `rcar` is NULL or a live block.
unsafe fn of(rcar: *const vgpio_rcar, ask: impl FnOnce(&GuestBlock) -> u32) -> u32 {
    // SAFETY: by the caller's word.
    unsafe { handle::shared(rcar) }.map_or(0, |this| ask(&this.block))
}
