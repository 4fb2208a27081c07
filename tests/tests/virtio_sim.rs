// SPDX-License-Identifier: MIT OR Apache-2.0
//! The virtio device of the daemon, on the simulated block, driven by a vhost-user frontend of the tests.

mod virtio;
