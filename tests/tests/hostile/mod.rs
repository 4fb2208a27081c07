// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever frontends do, others are served, and the daemon stays within its bounds: one suite for every kind of
//! chip. The test program that has this module says by its `World` which kind it is.

mod crowd;
mod native;
mod vhost_user;
pub mod watched;

use crate::World;
