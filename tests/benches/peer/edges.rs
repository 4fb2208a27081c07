// SPDX-License-Identifier: MIT OR Apache-2.0
//! Edges of a line of gpio-sim until a guest has them. Linux 6.12 has interrupts of only one virtio device in
//! a guest, so each daemon has a guest of its own, in turns.

use std::thread::sleep;
use std::time::{Duration, Instant};

use vgpio_tests::figures::percentile;
use vgpio_tests::harness::{GpioSim, Machine, Outside, Vm};

use crate::Arguments;
use crate::lender::{Chips, Lender, Who};
use crate::report::{Answers, Edges, Lost};

/// The guest's chip, behind that of its own PL061.
const CHIP: &str = "/dev/gpiochip1";
/// The output by which the guest answers.
const ANSWER: u32 = 0;
/// Inputs, one for each figure: the peer keeps the buffer of one that is disarmed, and Linux has no other for it.
const ANSWERED: u32 = 1;
const PERIODIC: u32 = 2;
const BURST: u32 = 3;
/// An answer that takes longer is none.
const NO_ANSWER: Duration = Duration::from_millis(500);
/// Between two looks at the output: the rig has one processor, which QEMU needs.
const LOOK: Duration = Duration::from_micros(200);
/// What lies between two edges that are answered.
const APART: Duration = Duration::from_millis(5);
/// What is to come has come when nothing came for so long.
const SILENCE: Duration = Duration::from_secs(2);

/// All figures, boot by boot.
pub fn measure(arguments: &Arguments) -> Vec<Edges> {
    let boots = (0..arguments.boots).flat_map(|boot| {
        let [one, two] = Who::ALL;
        if boot % 2 == 0 { [one, two] } else { [two, one] }
    });
    boots.map(|who| of(who, arguments)).collect()
}

fn of(who: Who, arguments: &Arguments) -> Edges {
    let mut chips = Chips::new(true, "edges", 1);
    let lender = Lender::start(who, &chips);
    let mut vm = Machine::virtio(&[&lender.sockets[0]]).boot();
    let sim = &mut chips.sims[0];
    let answers = answers(&mut vm, sim, arguments.edges);
    let mut lost = |line, apart| {
        let before = lender.counted_lost();
        let guest = in_guest(&mut vm, sim, line, arguments.edges, apart);
        let counted = lender.counted_lost() - before;
        Lost { edges: arguments.edges, guest, counted }
    };
    let periodic = lost(PERIODIC, Some(Duration::from_millis(1)));
    let burst = lost(BURST, None);
    Edges { who, answers, periodic, burst }
}

/// From a pull until the guest's program has answered at an output.
fn answers(vm: &mut Vm, sim: &mut GpioSim, count: u32) -> Answers {
    vm.spawn(&format!("gpiobench answer {CHIP} {ANSWERED} {} {ANSWER}", u32::MAX), "/tmp/answers");
    vm.wait_for("grep -c ready /tmp/answers", "1");
    let output = sim.probe(ANSWER);
    let (mut took, mut unanswered) = (Vec::new(), 0);
    for i in 0..count {
        let high = i % 2 == 0;
        // After one that was not answered, the output is already what it is to be: there is nothing to wait for.
        let tells = output() != high;
        let start = Instant::now();
        sim.pull(ANSWERED, high);
        while tells && output() != high && start.elapsed() < NO_ANSWER {
            sleep(LOOK);
        }
        let end = start.elapsed();
        if tells && end < NO_ANSWER {
            took.push(u64::try_from(end.as_nanos()).unwrap());
        }
        unanswered += u32::from(tells && end >= NO_ANSWER);
        sleep(APART);
    }
    vm.run("killall gpiobench");
    Answers {
        answered: took.len(),
        unanswered,
        p50_ns: percentile(&mut took, 50),
        p99_ns: percentile(&mut took, 99),
    }
}

/// Pulls a line up and down; returns how many interrupts of it the guest had.
fn in_guest(vm: &mut Vm, sim: &mut GpioSim, line: u32, count: u32, apart: Option<Duration>) -> u64 {
    vm.spawn(&format!("gpiobench count {CHIP} {line}"), "/tmp/edges");
    vm.wait_for("grep -c ready /tmp/edges", "1");
    match apart {
        None => sim.wiggle(line, count),
        Some(apart) => {
            let start = Instant::now();
            for i in 0..count {
                sim.pull(line, i % 2 == 0);
                let next = start + apart * (i + 1);
                sleep(next.saturating_duration_since(Instant::now()));
            }
        }
    }
    let mut interrupts = count_interrupts(vm);
    loop {
        sleep(SILENCE);
        let before = std::mem::replace(&mut interrupts, count_interrupts(vm));
        if interrupts == before {
            break;
        }
    }
    vm.run("killall gpiobench");
    interrupts
}

fn count_interrupts(vm: &mut Vm) -> u64 {
    let said = vm.run("sed -n 's/^ *[0-9]*: *\\([0-9]*\\) .*gpiobench.*/\\1/p' /proc/interrupts");
    said.parse().unwrap_or_else(|_| panic!("no count of interrupts: {said}"))
}
