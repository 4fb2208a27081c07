// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was found, as text and JSON.

#![allow(clippy::cast_precision_loss, reason = "figures for people have three digits")]

use std::fmt::{self, Display, Formatter};

use serde::Serialize;
use vgpio_tests::figures::{Spread, ratios};

/// p50 and p99 in nanoseconds, with nobody else at work and while harm was done.
pub struct Round {
    pub quiet: [u64; 2],
    pub harmed: [u64; 2],
}

/// All faults.
#[derive(Serialize)]
pub struct Latencies {
    pub seed: u64,
    pub samples: usize,
    pub rounds: usize,
    pub rows: Vec<Latency>,
}

/// A fault.
#[derive(Serialize)]
pub struct Latency {
    protocol: &'static str,
    fault: &'static str,
    quiet_p50_ns: Spread<u64>,
    quiet_p99_ns: Spread<u64>,
    p50_ns: Spread<u64>,
    p99_ns: Spread<u64>,
    /// p99 to the quiet one before it.
    ratio: Spread<f64>,
}

impl Latency {
    pub fn new(protocol: &'static str, fault: &'static str, rounds: &[Round]) -> Self {
        let of = |value: fn(&Round) -> u64| rounds.iter().map(value).collect::<Vec<_>>();
        let (quiet, harmed) = (of(|round| round.quiet[1]), of(|round| round.harmed[1]));
        Self {
            protocol,
            fault,
            quiet_p50_ns: Spread::of(of(|round| round.quiet[0])),
            p50_ns: Spread::of(of(|round| round.harmed[0])),
            ratio: ratios(&harmed, &quiet),
            quiet_p99_ns: Spread::of(quiet),
            p99_ns: Spread::of(harmed),
        }
    }
}

impl Display for Latencies {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { seed, samples, rounds, .. } = self;
        writeln!(f, "a set and its barrier, us; {rounds} rounds of {samples}, VGPIO_SEED={seed}")?;
        let heads = ["quiet p50", "p99", "p50", "p99", "ratio", "least", "most"];
        write!(f, "{:10} {:45}", "protocol", "fault")?;
        heads.iter().try_for_each(|head| write!(f, " {head:>9}"))?;
        writeln!(f)?;
        for row in &self.rows {
            write!(f, "{:10} {:45}", row.protocol, row.fault)?;
            for ns in [&row.quiet_p50_ns, &row.quiet_p99_ns, &row.p50_ns, &row.p99_ns] {
                write!(f, " {:>9.1}", ns.median as f64 / 1000.0)?;
            }
            let Spread { median, least, most } = row.ratio;
            writeln!(f, " {median:>9.2} {least:>9.2} {most:>9.2}")?;
        }
        Ok(())
    }
}

/// What became of both backends.
#[derive(Serialize)]
pub struct Comparison {
    pub seed: u64,
    pub rows: Vec<Compared>,
}

/// A fault.
#[derive(Serialize)]
pub struct Compared {
    pub fault: &'static str,
    /// Of `vgpiod` and of the peer.
    pub outcomes: [Outcome; 2],
}

/// What became of a daemon.
#[derive(Serialize)]
pub struct Outcome {
    /// Whether a guest that came afterwards was served, and if not, why.
    pub end: String,
    /// Its own memory more than before, in KiB, while harm was done.
    pub grown_kib: i64,
    /// Descriptors and threads more than before, once who meant harm had gone.
    pub left: [i64; 2],
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "VGPIO_SEED={}", self.seed)?;
        writeln!(f, "| fault | `vgpiod` | `vhost-device-gpio` |")?;
        writeln!(f, "|-------|----------|---------------------|")?;
        for Compared { fault, outcomes: [ours, peers] } in &self.rows {
            writeln!(f, "| {fault} | {ours} | {peers} |")?;
        }
        Ok(())
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [descriptors, threads] = self.left;
        f.write_str(&self.end)?;
        if self.grown_kib >= 1024 {
            write!(f, ", {} KiB more", self.grown_kib)?;
        }
        if descriptors > 0 {
            write!(f, ", {descriptors} descriptors left")?;
        }
        if threads > 0 {
            write!(f, ", {threads} threads left")?;
        }
        Ok(())
    }
}
