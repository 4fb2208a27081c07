// SPDX-License-Identifier: MIT OR Apache-2.0
//! Times of the messages that are sent most: SET, and EDGES of one edge and of 512.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use vgpio_protocol::{Edge, Edges, Event, Frame, LineSet, Request};

fn set(c: &mut Criterion) {
    let request = Request::Set(LineSet { mask: 0xff, bits: 0x55 });
    let mut message = Vec::new();
    request.encode(1, &mut message);
    c.bench_function("set/encode", |b| {
        let mut out = Vec::with_capacity(message.len());
        b.iter(|| {
            out.clear();
            black_box(&request).encode(black_box(1), &mut out);
            black_box(&out);
        });
    });
    c.bench_function("set/decode", |b| {
        b.iter(|| Request::decode(&split(black_box(&message))).expect("a valid SET"));
    });
}

fn edges(c: &mut Criterion) {
    let edge = |line_seqno| Edge {
        line: 3,
        active: line_seqno % 2 == 1,
        line_seqno,
        timestamp_ns: 1_000 * u64::from(line_seqno),
    };
    let mut group = c.benchmark_group("edges");
    for count in [1, 512] {
        let edges: Vec<_> = (1..=count).map(edge).collect();
        let event = Event::Edges(Edges::new(&edges));
        let mut message = Vec::new();
        event.encode(0, &mut message);
        group.throughput(Throughput::Elements(count.into()));
        group.bench_function(BenchmarkId::new("encode", count), |b| {
            let mut out = Vec::with_capacity(message.len());
            b.iter(|| {
                out.clear();
                black_box(&event).encode(0, &mut out);
                black_box(&out);
            });
        });
        group.bench_function(BenchmarkId::new("decode", count), |b| {
            b.iter(|| read_edges(&split(black_box(&message))));
        });
    }
}

/// Decodes and reads every edge, as a frontend does.
fn read_edges(frame: &Frame<'_>) {
    match Event::decode(frame) {
        Ok(Some(Event::Edges(edges))) => edges.iter().for_each(|edge| _ = black_box(edge)),
        other => panic!("{other:?}"),
    }
}

fn split(message: &[u8]) -> Frame<'_> {
    let frame = Frame::split(message).expect("a valid header");
    frame.expect("a whole message")
}

criterion_group!(benches, set, edges);
criterion_main!(benches);
