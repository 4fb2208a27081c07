// SPDX-License-Identifier: MIT OR Apache-2.0
//! The figures, as JSON and for people.

#![allow(clippy::cast_precision_loss, reason = "figures for people have four digits")]

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

/// All that was measured.
#[derive(Serialize)]
pub struct Report {
    /// `simulated` or `gpio-sim`.
    chip: &'static str,
    pub latency: Vec<Latency>,
    pub rate: Vec<Rate>,
    pub crowd: Vec<Crowd>,
}

/// Times of many samples, in nanoseconds.
#[derive(Serialize)]
pub struct Spread {
    p50_ns: u64,
    p99_ns: u64,
}

/// A latency and the floor that was sampled in turns with it.
#[derive(Serialize)]
pub struct Latency {
    name: String,
    measured: Spread,
    floor: Spread,
    ratio_p50: f64,
    ratio_p99: f64,
    /// Greatest ratio of the medians that is good.
    aim: Option<f64>,
}

/// Sets per second.
#[derive(Serialize)]
pub struct Rate {
    name: &'static str,
    sets_per_s: u64,
    /// Messages of the same size over the bare socket.
    floor_per_s: u64,
    ratio: f64,
    line_updates_per_s: u64,
    /// Least line updates per second that is good.
    aim: Option<u64>,
}

/// A daemon with so many sessions.
#[derive(Serialize)]
pub struct Crowd {
    pub sessions: usize,
    /// While nothing happened.
    pub idle_wakeups: u64,
    pub memory: Memory,
}

/// Memory of a process, in KiB.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names of figures have their unit")]
pub struct Memory {
    /// The most it ever had resident, shared program files included.
    pub peak_kib: u64,
    /// Resident now.
    pub resident_kib: u64,
    /// Resident now, not shared with any file.
    pub private_kib: u64,
    /// Resident now, shared pages counted in part; not every kernel tells.
    pub proportional_kib: Option<u64>,
}

impl Report {
    pub fn new(gpio_sim: bool) -> Self {
        let chip = if gpio_sim { "gpio-sim" } else { "simulated" };
        Self { chip, latency: Vec::new(), rate: Vec::new(), crowd: Vec::new() }
    }
}

impl Spread {
    pub fn of(mut times: Vec<u64>) -> Self {
        times.sort_unstable();
        let rank = |percent: usize| times[(times.len() - 1) * percent / 100];
        Self { p50_ns: rank(50), p99_ns: rank(99) }
    }
}

/// The middle one.
pub fn median(values: Vec<u64>) -> u64 {
    Spread::of(values).p50_ns
}

impl Latency {
    pub fn new(name: String, measured: Spread, floor: Spread) -> Self {
        let ratio_p50 = measured.p50_ns as f64 / floor.p50_ns as f64;
        let ratio_p99 = measured.p99_ns as f64 / floor.p99_ns as f64;
        Self { name, measured, floor, ratio_p50, ratio_p99, aim: None }
    }

    pub fn aim(self, aim: f64) -> Self {
        Self { aim: Some(aim), ..self }
    }
}

impl Rate {
    pub fn new(name: &'static str, sets_per_s: u64, floor_per_s: u64, lines: u64) -> Self {
        let ratio = sets_per_s as f64 / floor_per_s as f64;
        let line_updates_per_s = sets_per_s * lines;
        Self { name, sets_per_s, floor_per_s, ratio, line_updates_per_s, aim: None }
    }

    pub fn aim(self, aim: Option<u64>) -> Self {
        Self { aim, ..self }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "chip: {}\n", self.chip)?;
        let head = ["us", "p50", "p99", "bare p50", "p99", "ratio p50", "p99", "aim"];
        row(f, head.map(str::to_owned))?;
        self.latency.iter().try_for_each(|latency| latency.row(f))?;
        let head = ["sets/s", "vgpiod", "bare", "ratio", "lines/s", "aim", "", ""];
        writeln!(f)?;
        row(f, head.map(str::to_owned))?;
        self.rate.iter().try_for_each(|rate| rate.row(f))?;
        let head = ["KiB", "peak", "resident", "private", "share", "wake-ups", "", ""];
        writeln!(f)?;
        row(f, head.map(str::to_owned))?;
        self.crowd.iter().try_for_each(|crowd| crowd.row(f))
    }
}

impl Latency {
    fn row(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let us = |ns: u64| format!("{:.1}", ns as f64 / 1000.0);
        let ratio = |ratio: f64| format!("{ratio:.2}");
        let aim = self
            .aim
            .map_or(String::new(), |aim| verdict(self.ratio_p50 <= aim, &format!("<= {aim}")));
        let (measured, floor) = (&self.measured, &self.floor);
        let times = [measured.p50_ns, measured.p99_ns, floor.p50_ns, floor.p99_ns].map(us);
        let [p50, p99, floor_p50, floor_p99] = times;
        let ratios = [self.ratio_p50, self.ratio_p99].map(ratio);
        let [ratio_p50, ratio_p99] = ratios;
        row(f, [self.name.clone(), p50, p99, floor_p50, floor_p99, ratio_p50, ratio_p99, aim])
    }
}

impl Rate {
    fn row(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let numbers = [self.sets_per_s, self.floor_per_s, self.line_updates_per_s];
        let [sets, floor, lines] = numbers.map(|n| n.to_string());
        let aim = self.aim.map_or(String::new(), |aim| {
            verdict(self.line_updates_per_s >= aim, &format!(">= {aim}"))
        });
        let ratio = format!("{:.2}", self.ratio);
        row(f, [self.name.to_owned(), sets, floor, ratio, lines, aim, String::new(), String::new()])
    }
}

impl Crowd {
    fn row(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Memory { peak_kib, resident_kib, private_kib, proportional_kib } = self.memory;
        let numbers = [peak_kib, resident_kib, private_kib, self.idle_wakeups];
        let [peak, resident, private, wakeups] = numbers.map(|n| n.to_string());
        let share = proportional_kib.map_or("-".to_owned(), |kib| kib.to_string());
        let name = format!("{} sessions", self.sessions);
        row(f, [name, peak, resident, private, share, wakeups, String::new(), String::new()])
    }
}

fn verdict(met: bool, aim: &str) -> String {
    format!("{aim} {}", if met { "met" } else { "missed" })
}

fn row(f: &mut Formatter<'_>, cells: [String; 8]) -> fmt::Result {
    let [name, rest @ ..] = cells;
    write!(f, "{name:31}")?;
    rest.iter().try_for_each(|cell| write!(f, " {cell:>10}"))?;
    writeln!(f)
}
