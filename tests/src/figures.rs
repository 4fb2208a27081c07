// SPDX-License-Identifier: MIT OR Apache-2.0
//! The arithmetic of benchmarks.

#![allow(clippy::cast_precision_loss, reason = "figures for people have three digits")]

use serde::Serialize;

/// The middle of several values, and how far they are apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread<T> {
    /// Of an even number of values, the greater of the middle two.
    pub median: T,
    /// The least.
    pub least: T,
    /// The greatest.
    pub most: T,
}

impl<T: Copy + PartialOrd> Spread<T> {
    /// Of these values.
    ///
    /// # Panics
    /// There is none, or one that is no number: then there is no figure.
    pub fn of(values: impl IntoIterator<Item = T>) -> Self {
        let mut sorted: Vec<_> = values.into_iter().collect();
        sorted.sort_by(|a, b| a.partial_cmp(b).expect("a number"));
        let [Some(least), Some(most)] = [sorted.first(), sorted.last()] else {
            panic!("nothing was measured");
        };
        Self { median: sorted[sorted.len() / 2], least: *least, most: *most }
    }
}

/// The ratios of values that were measured next to one another.
///
/// # Panics
/// One of them has no neighbour, or a divisor is 0.
#[must_use]
pub fn ratios(values: &[u64], of: &[u64]) -> Spread<f64> {
    assert_eq!(values.len(), of.len(), "each has a neighbour");
    assert!(!of.contains(&0), "nothing was measured");
    Spread::of(values.iter().zip(of).map(|(value, of)| *value as f64 / *of as f64))
}

/// The value below which so many percent of them are, by the nearest rank.
///
/// # Panics
/// There is none.
pub fn percentile(values: &mut [u64], percent: usize) -> u64 {
    values.sort_unstable();
    values[(values.len() * percent).div_ceil(100).max(1) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_ends_do_not_depend_on_the_order() {
        assert_eq!(Spread::of([3, 1, 2]), Spread { median: 2, least: 1, most: 3 });
        assert_eq!(Spread::of([0.5, 4.0]), Spread { median: 4.0, least: 0.5, most: 4.0 });
    }

    #[test]
    fn ratios_are_those_of_neighbours() {
        // The machine was twice as fast in the second round: that is no difference between them.
        assert_eq!(ratios(&[15, 30], &[10, 20]), Spread { median: 1.5, least: 1.5, most: 1.5 });
        assert_eq!(ratios(&[30, 10, 20], &[10; 3]), Spread { median: 2.0, least: 1.0, most: 3.0 });
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let mut values: Vec<u64> = (1..=200).rev().collect();
        assert_eq!([50, 99, 100].map(|percent| percentile(&mut values, percent)), [100, 198, 200]);
        assert_eq!(percentile(&mut [7], 50), 7);
        assert_eq!(percentile(&mut [7, 8], 0), 7);
    }

    #[test]
    #[should_panic(expected = "nothing was measured")]
    fn no_value_is_no_figure() {
        Spread::<u64>::of([]);
    }

    #[test]
    #[should_panic(expected = "nothing was measured")]
    fn nothing_is_no_floor() {
        let _ = ratios(&[1], &[0]);
    }
}
