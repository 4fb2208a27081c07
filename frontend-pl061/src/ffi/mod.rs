// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C interface, `include/vgpio.h`. The only unsafe code of the crate: what comes from C is
//! checked here and nowhere else. A panic in an `extern "C"` function aborts the process.
#![allow(
    unsafe_code,
    reason = "pointers from C; each block has one operation and says why it holds"
)]
#![allow(non_camel_case_types, reason = "these are the names in C, which cbindgen takes over")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the head of the header says it once: pointers are NULL or valid, handles not freed"
)]

mod client;
mod config;
mod events;
mod handle;
mod info;
mod known;
mod options;
mod pl061;
mod rcar;
mod text;
mod wait;

use std::ffi::{CStr, c_char, c_int};

use nix::errno::Errno;

/// Major part of the version of this header.
pub const VGPIO_VERSION_MAJOR: u32 = 0;
/// Minor part of the version of this header.
pub const VGPIO_VERSION_MINOR: u32 = 1;
/// Patch part of the version of this header.
pub const VGPIO_VERSION_PATCH: u32 = 0;

/// The header's version is the crate's, or nothing is built.
const _: () = {
    const fn same(number: u32, text: &str) -> bool {
        matches!(u32::from_str_radix(text, 10), Ok(parsed) if parsed == number)
    }
    assert!(same(VGPIO_VERSION_MAJOR, env!("CARGO_PKG_VERSION_MAJOR")));
    assert!(same(VGPIO_VERSION_MINOR, env!("CARGO_PKG_VERSION_MINOR")));
    assert!(same(VGPIO_VERSION_PATCH, env!("CARGO_PKG_VERSION_PATCH")));
};

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a version has no zero byte"),
    };

/// Version of the library, such as "0.1.0". Lives as long as the library.
#[unsafe(no_mangle)]
pub extern "C" fn vgpio_version() -> *const c_char {
    VERSION.as_ptr()
}

/// A number of `<errno.h>` as C functions return it.
fn failed(errno: Errno) -> c_int {
    -(errno as c_int)
}
