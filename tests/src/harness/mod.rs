// SPDX-License-Identifier: MIT OR Apache-2.0
//! A real `vgpiod`, clients of it, and the world outside its chip. Everything here panics when it
//! fails, for that is how a test fails.

#![allow(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::new_without_default,
    reason = "all of it is for tests, which may panic"
)]

mod bench;
mod blink;
mod daemon;
pub mod examples;
mod gpio_sim;
mod guest;
mod holder;
mod manager;
mod outside;
pub mod process;
mod qtest;
mod simulated;
mod traced;
pub mod virtio;
mod vm;
mod watcher;
mod wire;
mod witness;

use std::fmt::Display;
use std::time::{Duration, Instant};

use serde::Serialize;

pub use bench::{Bench, lines};
pub use blink::blink_in_turn;
pub use daemon::{Daemon, Ended, command, command_of, folder, inheriting, program};
pub use gpio_sim::GpioSim;
pub use guest::{Guest, export, map, options};
pub use holder::Holder;
pub use manager::Manager;
pub use outside::Outside;
pub use qtest::{Qtest, qmp_socket, qtest_socket};
pub use simulated::{Simulated, pad};
pub use traced::Traced;
pub use virtio::VirtioGuest;
pub use vm::{Machine, Ran, Refusal, Vm};
pub use watcher::Watcher;
pub use wire::{Told, Wire};
pub use witness::{Seen, Witness};

/// Label of the chip that the tests use.
pub const LABEL: &str = "e6055400.gpio";
/// Its lines.
pub const LINES: u32 = 32;
/// Those that have names.
pub const NAMES: [(u32, &str); 4] = [(11, "LED1"), (12, "LED2"), (13, "LED3"), (21, "BUTTON")];

/// Longer than anything takes on a busy machine: whoever waits so long has failed.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// When whoever waits from now on has failed.
pub fn deadline() -> Instant {
    Instant::now() + DEADLINE
}

/// Prints what a benchmark has measured.
pub fn print_report(report: &(impl Serialize + Display), json: bool) {
    if json {
        println!("{}", serde_json::to_string_pretty(report).expect("figures are JSON"));
    } else {
        print!("{report}");
    }
}

/// Asks until the answer is there. To be used where the question itself waits for the daemon, so
/// that it has its turn.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = deadline();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "not in time: {what}");
    }
}
