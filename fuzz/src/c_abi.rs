// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C interface as `include/vgpio.h` allows it to be used: its models beside those that it stands for, and its
//! client with a daemon that says anything.
#![allow(unsafe_code, reason = "functions and pointers of C")]

mod client;
mod daemon;
mod header;
mod models;

use arbitrary::Unstructured;

/// The functions of `libvgpio`.
///
/// # Panics
/// A function does not do what the header says.
pub fn c_abi(input: &[u8]) {
    let mut input = Unstructured::new(input);
    match input.arbitrary::<u8>() {
        Ok(first) if first % 4 == 0 => models::pl061(&mut input),
        Ok(first) if first % 4 == 1 => models::rcar(2 + u32::from(first) / 4 % 3, &mut input),
        Ok(first) => client::client(first, &mut input),
        Err(_) => {}
    }
}
