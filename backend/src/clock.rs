// SPDX-License-Identifier: MIT OR Apache-2.0
//! The clock of timestamps.

use nix::time::{ClockId, clock_gettime};

/// Now, in nanoseconds of `CLOCK_MONOTONIC`: the clock of the kernel's edge events
/// (`linux/gpio.h`, `struct gpio_v2_line_event`).
#[must_use]
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(std::time::Duration::ZERO, Into::into);
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}
