// SPDX-License-Identifier: MIT OR Apache-2.0
//! What only a chip of the host can do to the daemon, and independent looks at what the daemon does
//! to it.
