// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a set costs on its way out: the model alone, with the client, in batches. The other end of
//! the connection only reads; `write` is the same bytes without vgpio, the floor.

use std::hint::black_box;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;
use vgpio::Pl061;
use vgpio::client::{Client, Lines, Options, State};
use vgpio::controller::Pl061Controller;
use vgpio_protocol::{
    Bias, Drive, EdgeDetection, Event as Message, HelloReply, LineEntry, LineFlags, Reason, Values,
};

/// A place to connect to, where all that comes is read and thrown away.
struct Sink {
    dir: TempDir,
}

impl Sink {
    fn new() -> Self {
        let dir = TempDir::with_prefix("vgpio").expect("a directory");
        let listener = UnixListener::bind(dir.path().join("sock")).expect("a socket");
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                stream.write_all(&welcome()).expect("it reads");
                std::thread::spawn(move || drain(stream));
            }
        });
        Self { dir }
    }

    fn options(&self) -> Options {
        Options {
            socket: self.dir.path().join("sock"),
            ..Options::new(Lines::Export("bench".into()))
        }
    }

    fn client(&self) -> Client {
        let mut client = Client::new(self.options()).expect("good options");
        client.connect().expect("the sink listens");
        let attached = |client: &Client| client.state() == State::Attached;
        let deadline = Instant::now() + Duration::from_secs(10);
        let quiet = &mut |_| ();
        client.wait_until(deadline, quiet, attached).expect("lines");
        client.configure_directions(0xff, 0xff, 0);
        client
    }
}

fn drain(mut stream: UnixStream) {
    let mut bytes = vec![0; 1 << 16];
    while stream.read(&mut bytes).is_ok_and(|n| n > 0) {}
}

/// The replies to HELLO and ATTACH, whose numbers are always 1 and 2.
fn welcome() -> Vec<u8> {
    let mut bytes = Vec::new();
    let hello = HelloReply {
        version: 1,
        max_lines: 64,
        max_payload: 16384,
        session: 1,
        features: 0,
        name: "sink",
    };
    Message::Hello(hello).encode(1, &mut bytes);
    let lines: Vec<LineEntry<'_>> = (0..8)
        .map(|vgpio| LineEntry {
            vgpio,
            offset: vgpio.into(),
            flags: LineFlags(0),
            debounce_us: 0,
            poll_us: 0,
            bias: Bias::AsIs,
            drive: Drive::PushPull,
            edges: EdgeDetection::Both,
            name: "",
            chip: "sink",
        })
        .collect();
    Message::Attached(vgpio_protocol::Lines::new(&lines)).encode(2, &mut bytes);
    let values =
        Values { mask: 0xff, bits: 0, timestamp_ns: 0, lost_edges: 0, reason: Reason::Attached };
    Message::Values(values).encode(0, &mut bytes);
    bytes
}

/// Lets the other end catch up, so that nothing is folded.
fn keep_up(client: &mut Client) {
    if client.has_unsent() {
        let deadline = Instant::now() + Duration::from_secs(10);
        client.flush(deadline, &mut |_| ()).expect("the sink reads");
    }
}

fn sets(c: &mut Criterion) {
    let sink = Sink::new();
    let mut group = c.benchmark_group("client");
    let mut client = sink.client();
    let mut bits = 0_u64;
    group.throughput(Throughput::Elements(1));
    group.bench_function("set", |b| {
        b.iter(|| {
            bits ^= 1;
            client.set(black_box(1), bits);
            keep_up(&mut client);
        });
    });
    group.throughput(Throughput::Elements(64));
    group.bench_function("batch of 64 sets", |b| {
        b.iter(|| {
            client.batch(|client| {
                for _ in 0..64 {
                    bits ^= 1;
                    client.set(black_box(1), bits);
                }
            });
            keep_up(&mut client);
        });
    });
    assert_eq!(client.counters().coalesced, 0);
    group.finish();
}

fn floor(c: &mut Criterion) {
    let mut group = c.benchmark_group("write");
    for (name, sets) in [("32 bytes", 1), ("64 times 32 bytes", 64)] {
        let (mut near, far) = UnixStream::pair().expect("a pair");
        std::thread::spawn(move || drain(far));
        let bytes = vec![0; sets * 32];
        group.throughput(Throughput::Elements(sets as u64));
        group.bench_function(name, |b| {
            b.iter(|| near.write_all(black_box(&bytes)).expect("it reads"));
        });
    }
    group.finish();
}

fn stores(c: &mut Criterion) {
    let mut group = c.benchmark_group("guest store");
    let mut value = 0;
    let mut model = Pl061::new();
    let _lines_turn = model.write(0x400, 1, 0xff);
    group.bench_function("model", |b| {
        b.iter(|| {
            value ^= 1;
            black_box(model.write(0x004, 1, black_box(value)))
        });
    });
    let sink = Sink::new();
    let mut gpio = Pl061Controller::new(sink.options()).expect("good options");
    gpio.connect().expect("the sink listens");
    let deadline = Instant::now() + Duration::from_secs(10);
    while gpio.client().state() != State::Attached {
        assert!(gpio.wait(deadline, &mut |_| ()), "no lines");
    }
    let _lines_turn = gpio.write(0x400, 1, 0xff);
    group.bench_function("controller", |b| {
        b.iter(|| {
            value ^= 1;
            let outcome = black_box(gpio.write(0x004, 1, black_box(value)));
            while gpio.client().has_unsent() {
                gpio.process(&mut |_| ());
            }
            outcome
        });
    });
    group.finish();
}

criterion_group!(benches, floor, sets, stores);
criterion_main!(benches);
