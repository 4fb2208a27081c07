// SPDX-License-Identifier: MIT OR Apache-2.0
//! Feature bits, offered in HELLO and in force when its reply has them
//! (`docs/protocol.md`, "Versions and features").

/// The frontend's messages may come through memory that the backend has passed with the HELLO reply
/// (`docs/protocol.md`, "Ring").
pub const RING: u64 = 1 << 0;

/// The frontend answers PING (`docs/protocol.md`, "PING").
pub const PING: u64 = 1 << 1;
