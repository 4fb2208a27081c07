// SPDX-License-Identifier: MIT OR Apache-2.0
//! How far a long step is: one updating line on a terminal, a plain line now and then elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// Time between lines where there is no terminal.
const PLAIN_PERIOD: Duration = Duration::from_secs(15);
/// Time between updates on a terminal.
const TERMINAL_PERIOD: Duration = Duration::from_millis(100);

/// Progress of one step, shown on standard error.
pub struct Progress {
    label: String,
    unit: &'static str,
    total: u64,
    done: u64,
    terminal: bool,
    started: Instant,
    shown: Option<Instant>,
}

impl Progress {
    /// Starts a step of about `total` units; 0 if nobody knows.
    pub fn new(label: impl Into<String>, total: u64, unit: &'static str) -> Self {
        let terminal = stderr().is_terminal();
        let mut progress = Self {
            label: label.into(),
            unit,
            total,
            done: 0,
            terminal,
            started: Instant::now(),
            shown: None,
        };
        progress.show();
        progress
    }

    /// One more unit is done.
    pub fn step(&mut self) {
        self.at(self.done + 1, self.total);
    }

    /// So many units of so many are done.
    pub fn at(&mut self, done: u64, total: u64) {
        (self.done, self.total) = (done, total);
        let period = if self.terminal { TERMINAL_PERIOD } else { PLAIN_PERIOD };
        if self.shown.is_none_or(|shown| shown.elapsed() >= period) {
            self.show();
        }
    }

    /// The step has succeeded.
    pub fn finish(mut self) {
        self.total = self.done;
        self.clear();
        anstream::eprintln!(
            "[ done] {} ({:.0} s)",
            self.label,
            self.started.elapsed().as_secs_f64()
        );
        self.terminal = false;
    }

    fn show(&mut self) {
        self.shown = Some(Instant::now());
        let line = line(&self.label, self.done, self.total, self.unit);
        if self.terminal {
            self.clear();
            anstream::eprint!("{line}");
            // A line that does not appear is no reason to stop.
            let _ = stderr().flush();
        } else {
            anstream::eprintln!("{line}");
        }
    }

    fn clear(&self) {
        if self.terminal {
            anstream::eprint!("\r\x1b[2K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn line(label: &str, done: u64, total: u64, unit: &str) -> String {
    if total == 0 {
        return format!("[  ...] {label}");
    }
    // The total is an estimate: 100 % is said by `finish` alone.
    let percent = (done * 100 / total).min(99);
    format!("[ {percent:>3}%] {label}: {done} of {} {unit}", total.max(done))
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_line_never_claims_to_be_done() {
        assert_eq!(line("kernel", 512, 1210, "files"), "[  42%] kernel: 512 of 1210 files");
        assert_eq!(line("kernel", 1300, 1210, "files"), "[  99%] kernel: 1300 of 1300 files");
        assert_eq!(line("sources", 3, 0, "files"), "[  ...] sources");
    }
}
