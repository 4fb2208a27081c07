// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sets of a line: by a program in a guest, and by a driver without one.

use std::time::{Duration, Instant};

use serde::Deserialize;
use vgpio_tests::figures::percentile;
use vgpio_tests::harness::{Machine, VirtioGuest, Vm};
use vgpio_virtio::Kind;

use crate::Arguments;
use crate::lender::{Chips, Lender, Who};
use crate::report::{AIM, Sets, Times};

/// The line that is set.
const LINE: u16 = 0;
/// The line of the machine's own PL061, which nothing is behind.
const BARE: u16 = 1;
/// A round of sets may take so long.
const PATIENCE: Duration = Duration::from_secs(300);

/// What `gpiobench` in the guest says of all sets of a round.
#[derive(Deserialize)]
struct Measured {
    per_second: u64,
    p50_ns: u64,
    p99_ns: u64,
}

/// A program in a guest, which has a chip of each, sets a line of one, of the other, and of the machine's own
/// PL061, in turns.
pub fn in_guest(arguments: &Arguments) -> Sets {
    let chips = Who::ALL.map(|who| Chips::new(arguments.gpio_sim, who.name(), 1));
    let lenders = [0, 1].map(|i| Lender::start(Who::ALL[i], &chips[i]));
    let mut vm = Machine::virtio(&[&lenders[0].sockets[0], &lenders[1].sockets[0]]).boot();
    let ours = (chip(&mut vm, "virtio0"), LINE);
    let peers = (chip(&mut vm, "virtio1"), LINE);
    let bare = (chip(&mut vm, "9030000.pl061"), BARE);
    let times = in_turns(arguments.rounds, &[ours, peers, bare], |(chip, line)| {
        let command = format!("gpiobench set {chip} {line} {}", arguments.sets);
        let said = vm.run_within(PATIENCE, &command);
        let Measured { per_second, p50_ns, p99_ns } = serde_json::from_str(&said).unwrap();
        Times { per_second, p50_ns, p99_ns }
    });
    Sets::new(&times, (!arguments.gpio_sim).then_some(AIM))
}

/// The chip of this label.
fn chip(vm: &mut Vm, label: &str) -> String {
    let name = vm.run(&format!("gpiodetect | sed -n 's/ .{label}. .*//p'"));
    assert!(name.starts_with("gpiochip"), "no {label}: {}", vm.run("gpiodetect"));
    format!("/dev/{name}")
}

/// The same requests by the tests' own driver, with neither guest nor virtual machine monitor.
pub fn without_guest(arguments: &Arguments) -> Sets {
    let chips = Who::ALL.map(|who| Chips::new(arguments.gpio_sim, who.name(), 1));
    let lenders = [0, 1].map(|i| Lender::start(Who::ALL[i], &chips[i]));
    let mut guests = [0, 1].map(|i| lenders[i].guest(0));
    for guest in &mut guests {
        guest.ask(Kind::SetValue, LINE, 0);
        guest.ask(Kind::SetDirection, LINE, 1);
    }
    let times = in_turns(arguments.rounds, &[0, 1], |&i| timed(&mut guests[i], arguments.sets));
    Sets::new(&times, None)
}

fn timed(guest: &mut VirtioGuest, sets: u32) -> Times {
    let start = Instant::now();
    let mut before = start;
    let took = (0..sets).map(|i| {
        guest.ask(Kind::SetValue, LINE, !i & 1);
        let now = Instant::now();
        let took = now.duration_since(before);
        before = now;
        u64::try_from(took.as_nanos()).unwrap()
    });
    let mut took: Vec<_> = took.collect();
    let whole = u64::try_from(start.elapsed().as_nanos()).unwrap();
    Times {
        per_second: u64::from(sets) * 1_000_000_000 / whole,
        p50_ns: percentile(&mut took, 50),
        p99_ns: percentile(&mut took, 99),
    }
}

/// Rounds of all, of which none is always the first.
fn in_turns<T, const N: usize>(
    rounds: usize,
    of: &[T; N],
    mut measure: impl FnMut(&T) -> Times,
) -> [Vec<Times>; N] {
    let mut times = [const { Vec::new() }; N];
    // The first one warms up.
    for round in 0..=rounds {
        for i in (0..N).map(|i| (i + round) % N) {
            let measured = measure(&of[i]);
            if round > 0 {
                times[i].push(measured);
            }
        }
    }
    times
}
