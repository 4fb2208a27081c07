// SPDX-License-Identifier: MIT OR Apache-2.0
//! Limits of the protocol (`docs/protocol.md`, "Limits").

/// Longest payload of a message, in bytes.
pub const MAX_PAYLOAD: usize = 16_384;
/// Most lines of an attachment: a line set is a `u64`.
pub const MAX_LINES: usize = 64;
/// Longest name of a frontend, backend, line or chip, in bytes.
pub const MAX_NAME: usize = 64;
/// Longest text of an ATTACH, in bytes.
pub const MAX_ATTACH_TEXT: usize = 4_096;
/// Longest text of an ERROR, in bytes.
pub const MAX_ERROR_TEXT: usize = 2_048;
/// Longest text of a LOST, in bytes.
pub const MAX_LOST_TEXT: usize = 512;
/// Most edges in one EDGES message.
pub const MAX_EDGES: usize = 512;
