// SPDX-License-Identifier: MIT OR Apache-2.0
//! What libFuzzer says of a run.

use std::fmt;

use serde::Serialize;

use crate::error::{Error, Result};

/// A target's run.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The target.
    pub target: String,
    /// How long it ran.
    pub seconds: u64,
    /// Inputs that were tried.
    pub executions: u64,
    /// The same in a second.
    pub executions_per_second: u64,
    /// Edges of the code that were reached.
    pub edges: u64,
    /// Edges that the target has, with those of libraries.
    pub edges_there: u64,
    /// Edges by how often they were passed, and comparisons by their outcome.
    pub features: u64,
    /// Inputs that are kept, as each reaches something that others do not.
    pub corpus_files: u64,
    /// Their bytes, as libFuzzer gives them: 12Kb.
    pub corpus_size: String,
    /// Files with inputs that fail.
    pub findings: Vec<String>,
    /// What the target said at its end, if it failed.
    pub failure: Option<String>,
}

impl Report {
    /// Nothing has been run yet.
    pub fn new(target: &str) -> Self {
        Self { target: target.to_owned(), ..Self::default() }
    }

    /// Whether something was found, or the target could not run.
    pub fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// It has ended with this output.
    pub fn failed(&mut self, tail: String) {
        self.failure = Some(tail);
    }

    /// Takes a line of the output: `INFO: Loaded 1 modules   (99 inline ...`,
    /// `#4 DONE cov: 3 ft: 5 corp: 2/9b ...`, `stat::number_of_executed_units: 4`,
    /// `... Test unit written to FILE`; any other says nothing.
    pub fn read(&mut self, line: &str) {
        if let Some((_, file)) = line.split_once("Test unit written to ") {
            // One that took more than ten seconds is slow, which a busy machine is, too.
            if !file.contains("/slow-unit-") {
                self.findings.push(file.trim().to_owned());
            }
        } else if let Some(rest) = line.strip_prefix("stat::") {
            let (name, number) = rest.split_once(':').unwrap_or_default();
            let number = number.trim().parse().unwrap_or(0);
            match name {
                "number_of_executed_units" => self.executions = number,
                "average_exec_per_sec" => self.executions_per_second = number,
                _ => {}
            }
        } else if let Some((_, rest)) = line.split_once("Loaded 1 modules") {
            let edges = rest.split(['(', ' ']).find(|word| !word.is_empty());
            self.edges_there = edges.and_then(|edges| edges.parse().ok()).unwrap_or(0);
        } else if line.starts_with('#') {
            self.progress(line);
        }
    }

    fn progress(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        while let Some(word) = words.next() {
            let mut number = || words.next().and_then(|number| number.parse().ok()).unwrap_or(0);
            match word {
                "cov:" => self.edges = number(),
                "ft:" => self.features = number(),
                "corp:" => {
                    let corpus = words.next().and_then(|corpus| corpus.split_once('/'));
                    let (files, size) = corpus.unwrap_or_default();
                    self.corpus_files = files.parse().unwrap_or(0);
                    size.clone_into(&mut self.corpus_size);
                }
                _ => {}
            }
        }
    }
}

/// One line for people, and more if it failed.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            target,
            seconds,
            executions,
            executions_per_second,
            edges,
            edges_there,
            features,
            ..
        } = self;
        write!(
            f,
            "{target}: {executions} executions in {seconds} s ({executions_per_second}/s), {edges} of {edges_there} edges, \
             {features} features, corpus {}/{}, {} crashes",
            self.corpus_files,
            self.corpus_size,
            self.findings.len()
        )?;
        if let Some(tail) = &self.failure {
            write!(f, "\n{tail}")?;
        }
        for file in &self.findings {
            write!(
                f,
                "\nfound: {file}\n  again: cargo xtask fuzz --only {target} --replay {file}\n  when it is mended, keep \
                 it as a test: cp {file} fuzz/seeds/{target}/WHAT-IT-WAS.seed"
            )?;
        }
        Ok(())
    }
}

/// All runs for programs.
///
/// # Errors
/// None that is known.
pub fn json(reports: &[Report]) -> Result<String> {
    serde_json::to_string_pretty(reports).map_err(Error::format("the results"))
}

#[cfg(test)]
mod tests {
    use super::Report;

    #[test]
    fn what_libfuzzer_says_is_read() {
        let mut report = Report::new("decode");
        for line in [
            "INFO: Loaded 1 modules   (18664 inline 8-bit counters): 18664 [0x5644c6ec82f0, 0x5644c6eccbd8), ",
            "INFO: Loaded 1 PC tables (18664 PCs): 18664 [0x5644c6eccbd8,0x5644c6f15a58), ",
            "INFO: seed corpus: files: 313 min: 1b max: 300b total: 9000b rss: 44Mb",
            "#2\tINITED cov: 10 ft: 20 corp: 1/1b exec/s: 0 rss: 44Mb",
            "#9999\tDONE   cov: 321 ft: 1234 corp: 56/7890b lim: 4096 exec/s: 99 rss: 50Mb",
            "stat::number_of_executed_units: 9999",
            "stat::average_exec_per_sec:     99",
            "artifact_prefix='/f/'; Test unit written to /f/slow-unit-0123",
            "artifact_prefix='/f/'; Test unit written to /f/crash-0123",
        ] {
            report.read(line);
        }
        let expected = Report {
            target: "decode".into(),
            seconds: 0,
            executions: 9999,
            executions_per_second: 99,
            edges: 321,
            edges_there: 18664,
            features: 1234,
            corpus_files: 56,
            corpus_size: "7890b".into(),
            findings: vec!["/f/crash-0123".into()],
            failure: None,
        };
        assert_eq!(report, expected);
    }
}
