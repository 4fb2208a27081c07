// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the end-to-end tests share.

#![forbid(unsafe_code)]

pub mod figures;
pub mod harness;
pub mod hostile;
