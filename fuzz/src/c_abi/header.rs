// SPDX-License-Identifier: MIT OR Apache-2.0
//! `include/vgpio.h` in Rust, as far as it is used here.
#![allow(non_camel_case_types, reason = "these are the names in C")]

use std::ffi::{c_char, c_int, c_void};
use std::marker::{PhantomData, PhantomPinned};

// The functions are in this crate's library.
use vgpio as _;

/// What is behind a handle is the library's.
macro_rules! opaque {
    ($($name:ident)*) => {$(
        #[repr(C)]
        pub struct $name {
            _data: [u8; 0],
            _marker: PhantomData<(*mut u8, PhantomPinned)>,
        }
    )*};
}

opaque! { vgpio_client vgpio_pl061 vgpio_rcar }

#[repr(C)]
pub struct vgpio_client_options {
    pub size: usize,
    pub socket: *const c_char,
    pub export_name: *const c_char,
    pub line_map: *const c_char,
    pub name: *const c_char,
    pub reconnect_ms: i32,
    pub guest_lines: u32,
    pub queue_bytes: usize,
}

#[repr(C)]
pub struct vgpio_client_error {
    pub seq: u64,
    pub lines: u64,
    pub code: u16,
    pub host_errno: u16,
    pub text: *const c_char,
}

#[repr(C)]
pub struct vgpio_client_callbacks {
    pub size: usize,
    pub opaque: *mut c_void,
    pub edge: Option<unsafe extern "C" fn(*mut c_void, u32, bool, u64, u32)>,
    pub levels: Option<unsafe extern "C" fn(*mut c_void, u64, u64)>,
    pub connection: Option<unsafe extern "C" fn(*mut c_void, c_int, *const c_char, bool)>,
    pub lost: Option<unsafe extern "C" fn(*mut c_void, u64, *const c_char)>,
    pub synced: Option<unsafe extern "C" fn(*mut c_void, u64)>,
    pub error: Option<unsafe extern "C" fn(*mut c_void, *const vgpio_client_error)>,
}

#[repr(C)]
#[derive(Default)]
pub struct vgpio_line_config {
    pub size: usize,
    pub mask: u64,
    pub outputs: u64,
    pub bits: u64,
    pub fields: u32,
    pub debounce_us: u32,
    pub bias: u8,
    pub drive: u8,
    pub edges: u8,
    pub active_low: u8,
}

#[repr(C)]
pub struct vgpio_line_info {
    pub size: usize,
    pub offset: u32,
    pub flags: u32,
    pub debounce_us: u32,
    pub poll_us: u32,
    pub vgpio: u16,
    pub bias: u8,
    pub drive: u8,
    pub edges: u8,
    pub name: [c_char; 65],
    pub chip: [c_char; 65],
}

#[repr(C)]
#[derive(Default)]
pub struct vgpio_client_counters {
    pub size: usize,
    pub sent: u64,
    pub coalesced: u64,
    pub edges: u64,
    pub lost_edges: u64,
    pub resyncs: u64,
    pub reconnects: u64,
    pub errors: u64,
}

#[repr(C)]
#[derive(Debug, Default, PartialEq, Eq)]
pub struct vgpio_pl061_effects {
    pub output_mask: u8,
    pub output_bits: u8,
    pub direction_mask: u8,
    pub direction_outputs: u8,
    pub direction_bits: u8,
    pub irq_changed: bool,
    pub irq: bool,
    pub guest_error: bool,
}

#[repr(C)]
#[derive(Debug, Default, PartialEq, Eq)]
pub struct vgpio_rcar_effects {
    pub output_mask: u32,
    pub output_bits: u32,
    pub direction_mask: u32,
    pub direction_outputs: u32,
    pub direction_bits: u32,
    pub latched: u32,
    pub both_edges: u32,
    pub irq_changed: bool,
    pub irq: bool,
    pub guest_error: bool,
}

unsafe extern "C" {
    pub fn vgpio_client_new(
        options: *const vgpio_client_options,
        callbacks: *const vgpio_client_callbacks,
        client: *mut *mut vgpio_client,
        error: *mut c_char,
        error_size: usize,
    ) -> c_int;
    pub fn vgpio_client_free(client: *mut vgpio_client);
    pub fn vgpio_client_connect(client: *mut vgpio_client) -> c_int;
    pub fn vgpio_client_connect_wait(client: *mut vgpio_client, timeout_ms: c_int) -> c_int;
    pub fn vgpio_client_disconnect(client: *mut vgpio_client) -> c_int;
    pub fn vgpio_client_fd(client: *const vgpio_client) -> c_int;
    pub fn vgpio_client_wants_write(client: *const vgpio_client) -> bool;
    pub fn vgpio_client_timeout_ns(client: *const vgpio_client) -> i64;
    pub fn vgpio_client_process(client: *mut vgpio_client) -> c_int;
    pub fn vgpio_client_wait(client: *mut vgpio_client, timeout_ms: c_int) -> c_int;
    pub fn vgpio_client_set(client: *mut vgpio_client, mask: u64, bits: u64) -> c_int;
    pub fn vgpio_client_configure_directions(
        client: *mut vgpio_client,
        mask: u64,
        outputs: u64,
        bits: u64,
    ) -> c_int;
    pub fn vgpio_client_configure(
        client: *mut vgpio_client,
        config: *const vgpio_line_config,
    ) -> c_int;
    pub fn vgpio_client_query_levels(client: *mut vgpio_client, mask: u64) -> c_int;
    pub fn vgpio_client_cork(client: *mut vgpio_client) -> c_int;
    pub fn vgpio_client_uncork(client: *mut vgpio_client) -> c_int;
    pub fn vgpio_client_sync(client: *mut vgpio_client) -> u64;
    pub fn vgpio_client_sync_wait(client: *mut vgpio_client, timeout_ms: c_int) -> c_int;
    pub fn vgpio_client_levels(client: *const vgpio_client) -> u64;
    pub fn vgpio_client_line_count(client: *const vgpio_client) -> c_int;
    pub fn vgpio_client_outputs(client: *const vgpio_client) -> u64;
    pub fn vgpio_client_lost(client: *const vgpio_client) -> u64;
    pub fn vgpio_client_line_info(
        client: *const vgpio_client,
        line: u32,
        info: *mut vgpio_line_info,
    ) -> c_int;
    pub fn vgpio_client_line_of_vgpio(client: *const vgpio_client, vgpio: u16) -> c_int;
    pub fn vgpio_client_vgpio_of_line(client: *const vgpio_client, line: u32) -> c_int;
    pub fn vgpio_client_get_counters(
        client: *const vgpio_client,
        counters: *mut vgpio_client_counters,
    ) -> c_int;
    pub fn vgpio_client_get_state(client: *const vgpio_client) -> c_int;
    pub fn vgpio_client_last_error(client: *const vgpio_client, text: *mut *const c_char) -> c_int;

    pub fn vgpio_pl061_new() -> *mut vgpio_pl061;
    pub fn vgpio_pl061_free(pl061: *mut vgpio_pl061);
    pub fn vgpio_pl061_reset(pl061: *mut vgpio_pl061, effects: *mut vgpio_pl061_effects) -> c_int;
    pub fn vgpio_pl061_read(
        pl061: *mut vgpio_pl061,
        offset: u64,
        size: u32,
        value: *mut u32,
        effects: *mut vgpio_pl061_effects,
    ) -> c_int;
    pub fn vgpio_pl061_write(
        pl061: *mut vgpio_pl061,
        offset: u64,
        size: u32,
        value: u32,
        effects: *mut vgpio_pl061_effects,
    ) -> c_int;
    pub fn vgpio_pl061_set_inputs(
        pl061: *mut vgpio_pl061,
        mask: u8,
        bits: u8,
        effects: *mut vgpio_pl061_effects,
    ) -> c_int;
    pub fn vgpio_pl061_irq(pl061: *const vgpio_pl061) -> c_int;
    pub fn vgpio_pl061_save(pl061: *const vgpio_pl061, state: *mut u8, size: usize) -> c_int;
    pub fn vgpio_pl061_load(
        pl061: *mut vgpio_pl061,
        state: *const u8,
        size: usize,
        effects: *mut vgpio_pl061_effects,
    ) -> c_int;

    pub fn vgpio_rcar_new(generation: u32) -> *mut vgpio_rcar;
    pub fn vgpio_rcar_free(rcar: *mut vgpio_rcar);
    pub fn vgpio_rcar_reset(rcar: *mut vgpio_rcar, effects: *mut vgpio_rcar_effects) -> c_int;
    pub fn vgpio_rcar_read(
        rcar: *mut vgpio_rcar,
        offset: u64,
        size: u32,
        value: *mut u32,
        effects: *mut vgpio_rcar_effects,
    ) -> c_int;
    pub fn vgpio_rcar_write(
        rcar: *mut vgpio_rcar,
        offset: u64,
        size: u32,
        value: u32,
        effects: *mut vgpio_rcar_effects,
    ) -> c_int;
    pub fn vgpio_rcar_set_inputs(
        rcar: *mut vgpio_rcar,
        mask: u32,
        bits: u32,
        effects: *mut vgpio_rcar_effects,
    ) -> c_int;
    pub fn vgpio_rcar_outputs(rcar: *const vgpio_rcar) -> u32;
    pub fn vgpio_rcar_levels(rcar: *const vgpio_rcar) -> u32;
    pub fn vgpio_rcar_save(rcar: *const vgpio_rcar, state: *mut u8, size: usize) -> c_int;
    pub fn vgpio_rcar_load(
        rcar: *mut vgpio_rcar,
        state: *const u8,
        size: usize,
        effects: *mut vgpio_rcar_effects,
    ) -> c_int;
}
