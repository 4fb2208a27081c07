// SPDX-License-Identifier: MIT OR Apache-2.0
//! The way of a level through a real `vgpiod`, from client to chip and back, against a bare socket
//! between two processes. `docs/performance.md` says what each figure means.

#![allow(clippy::unwrap_used, reason = "a benchmark that fails has no figures to give")]
#![forbid(unsafe_code)]

mod bare;
mod crowd;
mod latency;
mod process;
mod rate;
mod report;
mod world;

use clap::{Parser, Subcommand};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::Pid;

use process::{Place, pin};
use vgpio_tests::harness::print_report;

use report::Report;
use world::World;

/// Time the way from a client through vgpiod to the chip and back
#[derive(Parser)]
#[command(name = "cargo bench -p vgpio-tests --bench whole_path --")]
struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Use the kernel's gpio-sim in place of the simulated block
    #[arg(long)]
    gpio_sim: bool,
    /// Samples of each latency
    #[arg(long, value_name = "N", default_value_t = 5000)]
    samples: usize,
    /// Rounds of each rate
    #[arg(long, value_name = "N", default_value_t = 20)]
    rounds: usize,
    /// Seconds during which idle wake-ups are counted
    #[arg(long, value_name = "N", default_value_t = 5)]
    idle: u64,
    /// Numbers of sessions, rising
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_values_t = [1, 10, 100, 1000])]
    sessions: Vec<usize>,
    /// What cargo tells every benchmark
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    child: Option<Child>,
}

/// The other end of the bare socket, which is standard input.
#[derive(Clone, Copy, Subcommand)]
#[command(hide = true)]
enum Child {
    /// Answers each message.
    Echo,
    /// Answers when all has come.
    Drain,
}

fn main() {
    let arguments = Arguments::parse();
    match arguments.child {
        Some(Child::Echo) => return bare::echo(),
        Some(Child::Drain) => return bare::drain(),
        None => {}
    }
    // A thousand sessions are two thousand descriptors here, and more in the daemon, which inherits
    // the limit.
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    pin(Pid::this(), Place::Near);
    print_report(&measure(&arguments), arguments.json);
}

fn measure(arguments: &Arguments) -> Report {
    let mut report = Report::new(arguments.gpio_sim);
    for &place in Place::all() {
        let mut world = World::new(arguments.gpio_sim);
        report.latency.extend(world.latencies(arguments.samples, place));
    }
    for batched in [true, false] {
        let mut world = World::new(arguments.gpio_sim);
        report.rate.push(rate::measure(&mut world, batched, arguments.rounds));
    }
    report.crowd.push(crowd::alone(arguments.gpio_sim, arguments.idle));
    if !arguments.gpio_sim {
        crowd::grow(arguments, &mut report);
    }
    report
}
