// SPDX-License-Identifier: MIT OR Apache-2.0
//! A daemon with one chip, and a client of it.

use serde::de::IgnoredAny;
use vgpio::client::{Client, Event};
use vgpio_backend::control::Command;
use vgpio_backend::control::api::{LineName, OffsetOrName};
use vgpio_protocol::Edge;
use vgpio_tests::harness::{Daemon, GpioSim, Guest, LABEL, Outside, deadline, export};

use crate::bare::{Trip, now_ns, wait_for_input};
use crate::latency::sample;
use crate::process::Place;
use crate::report::Latency;

/// The outputs are lines 0 to 7 of the attachment.
pub const OUTPUTS: u64 = 0xff;
/// The input: line 8, wired to line 0 on the simulated block.
const INPUT: u64 = 0x100;

/// The daemon and its client.
pub struct World {
    pub daemon: Daemon,
    pub client: Client,
    gpio_sim: Option<GpioSim>,
}

/// A client of nine lines of a chip: eight outputs, inactive, and an input.
pub fn active(daemon: &Daemon) -> Client {
    let mut client = Guest::attach(daemon, export("active")).client;
    client.configure_directions(OUTPUTS, OUTPUTS, 0);
    client.sync_wait(deadline(), &mut |_| {}).unwrap();
    client
}

/// What a daemon with the chip of the active client is told.
pub fn options(simulated: bool) -> Vec<String> {
    let mut options = vec!["--export".to_owned(), format!("active={LABEL},gpios=0-8")];
    if simulated {
        options.extend(["--sim".to_owned(), format!("rcar-gen3,label={LABEL}")]);
    }
    options
}

impl World {
    /// Starts the daemon.
    pub fn new(gpio_sim: bool) -> Self {
        let gpio_sim = gpio_sim.then(|| GpioSim::labelled(LABEL));
        let daemon = Daemon::start(&options(gpio_sim.is_none()));
        let client = active(&daemon);
        Self { daemon, client, gpio_sim }
    }

    /// Whether its chip is the simulated block.
    pub fn is_simulated(&self) -> bool {
        self.gpio_sim.is_none()
    }

    /// All latencies that can be had of this chip.
    pub fn latencies(&mut self, samples: usize, place: Place) -> Vec<Latency> {
        let name = |what: &str| format!("{what}, {}", place.cpus());
        let daemon = self.daemon.pid();
        let mut latencies = Vec::new();
        let mut level = 0;
        if let Some(gpio_sim) = &mut self.gpio_sim {
            let edges = sample(samples, daemon, place, || {
                level ^= 1;
                pulled(&mut self.client, gpio_sim, level)
            });
            latencies.push(edges.latency(name("edge: kernel to client"), |trip| trip.back));
        } else {
            wire(&self.daemon);
            let wired = sample(samples, daemon, place, || {
                level ^= 1;
                wired(&mut self.client, level)
            });
            let output = wired.latency(name("output: client to chip"), |trip| trip.there);
            latencies.push(output.aim(1.3));
            latencies.push(wired.latency(name("edge: pad to client"), |trip| trip.back));
            latencies.push(wired.latency(name("output, wire and edge"), Trip::round));
        }
        // Of another line, so that there are no edges.
        let synced = sample(samples, daemon, place, || {
            level ^= 2;
            synced(&mut self.client, level & 2)
        });
        latencies.push(synced.latency(name("output and barrier"), Trip::round));
        latencies
    }
}

/// Wires pad 0 to pad 8.
pub fn wire(daemon: &Daemon) {
    let pad = |offset| LineName {
        chip: Some(LABEL.to_owned()),
        line: OffsetOrName::Offset(offset),
        by_name: false,
    };
    daemon.ask::<IgnoredAny>(&Command::Wire { a: pad(0), b: pad(8) });
}

/// Sets line 0, which moves the input. The chip notes the time when its pad changes.
pub fn wired(client: &mut Client, level: u64) -> Trip {
    let start = now_ns();
    client.set(1, level);
    let edge = next_edge(client);
    let end = now_ns();
    assert_eq!((u64::from(edge.line), edge.active), (INPUT.trailing_zeros().into(), level == 1));
    Trip::new(start, edge.timestamp_ns, end)
}

/// Pulls the input from outside.
fn pulled(client: &mut Client, gpio_sim: &mut GpioSim, level: u64) -> Trip {
    let start = now_ns();
    gpio_sim.pull(8, level == 1);
    let edge = next_edge(client);
    Trip::new(start, edge.timestamp_ns, now_ns())
}

/// Sets a line, and waits until the daemon says that it has been carried out.
fn synced(client: &mut Client, bits: u64) -> Trip {
    let start = now_ns();
    let token = client.batch(|client| {
        client.set(2, bits);
        client.sync()
    });
    while !client.is_synced(token) {
        wait_for_input(&client.as_fd().unwrap());
        client.process(&mut |_| {});
    }
    Trip::new(start, start, now_ns())
}

/// Waits for an edge, as a main loop does.
fn next_edge(client: &mut Client) -> Edge {
    let mut edge = None;
    while edge.is_none() {
        wait_for_input(&client.as_fd().unwrap());
        client.process(&mut |event| {
            if let Event::Edge(e) = event {
                edge = Some(e);
            }
        });
    }
    edge.unwrap()
}
