// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which of the lines that a session wants are held together.

use vgpio_protocol::Safe;

use super::ChipKey;
use super::claim::{Found, indices};
use super::hold::initial;
use crate::chip;

/// Lines that may be held together: of one chip, all or none kept in a safe state. Shared lines
/// stand alone, so that each may be joined.
#[derive(PartialEq, Eq)]
struct Together {
    chip: ChipKey,
    kept: bool,
    shared: Option<usize>,
}

/// Lines to be taken, in as few requests as their settings allow.
pub(super) fn groups(found: &[Found], fresh: u64) -> Vec<u64> {
    let mut apart: Vec<(Together, Vec<usize>)> = Vec::new();
    for i in indices(fresh) {
        let Some(Found { chip, settings, .. }) = found.get(i) else { continue };
        let kept = settings.safe != Safe::Release;
        let together = Together { chip: *chip, kept, shared: settings.shared.then_some(i) };
        match apart.iter_mut().find(|(other, _)| *other == together) {
            Some((_, lines)) => lines.push(i),
            None => apart.push((together, vec![i])),
        }
    }
    let of_chip = |lines: Vec<usize>| {
        let settings = lines.iter().filter_map(|&i| found.get(i));
        let config: Vec<_> = settings.map(|line| initial(&line.settings)).collect();
        let mask = |group: Vec<usize>| {
            group.iter().filter_map(|&k| lines.get(k)).fold(0, |all, i| all | 1 << i)
        };
        chip::group(&config).into_iter().map(mask).collect::<Vec<u64>>()
    };
    apart.into_iter().flat_map(|(_, lines)| of_chip(lines)).collect()
}
