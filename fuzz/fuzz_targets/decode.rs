// SPDX-License-Identifier: MIT OR Apache-2.0
//! The target of this name as a program of libFuzzer.

#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| vgpio_fuzz::decode(input));
