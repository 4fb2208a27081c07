// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a set costs on the simulated block, through the trait that the daemon uses.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use vgpio_backend::chip::sim::{SimBlock, SimOptions};
use vgpio_backend::chip::{Chip, LineConfig, Request};
use vgpio_protocol::{Bias, Direction, Drive, EdgeDetection};
use vgpio_rcar::Generation;

const OUTPUT: LineConfig = LineConfig {
    direction: Some(Direction::Output),
    active: false,
    active_low: false,
    bias: Bias::AsIs,
    drive: Drive::PushPull,
    edges: EdgeDetection::None,
    debounce: None,
};

fn block() -> SimBlock {
    SimBlock::new(SimOptions {
        generation: Generation::Gen3,
        name: "sim0".into(),
        label: "bench".into(),
        names: Vec::new(),
    })
}

fn take(block: &SimBlock, lines: std::ops::Range<u32>, config: LineConfig) -> Box<dyn Request> {
    let lines: Vec<_> = lines.map(|line| (line, config)).collect();
    block.chip().request(&lines, "bench").expect("the lines are free")
}

/// Each iteration moves every line.
fn set(c: &mut Criterion) {
    let mut group = c.benchmark_group("sim set");
    for lines in [1, 8, 32] {
        let block = block();
        let mut held = take(&block, 0..lines, OUTPUT);
        let mask = u64::MAX >> (64 - lines);
        let mut bits = 0;
        group.throughput(Throughput::Elements(lines.into()));
        group.bench_function(format!("{lines} lines"), |b| {
            b.iter(|| {
                bits ^= mask;
                held.set(black_box(mask), black_box(bits)).expect("the lines are outputs");
            });
        });
    }
    group.finish();
}

/// A set that comes back as an edge through a wire, and is read.
fn edge(c: &mut Criterion) {
    let block = block();
    block.wire(0, 1).expect("there are such lines");
    let mut output = take(&block, 0..1, OUTPUT);
    let watched =
        LineConfig { direction: Some(Direction::Input), edges: EdgeDetection::Both, ..OUTPUT };
    let mut input = take(&block, 1..2, watched);
    let mut edges = Vec::with_capacity(4);
    let mut level = 0;
    c.bench_function("sim edge through a wire", |b| {
        b.iter(|| {
            level ^= 1;
            output.set(1, level).expect("the line is an output");
            edges.clear();
            input.read_edges(&mut edges).expect("the chip is there");
            assert_eq!(edges.len(), 1);
        });
    });
}

criterion_group!(benches, set, edge);
criterion_main!(benches);
