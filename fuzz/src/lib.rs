// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is fuzzed: a function for each target, which takes any bytes and panics where something does not hold.
//!
//! `fuzz_targets/` makes a program of each for libFuzzer (`cargo xtask fuzz`), and `tests/seeds.rs` replays the
//! seeds as ordinary tests. Where a crate's own tests have a reference or a rule book for it, the target
//! uses that: the modules with a `path`.

#![deny(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a target fails by panicking")]

use arbitrary::{Arbitrary, Unstructured};

mod c_abi;
mod config;
mod control;
mod decode;
mod linemap;
mod pl061;
mod rcar;
mod session;
mod vhost_user;
mod virtio;

pub use c_abi::c_abi;
pub use config::config;
pub use control::control;
pub use decode::decode;
pub use linemap::linemap;
pub use pl061::pl061;
pub use rcar::rcar;
pub use session::session;
pub use vhost_user::vhost_user;
pub use virtio::virtio;

/// A target: any bytes in, a panic if something does not hold.
pub type Target = fn(&[u8]);

/// Every target and its name, that of its program and of its folder of seeds.
pub const TARGETS: [(&str, Target); 10] = [
    ("decode", decode),
    ("linemap", linemap),
    ("config", config),
    ("control", control),
    ("session", session),
    ("virtio", virtio),
    ("vhost_user", vhost_user),
    ("pl061", pl061),
    ("rcar", rcar),
    ("c_abi", c_abi),
];

/// Reads one thing after the other from the input until it is used up.
fn each<'a, T: Arbitrary<'a>>(input: &mut Unstructured<'a>, mut act: impl FnMut(T)) {
    while !input.is_empty()
        && let Ok(next) = input.arbitrary()
    {
        act(next);
    }
}

/// As many bytes as the next one says, or as there are.
fn some_bytes<'a>(input: &mut Unstructured<'a>) -> arbitrary::Result<&'a [u8]> {
    let length = usize::from(input.arbitrary::<u8>()?).min(input.len());
    input.bytes(length)
}
