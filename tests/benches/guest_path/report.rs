// SPDX-License-Identifier: MIT OR Apache-2.0
//! The figures, as JSON and for people.

#![allow(clippy::cast_precision_loss, reason = "figures for people have three digits")]

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use crate::Measured;

/// Least ratio of the rates of sets that is good.
const AIM: f64 = 0.8;
/// Greatest ratio of the times of reads, p99, that is good.
const READS_AIM: f64 = 2.0;

/// All that was measured.
#[derive(Serialize)]
pub struct Report {
    pub sets: Sets,
    pub reads: Reads,
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

/// One set or read after another.
#[derive(Serialize)]
struct Line {
    per_s: u64,
    p50_ns: u64,
    p99_ns: u64,
}

/// Reads of inputs: medians over the rounds.
#[derive(Serialize)]
pub struct Reads {
    /// The guest waits for the line's edges, which arrive.
    armed: Line,
    /// It waits for those of another line, which arrive.
    beside: Line,
    /// No edges arrive.
    quiet: Line,
    /// Of the p99 of the first to the second, of neighbouring rounds: the least, the median, the greatest.
    ratio_p99: [f64; 3],
    aim: f64,
    /// Edges of the first in all rounds, those of them that came among the reads, and those that did not come.
    edges: u64,
    among: u64,
    lost: u64,
}

/// Edges, from the guest's interrupt until a program has read them.
#[derive(Serialize)]
pub struct Edges {
    count: u32,
    lost: u64,
    p50_ns: u64,
    p99_ns: u64,
    /// The guest's time stamps after the pad's: how much more than the least.
    stamp_p50_ns: u64,
    stamp_p99_ns: u64,
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
        let ratio = ratios(mapped, bare, |round| round.per_second);
        let (mapped, bare) = (Line::of(mapped), Line::of(bare));
        let ratio_p50 = bare.p50_ns as f64 / mapped.p50_ns as f64;
        Self { mapped, bare, ratio_p50, ratio, aim: AIM, sent, coalesced }
    }
}

impl Reads {
    pub fn new(armed: &[Measured], beside: &[Measured], quiet: &[Measured], edges: u32) -> Self {
        let sum = |of: fn(&Measured) -> u64| armed.iter().map(of).sum();
        Self {
            armed: Line::of(armed),
            beside: Line::of(beside),
            quiet: Line::of(quiet),
            ratio_p99: ratios(armed, beside, |round| round.p99_ns),
            aim: READS_AIM,
            edges: u64::from(edges) * armed.len() as u64,
            among: sum(|round| round.among),
            lost: sum(|round| round.lost),
        }
    }
}

/// The least, the median and the greatest ratio of neighbouring rounds.
fn ratios(of: &[Measured], to: &[Measured], figure: fn(&Measured) -> u64) -> [f64; 3] {
    let ratio = |(of, to): (&Measured, &Measured)| figure(of) as f64 / figure(to) as f64;
    let mut ratios: Vec<_> = of.iter().zip(to).map(ratio).collect();
    ratios.sort_by(f64::total_cmp);
    [0, ratios.len() / 2, ratios.len() - 1].map(|i| ratios[i])
}

/// Nearest rank of sorted times.
fn percentile(sorted_ns: &[u64], percent: usize) -> u64 {
    sorted_ns[(sorted_ns.len() * percent).div_ceil(100) - 1]
}

impl Line {
    fn of(rounds: &[Measured]) -> Self {
        let median = |of: fn(&Measured) -> u64| {
            let mut values: Vec<_> = rounds.iter().map(of).collect();
            values.sort_unstable();
            values[values.len() / 2]
        };
        Self {
            per_s: median(|round| round.per_second),
            p50_ns: median(|round| round.p50_ns),
            p99_ns: median(|round| round.p99_ns),
        }
    }
}

impl Edges {
    pub fn new(measured: Measured, count: u32, mut late_ns: Vec<i64>) -> Self {
        let Measured { p50_ns, p99_ns, lost, .. } = measured;
        late_ns.sort_unstable();
        let least = late_ns[0];
        let more: Vec<_> = late_ns.iter().map(|late| late.abs_diff(least)).collect();
        let [stamp_p50_ns, stamp_p99_ns] = [50, 99].map(|percent| percentile(&more, percent));
        Self { count, lost, p50_ns, p99_ns, stamp_p50_ns, stamp_p99_ns }
    }
}

impl Answers {
    pub fn new(mut took_ns: Vec<u64>) -> Self {
        took_ns.sort_unstable();
        let [p50_ns, p99_ns] = [50, 99].map(|percent| percentile(&took_ns, percent));
        Self { count: took_ns.len(), p50_ns, p99_ns }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.sets.fmt(f)?;
        self.reads.fmt(f)?;
        let Edges { count, lost, p50_ns, p99_ns, stamp_p50_ns, stamp_p99_ns } = self.edges;
        writeln!(
            f,
            "{count} edges, interrupt to program: p50 {:.1} us, p99 {:.1} us, lost {lost}",
            us(p50_ns),
            us(p99_ns)
        )?;
        writeln!(
            f,
            "their stamps later than the least late: p50 {:.1} us, p99 {:.1} us",
            us(stamp_p50_ns),
            us(stamp_p99_ns)
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

impl Display for Sets {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { mapped, bare, ratio_p50, ratio: [least, median, greatest], .. } = self;
        table(f, "sets of a line", &[("mapped to the host", mapped), ("mapped to nothing", bare)])?;
        let Self { aim, sent, coalesced, .. } = self;
        let verdict = if median >= aim { "met" } else { "missed" };
        writeln!(
            f,
            "ratio {median:.2} ({least:.2} to {greatest:.2}), aim >= {aim} {verdict}; of p50 {ratio_p50:.2}"
        )?;
        writeln!(f, "sent to the daemon {sent}, folded {coalesced}\n")
    }
}

impl Display for Reads {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { armed, beside, quiet, ratio_p99: [least, median, greatest], aim, .. } = self;
        let rows = [("its edges arrive", armed), ("those of another", beside), ("none", quiet)];
        table(f, "reads of a line", &rows)?;
        let Self { edges, among, lost, .. } = self;
        let verdict = if median <= aim { "met" } else { "missed" };
        writeln!(
            f,
            "ratio of p99 {median:.2} ({least:.2} to {greatest:.2}), aim <= {aim} {verdict}"
        )?;
        writeln!(f, "{edges} edges, {among} of them among the reads, {lost} lost\n")
    }
}

fn table(f: &mut Formatter<'_>, title: &str, rows: &[(&str, &Line)]) -> fmt::Result {
    writeln!(f, "{title:24}{:>12}{:>10}{:>10}", "per second", "p50 us", "p99 us")?;
    for (name, line) in rows {
        let Line { per_s, p50_ns, p99_ns } = line;
        writeln!(f, "{name:24}{per_s:12}{:10.1}{:10.1}", us(*p50_ns), us(*p99_ns))?;
    }
    Ok(())
}

fn us(ns: u64) -> f64 {
    ns as f64 / 1000.0
}
