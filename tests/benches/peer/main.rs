// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vgpiod` beside `vhost-device-gpio`, the other backend for virtio GPIO devices: the same sets by the same guest,
//! the same edges, and what each takes of the host. `docs/benchmarks.md` says what each figure means.

#![allow(clippy::unwrap_used, reason = "a benchmark that fails has no figures to give")]
#![forbid(unsafe_code)]

mod crowd;
mod edges;
#[allow(dead_code, reason = "the benchmark of hostile frontends asks other things of it")]
mod lender;
mod report;
mod sets;

use clap::Parser;
use vgpio_tests::harness::print_report;

use report::Report;

/// Compare vgpiod with vhost-device-gpio
#[derive(Parser)]
#[command(name = "cargo bench -p vgpio-tests --bench peer --")]
struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Use the kernel's gpio-sim in place of chips that are made up
    #[arg(long)]
    gpio_sim: bool,
    /// Sets of a round
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    sets: u32,
    /// Rounds of sets
    #[arg(long, value_name = "N", default_value_t = 10)]
    rounds: usize,
    /// Edges for each figure of a boot, on gpio-sim
    #[arg(long, value_name = "N", default_value_t = 2000)]
    edges: u32,
    /// Boots of each, for edges on gpio-sim
    #[arg(long, value_name = "N", default_value_t = 3)]
    boots: usize,
    /// Seconds during which idle wake-ups are counted
    #[arg(long, value_name = "N", default_value_t = 10)]
    idle: u64,
    /// Numbers of guests
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_values_t = [1, 4, 16])]
    guests: Vec<usize>,
    /// What cargo tells every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let report = Report {
        chip: if arguments.gpio_sim { "gpio-sim" } else { "mock" },
        sets: sets::in_guest(&arguments),
        requests: sets::without_guest(&arguments),
        edges: if arguments.gpio_sim { edges::measure(&arguments) } else { Vec::new() },
        crowd: crowd::measure(&arguments),
    };
    print_report(&report, arguments.json);
}
