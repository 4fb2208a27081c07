// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a host line costs a guest: sets of a line of the PL061, or of a virtio device, that is mapped to the
//! host, in turns with sets of a line of the PL061 that is not; reads of a button whose edges the guest waits for,
//! in turns with reads of another input; and edges of the button until a program in the
//! guest has them, and until its answer is at another line of the host. One boot, for the speed of a busy or
//! virtual host changes from one second to the next, the ratio of neighbours does not.

#![allow(clippy::unwrap_used, reason = "a benchmark that fails has no figures to give")]
#![forbid(unsafe_code)]

mod report;

use std::rc::Rc;
use std::thread::sleep;
use std::time::Duration;

use clap::Parser;
use serde::Deserialize;
use serde_json::Value;
use vgpio_tests::harness::{
    Bench, LABEL, Machine, Outside, Simulated, Vm, Watcher, folder, pad, print_report,
};

use report::{Answers, Edges, Reads, Report, Sets};

/// The guest's line that is mapped to a host line, and the host line.
const MAPPED: (u32, u32) = (0, 11);
/// The guest's line of the PL061 that is mapped to nothing.
const BARE: u32 = 1;
/// The guest's PL061.
const PL061: &str = "/dev/gpiochip0";
/// The guest's line of the button, and the host line.
const BUTTON: (u32, u32) = (5, 21);
/// An input at which nothing happens, as the button.
const OTHER: (u32, u32) = (6, 22);
/// Edges that arrive among the reads of a round, and the time between two of them: a part of the round's reads are
/// in the way of one.
const EDGES_AMONG_READS: (u32, Duration) = (200, Duration::from_millis(1));
/// A round of sets, or all presses, may take so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// Time sets and edges of a guest's line, mapped to the host and not
#[derive(Parser)]
#[command(name = "cargo bench -p vgpio-tests --bench guest_path --")]
struct Arguments {
    /// Take an unpatched QEMU with a virtio device, in place of the PL061
    #[arg(long)]
    virtio: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Sets of a round
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    sets: u32,
    /// Reads of a round
    #[arg(long, value_name = "N", default_value_t = 1000)]
    reads: u32,
    /// Rounds of sets, and of reads
    #[arg(long, value_name = "N", default_value_t = 10)]
    rounds: usize,
    /// Edges of the button
    #[arg(long, value_name = "N", default_value_t = 1000)]
    edges: u32,
    /// Time between two edges, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 5)]
    apart: u64,
    /// What cargo tells every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// What `gpiobench` in the guest says of all sets, reads or edges of a run.
#[derive(Clone, Copy, Deserialize)]
struct Measured {
    #[serde(default)]
    per_second: u64,
    p50_ns: u64,
    p99_ns: u64,
    #[serde(default)]
    lost: u64,
    /// Edges that came among reads.
    #[serde(default)]
    among: u64,
}

fn main() {
    let arguments = Arguments::parse();
    print_report(&measure(&arguments), arguments.json);
}

/// A daemon, a guest, and the guest's chip that has lines of the host.
fn boot(virtio: bool) -> (Bench<Simulated>, Vm, &'static str) {
    let lines = [MAPPED, BUTTON, OTHER];
    let [vgpios, gpios] = [lines.map(|line| line.0), lines.map(|line| line.1)]
        .map(|numbers| numbers.map(|number| number.to_string()).join(":"));
    let keys = format!("vgpios={vgpios},gpios={gpios}");
    if !virtio {
        let bench = Bench::open();
        let vm = bench.boot(&keys);
        return (bench, vm, PL061);
    }
    let folder = Rc::new(folder());
    let socket = folder.path().join("guest.sock");
    let export = format!("guest={LABEL},{keys}");
    let device = format!("{},export=guest", socket.display());
    let bench = Bench::new_in(&folder, &["--export", &export, "--vhost-user", &device]);
    (bench, Machine::virtio(&[&socket]).boot(), "/dev/gpiochip1")
}

fn measure(arguments: &Arguments) -> Report {
    let (mut bench, mut vm, chip) = boot(arguments.virtio);
    let (mut bare, mut mapped) = (Vec::new(), Vec::new());
    for round in 0..=arguments.rounds {
        // Whoever is first has no advantage; the first round warms up.
        let mut lines = [(PL061, BARE), (chip, MAPPED.0)];
        lines.rotate_left(round % 2);
        for (chip, line) in lines {
            let measured = sets(&mut vm, chip, line, arguments.sets);
            if round > 0 {
                if line == BARE { &mut bare } else { &mut mapped }.push(measured);
            }
        }
    }
    let (sent, coalesced) = if arguments.virtio {
        // Each is a request, which is answered.
        (bench.daemon.status().sessions[0].counters.sets, 0)
    } else {
        (counter(&mut vm, "sent"), counter(&mut vm, "coalesced"))
    };
    let sets = Sets::new(&bare, &mapped, sent, coalesced);
    let reads = reads(&mut bench, &mut vm, chip, arguments);
    let edges = edges(&mut bench, &mut vm, chip, arguments);
    Report { sets, reads, edges, answers: answers(&mut bench, &mut vm, chip, arguments) }
}

fn counter(vm: &mut Vm, name: &str) -> u64 {
    vm.gpiodev()["counters"].get(name).and_then(Value::as_u64).unwrap()
}

/// Sets a line high, low, high and so on.
fn sets(vm: &mut Vm, chip: &str, line: u32, count: u32) -> Measured {
    let said = vm.run_within(PATIENCE, &format!("gpiobench set {chip} {line} {count}"));
    serde_json::from_str(&said).unwrap()
}

/// Reads the button while its edges arrive, which the guest waits for; another input while they arrive; and that
/// one while nothing happens.
fn reads(bench: &mut Bench<Simulated>, vm: &mut Vm, chip: &str, arguments: &Arguments) -> Reads {
    let (edges, apart) = EDGES_AMONG_READS;
    let read = |line: u32| format!("gpiobench get {chip} {line} {}", arguments.reads);
    let [mut armed, mut beside, mut quiet] = [const { Vec::new() }; 3];
    for _ in 0..arguments.rounds {
        vm.spawn(&format!("{} {edges}", read(BUTTON.0)), "/tmp/reads");
        vm.wait_for("grep -c ready /tmp/reads", "1");
        armed.push(pressed(bench, vm, edges, apart));
        vm.spawn(&format!("gpiobench count {chip} {}", BUTTON.0), "/tmp/count");
        vm.wait_for("grep -c ready /tmp/count", "1");
        vm.spawn(&read(OTHER.0), "/tmp/reads");
        beside.push(pressed(bench, vm, edges, apart));
        vm.run("killall gpiobench");
        quiet.push(serde_json::from_str(&vm.run(&read(OTHER.0))).unwrap());
    }
    Reads::new(&armed, &beside, &quiet, edges)
}

/// Presses the button while a program reads a line, and returns what that says.
fn pressed(bench: &mut Bench<Simulated>, vm: &mut Vm, edges: u32, apart: Duration) -> Measured {
    bench.press(BUTTON.1, edges, apart);
    vm.wait_for("grep -c p50 /tmp/reads", "1");
    serde_json::from_str(&vm.run("tail -n 1 /tmp/reads")).unwrap()
}

/// Presses and releases the button.
fn edges(bench: &mut Bench<Simulated>, vm: &mut Vm, chip: &str, arguments: &Arguments) -> Edges {
    let count = arguments.edges;
    vm.spawn(&format!("gpiobench edges {chip} {} {count}", BUTTON.0), "/tmp/edges");
    vm.wait_for("grep -c ready /tmp/edges", "1");
    let mut watcher = Watcher::start(&bench.daemon, vec![pad(BUTTON.1)]);
    bench.press(BUTTON.1, count, Duration::from_millis(arguments.apart));
    vm.wait_for("grep -c seqno /tmp/edges", &count.to_string());
    let stamps = vm.run("sed -n 's/.*kernel_ns\":\\([0-9]*\\).*/\\1/p' /tmp/edges");
    let late = stamps.lines().map(|stamp| {
        let stamp: u64 = stamp.parse().unwrap();
        // Two clocks: only differences of these differences mean something.
        stamp.wrapping_sub(watcher.change().timestamp_ns).cast_signed()
    });
    let measured = serde_json::from_str(&vm.run("tail -n 1 /tmp/edges")).unwrap();
    Edges::new(measured, count, late.collect())
}

/// Presses and releases the button, which a program in the guest answers with the mapped output; the daemon tells
/// when both pads change.
fn answers(
    bench: &mut Bench<Simulated>,
    vm: &mut Vm,
    chip: &str,
    arguments: &Arguments,
) -> Answers {
    let (count, output) = (arguments.edges, MAPPED.0);
    vm.spawn(&format!("gpiobench answer {chip} {} {count} {output}", BUTTON.0), "/tmp/answers");
    vm.wait_for("grep -c ready /tmp/answers", "1");
    let mut watcher = Watcher::start(&bench.daemon, vec![pad(BUTTON.1), pad(MAPPED.1)]);
    let took = (0..count).map(|i| {
        bench.world.pull(BUTTON.1, i % 2 == 0);
        let (press, answer) = (watcher.change(), watcher.change());
        assert_eq!((press.offset, answer.offset), (BUTTON.1, MAPPED.1));
        assert_eq!(press.level, answer.level);
        sleep(Duration::from_millis(arguments.apart));
        answer.timestamp_ns - press.timestamp_ns
    });
    Answers::new(took.collect())
}
