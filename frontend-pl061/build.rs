// SPDX-License-Identifier: MIT OR Apache-2.0
//! Gives the shared library its SONAME: the major number changes when the C interface breaks.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libvgpio.so.0");
}
