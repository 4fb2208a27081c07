// SPDX-License-Identifier: MIT OR Apache-2.0
//! The figures, as JSON and for people.

#![allow(clippy::cast_precision_loss, reason = "figures for people have three digits")]

use std::fmt::{self, Display, Formatter};

use serde::Serialize;
use vgpio_tests::figures::{Spread, ratios};

use crate::lender::Who;

/// Least ratio of the sets per second that is good, where both chips cost nothing and there is more than one processor.
pub const AIM: f64 = 1.5;

/// All that was measured.
#[derive(Serialize)]
pub struct Report {
    /// `gpio-sim`, or `mock`: the simulated block of `vgpiod`, and the stand-in of libgpiod for the peer.
    pub chip: &'static str,
    /// By a program in a guest.
    pub sets: Sets,
    /// By a driver without a guest.
    pub requests: Sets,
    /// On gpio-sim only: the mock has no edges.
    pub edges: Vec<Edges>,
    pub crowd: Vec<Crowd>,
}

/// A round of sets.
#[derive(Serialize)]
pub struct Times {
    pub per_second: u64,
    pub p50_ns: u64,
    pub p99_ns: u64,
}

/// Sets of a line of each, round by round.
#[derive(Serialize)]
pub struct Sets {
    vgpiod: Row,
    vhost_device_gpio: Row,
    /// Of a line that no daemon is behind.
    floor: Option<Row>,
    /// Of the sets per second of neighbouring rounds, to those of the peer.
    ratio: Spread<f64>,
    /// Of the medians of the times, of the peer's to ours.
    ratio_p50: Spread<f64>,
    aim: Option<f64>,
}

#[derive(Serialize)]
struct Row {
    sets_per_s: Spread<u64>,
    p50_ns: Spread<u64>,
    p99_ns: Spread<u64>,
}

/// Edges of a boot.
#[derive(Serialize)]
pub struct Edges {
    pub who: Who,
    /// Of a line that a program in the guest answers at another.
    pub answers: Answers,
    /// A thousand a second.
    pub periodic: Lost,
    /// As fast as it goes.
    pub burst: Lost,
}

/// Edges that were answered, and those that were not.
#[derive(Serialize)]
pub struct Answers {
    pub answered: usize,
    pub unanswered: u32,
    pub p50_ns: u64,
    pub p99_ns: u64,
}

/// What became of edges.
#[derive(Serialize)]
pub struct Lost {
    pub edges: u32,
    /// Interrupts that the guest had.
    pub guest: u64,
    /// Edges that the daemon says it has dropped.
    pub counted: u64,
}

/// A daemon with so many silent guests.
#[derive(Serialize)]
pub struct Crowd {
    pub who: Who,
    pub guests: usize,
    /// Lines of each that wait for edges.
    pub armed: u16,
    pub threads: usize,
    pub idle_s: u64,
    /// In that time.
    pub idle_wakeups: u64,
    pub peak_kib: u64,
}

impl Sets {
    /// Of ours, the peer's, and those of the floor if there is one.
    pub fn new(times: &[Vec<Times>], aim: Option<f64>) -> Self {
        let [ours, peers, floor @ ..] = times else { panic!("two are compared") };
        let all = |times: &[Times], of: fn(&Times) -> u64| times.iter().map(of).collect::<Vec<_>>();
        let of = |of| [all(ours, of), all(peers, of)];
        let [rate, peers_rate] = of(|times| times.per_second);
        let [p50, peers_p50] = of(|times| times.p50_ns);
        Self {
            vgpiod: Row::of(ours),
            vhost_device_gpio: Row::of(peers),
            floor: floor.first().map(|times| Row::of(times)),
            ratio: ratios(&rate, &peers_rate),
            ratio_p50: ratios(&peers_p50, &p50),
            aim,
        }
    }
}

impl Row {
    fn of(times: &[Times]) -> Self {
        let spread = |of: fn(&Times) -> u64| Spread::of(times.iter().map(of));
        Self {
            sets_per_s: spread(|times| times.per_second),
            p50_ns: spread(|times| times.p50_ns),
            p99_ns: spread(|times| times.p99_ns),
        }
    }
}

impl Lost {
    /// Edges that the guest was not told of, in percent of all.
    fn percent(&self) -> f64 {
        100.0 * (1.0 - self.guest as f64 / f64::from(self.edges))
    }

    /// Those of them that the daemon does not know of.
    fn silently(&self) -> i64 {
        i64::from(self.edges) - (self.guest + self.counted).cast_signed()
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "chip: {}\n", self.chip)?;
        self.sets.table(f, "sets by a guest")?;
        self.requests.table(f, "sets without a guest")?;
        if !self.edges.is_empty() {
            head(
                f,
                "edges, each boot",
                [
                    "answer p50",
                    "p99 us",
                    "none",
                    "1 kHz lost",
                    "silently",
                    "burst lost",
                    "silently",
                ],
            )?;
            self.edges.iter().try_for_each(|edges| edges.row(f))?;
            writeln!(f)?;
        }
        head(
            f,
            "guests, 8 lines armed",
            ["guests", "threads", "wake-ups/s", "peak KiB", "", "", ""],
        )?;
        self.crowd.iter().try_for_each(|crowd| crowd.row(f))
    }
}

impl Sets {
    fn table(&self, f: &mut Formatter<'_>, name: &str) -> fmt::Result {
        head(f, name, ["sets/s", "least", "most", "p50 us", "p99 us", "", ""])?;
        let rows = [
            (Who::Vgpiod.name(), Some(&self.vgpiod)),
            (Who::VhostDeviceGpio.name(), Some(&self.vhost_device_gpio)),
            ("PL061, no daemon", self.floor.as_ref()),
        ];
        for (name, row) in rows.into_iter().filter_map(|(name, row)| Some((name, row?))) {
            let Spread { median, least, most } = row.sets_per_s;
            let [p50, p99] = [row.p50_ns, row.p99_ns].map(|spread| us(spread.median));
            line(
                f,
                name,
                [
                    median.to_string(),
                    least.to_string(),
                    most.to_string(),
                    p50,
                    p99,
                    String::new(),
                    String::new(),
                ],
            )?;
        }
        let Spread { median, least, most } = self.ratio;
        write!(f, "ratio {median:.2} ({least:.2} to {most:.2})")?;
        if let Some(aim) = self.aim {
            write!(f, ", aim >= {aim} {}", if median >= aim { "met" } else { "missed" })?;
        }
        writeln!(f, "; of p50 {:.2}\n", self.ratio_p50.median)
    }
}

impl Edges {
    fn row(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let lost = |lost: &Lost| [format!("{:.1} %", lost.percent()), lost.silently().to_string()];
        let [[periodic, of_them], [burst, of_these]] = [&self.periodic, &self.burst].map(lost);
        let Answers { unanswered, p50_ns, p99_ns, .. } = self.answers;
        line(
            f,
            self.who.name(),
            [us(p50_ns), us(p99_ns), unanswered.to_string(), periodic, of_them, burst, of_these],
        )
    }
}

impl Crowd {
    fn row(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let wakeups = format!("{:.1}", self.idle_wakeups as f64 / self.idle_s as f64);
        let numbers =
            [self.guests.to_string(), self.threads.to_string(), wakeups, self.peak_kib.to_string()];
        let [guests, threads, wakeups, peak] = numbers;
        line(
            f,
            self.who.name(),
            [guests, threads, wakeups, peak, String::new(), String::new(), String::new()],
        )
    }
}

fn us(ns: u64) -> String {
    format!("{:.1}", ns as f64 / 1000.0)
}

fn head(f: &mut Formatter<'_>, name: &str, cells: [&str; 7]) -> fmt::Result {
    line(f, name, cells.map(str::to_owned))
}

fn line(f: &mut Formatter<'_>, name: &str, cells: [String; 7]) -> fmt::Result {
    write!(f, "{name:22}")?;
    cells.into_iter().try_for_each(|cell| write!(f, " {cell:>10}"))?;
    writeln!(f)
}
