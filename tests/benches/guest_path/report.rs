// SPDX-License-Identifier: MIT OR Apache-2.0
//! The figures, as JSON and for people.

#![allow(clippy::cast_precision_loss, reason = "figures for people have three digits")]

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use crate::Measured;

/// Least ratio of the rates that is good.
const AIM: f64 = 0.8;

/// All that was measured.
#[derive(Serialize)]
pub struct Report {
    pub sets: Sets,
    pub edges: Edges,
    pub answers: Answers,
}

/// Sets of a line that is mapped to the host, and of one that is not: medians over the rounds.
#[derive(Serialize)]
pub struct Sets {
    mapped: Line,
    bare: Line,
    /// Of the medians of the times.
    ratio_p50: f64,
    /// Of the rates of neighbouring rounds: the least, the median, the greatest.
    ratio: [f64; 3],
    aim: f64,
    /// Sets that went to the daemon, and those that were folded into later ones.
    sent: u64,
    coalesced: u64,
}

/// One set after another.
#[derive(Serialize)]
struct Line {
    sets_per_s: u64,
    p50_ns: u64,
    p99_ns: u64,
}

/// Edges, from the guest's interrupt until a program has read them.
#[derive(Serialize)]
pub struct Edges {
    count: u32,
    lost: u64,
    p50_ns: u64,
    p99_ns: u64,
}

/// Edges of a host line, until a program in the guest has answered each at another line of the host.
#[derive(Serialize)]
pub struct Answers {
    count: usize,
    p50_ns: u64,
    p99_ns: u64,
}

impl Sets {
    pub fn new(bare: &[Measured], mapped: &[Measured], sent: u64, coalesced: u64) -> Self {
        let ratio = |(mapped, bare): (&Measured, &Measured)| {
            mapped.per_second as f64 / bare.per_second as f64
        };
        let mut ratios: Vec<_> = mapped.iter().zip(bare).map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        let [least, median, greatest] = [0, ratios.len() / 2, ratios.len() - 1].map(|i| ratios[i]);
        let ratio = [least, median, greatest];
        let (mapped, bare) = (Line::of(mapped), Line::of(bare));
        let ratio_p50 = bare.p50_ns as f64 / mapped.p50_ns as f64;
        Self { mapped, bare, ratio_p50, ratio, aim: AIM, sent, coalesced }
    }
}

impl Line {
    fn of(rounds: &[Measured]) -> Self {
        let median = |of: fn(&Measured) -> u64| {
            let mut values: Vec<_> = rounds.iter().map(of).collect();
            values.sort_unstable();
            values[values.len() / 2]
        };
        Self {
            sets_per_s: median(|round| round.per_second),
            p50_ns: median(|round| round.p50_ns),
            p99_ns: median(|round| round.p99_ns),
        }
    }
}

impl Edges {
    pub fn new(measured: Measured, count: u32) -> Self {
        let Measured { p50_ns, p99_ns, lost, .. } = measured;
        Self { count, lost, p50_ns, p99_ns }
    }
}

impl Answers {
    pub fn new(mut took_ns: Vec<u64>) -> Self {
        took_ns.sort_unstable();
        let percentile = |percent: usize| took_ns[(took_ns.len() * percent).div_ceil(100) - 1];
        Self { count: took_ns.len(), p50_ns: percentile(50), p99_ns: percentile(99) }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Sets {
            mapped,
            bare,
            ratio_p50,
            ratio: [least, median, greatest],
            aim,
            sent,
            coalesced,
        } = &self.sets;
        let us = |ns: u64| ns as f64 / 1000.0;
        writeln!(f, "{:24}{:>12}{:>10}{:>10}", "sets of a line", "sets/s", "p50 us", "p99 us")?;
        for (name, line) in [("mapped to the host", mapped), ("mapped to nothing", bare)] {
            let Line { sets_per_s, p50_ns, p99_ns } = line;
            writeln!(f, "{name:24}{sets_per_s:12}{:10.1}{:10.1}", us(*p50_ns), us(*p99_ns))?;
        }
        let verdict = if median >= aim { "met" } else { "missed" };
        writeln!(
            f,
            "ratio {median:.2} ({least:.2} to {greatest:.2}), aim >= {aim} {verdict}; of p50 {ratio_p50:.2}"
        )?;
        writeln!(f, "sent to the daemon {sent}, folded {coalesced}\n")?;
        let Edges { count, lost, p50_ns, p99_ns } = self.edges;
        writeln!(
            f,
            "{count} edges, interrupt to program: p50 {:.1} us, p99 {:.1} us, lost {lost}",
            us(p50_ns),
            us(p99_ns)
        )?;
        let Answers { count, p50_ns, p99_ns } = self.answers;
        writeln!(
            f,
            "{count} edges, host line to program to host line: p50 {:.1} us, p99 {:.1} us",
            us(p50_ns),
            us(p99_ns)
        )
    }
}
