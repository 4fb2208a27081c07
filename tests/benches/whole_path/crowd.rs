// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many sessions, of which one does something: what the others cost.

use vgpio::client::Client;
use vgpio_tests::harness::process::idle_wakeups;
use vgpio_tests::harness::{Daemon, Guest, LABEL, LINES, map};

use crate::latency::sample;
use crate::process::{Place, memory};
use crate::report::{Crowd, Report};
use crate::world::{active, options, wire, wired};
use crate::{Arguments, world::World};

/// A daemon with one session: its memory, before it has done anything else, and its wake-ups.
pub fn alone(gpio_sim: bool, idle: u64) -> Crowd {
    let world = World::new(gpio_sim);
    let idle_wakeups = idle_wakeups(world.daemon.pid(), idle);
    Crowd { sessions: 1, idle_wakeups, memory: memory(world.daemon.pid()) }
}

/// A daemon with more and more sessions. All but the active one own a line each, and are silent.
pub fn grow(arguments: &Arguments, report: &mut Report) {
    let most = arguments.sessions.iter().copied().max().unwrap_or(1);
    let blocks = most.div_ceil(LINES as usize);
    let mut options = options(true);
    options.push("--allow-line-maps".to_owned());
    for block in 0..blocks {
        options.extend(["--sim".to_owned(), format!("rcar-gen3,label={}", label(block))]);
    }
    let daemon = Daemon::start(&options);
    wire(&daemon);
    let mut client = active(&daemon);
    let mut silent = Vec::new();
    for &sessions in &arguments.sessions {
        (silent.len() + 1..sessions).for_each(|i| silent.push(attach(&daemon, i)));
        let mut level = 0;
        let pairs = sample(arguments.samples, daemon.pid(), Place::Near, || {
            level ^= 1;
            wired(&mut client, level)
        });
        let name = format!("output, {sessions} sessions, {}", Place::Near.cpus());
        report.latency.push(pairs.latency(name, |trip| trip.there));
        report.crowd.push(Crowd {
            sessions,
            idle_wakeups: idle_wakeups(daemon.pid(), arguments.idle),
            memory: memory(daemon.pid()),
        });
    }
}

/// A session that owns a line.
fn attach(daemon: &Daemon, i: usize) -> Client {
    let lines = LINES as usize;
    Guest::attach(daemon, map(&format!("{},gpios={}", label(i / lines), i % lines))).client
}

fn label(block: usize) -> String {
    format!("{LABEL}.{block}")
}
