// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any text as a line map: nothing panics, and what is accepted or refused is so within bounds.

#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use vgpio_protocol::{LineMap, limits::MAX_LINES};

fuzz_target!(|text: &str| {
    match text.parse::<LineMap>() {
        Ok(map) => {
            assert!(!map.chip.is_empty());
            assert!((1..=MAX_LINES).contains(&map.lines.len()));
            let vgpios: HashSet<_> = map.lines.iter().map(|l| l.vgpio).collect();
            let lines: HashSet<_> = map.lines.iter().map(|l| &l.line).collect();
            assert_eq!(vgpios.len(), map.lines.len());
            assert_eq!(lines.len(), map.lines.len());
        }
        Err(error) => {
            assert!((1..=text.chars().count() + 1).contains(&error.column));
            assert!(!error.to_string().is_empty());
        }
    }
});
