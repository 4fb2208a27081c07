// SPDX-License-Identifier: MIT OR Apache-2.0
//! What frontends that mean harm do to others: how long these wait, and, of both backends for virtio devices, whether
//! they are served at all. `docs/reliability.md` says what each figure means.

#![allow(clippy::unwrap_used, reason = "a benchmark that fails has no figures to give")]
#![forbid(unsafe_code)]

mod latency;
#[allow(dead_code, reason = "the benchmark of its folder asks other things of it")]
#[path = "../peer/lender.rs"]
mod lender;
mod peer;
mod process;
mod report;

use clap::Parser;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::Pid;
use vgpio_tests::harness::print_report;
use vgpio_tests::hostile::seed;

use process::{Place, Turn, pin, run};

/// See how others are served while frontends mean harm
#[derive(Parser)]
#[command(name = "cargo bench -p vgpio-tests --bench hostile --")]
struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Do the same to vhost-device-gpio, and see who lives
    #[arg(long)]
    peer: bool,
    /// Samples of a round
    #[arg(long, value_name = "N", default_value_t = 1000)]
    samples: usize,
    /// Rounds of each fault, each with a quiet one before it
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Only faults with this in their names
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// What cargo tells every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let seed = seed();
    if arguments.peer {
        print_report(&peer::compare(&arguments, seed), arguments.json);
    } else {
        pin(Pid::from_raw(0), Place::Far);
        run(Turn::First);
        print_report(&latency::measure(&arguments, seed), arguments.json);
    }
}
