// SPDX-License-Identifier: MIT OR Apache-2.0
//! Counts tests from what the test programs print.

use std::ops::AddAssign;

/// Tests that ran, and those that did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that are marked as not to be run.
    pub ignored: u64,
}

impl Totals {
    /// Reads a line `test result: ok. 3 passed; 0 failed; 1 ignored; ...` of cargo's, or `ok 1 /name` or
    /// `not ok 1 /name` of the Test Anything Protocol; any other line counts nothing.
    pub fn of_line(line: &str) -> Self {
        let Some((_, counts)) =
            line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return Self::of_tap(line);
        };
        let count = |what: &str| {
            let number = counts
                .split("; ")
                .find_map(|part| part.trim().strip_suffix(what)?.trim().parse().ok());
            number.unwrap_or(0)
        };
        Self { passed: count("passed"), failed: count("failed"), ignored: count("ignored") }
    }

    fn of_tap(line: &str) -> Self {
        let ignored = line.contains("# SKIP");
        let (passed, failed) = (line.starts_with("ok "), line.starts_with("not ok "));
        Self {
            passed: u64::from(passed && !ignored),
            failed: u64::from(failed),
            ignored: u64::from(passed && ignored),
        }
    }

    /// Reads all lines of a test program's output.
    pub fn of_output(output: &[u8]) -> Self {
        let mut totals = Self::default();
        for line in String::from_utf8_lossy(output).lines() {
            totals += Self::of_line(line);
        }
        totals
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

#[cfg(test)]
mod tests {
    use super::Totals;

    #[test]
    fn result_lines_are_added_and_others_left_out() {
        let output = "running 2 tests\ntest a ... ok\n\
            test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.05s\n\
            test result: FAILED. 5 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.53s\n";
        assert_eq!(
            Totals::of_output(output.as_bytes()),
            Totals { passed: 8, failed: 2, ignored: 1 }
        );
    }

    #[test]
    fn results_of_qtests_are_added() {
        let output =
            "1..3\n# Start of a tests\nok 1 /a/b\nnot ok 2 /a/c\nok 3 /a/d # SKIP no disk\n";
        let expected = Totals { passed: 1, failed: 1, ignored: 1 };
        assert_eq!(Totals::of_output(output.as_bytes()), expected);
    }
}
