// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any text as a line map: a map is within its limits, an error within the text.

use std::collections::HashSet;

use vgpio_protocol::{LineMap, limits::MAX_LINES};

/// The line map of the command line and of ATTACH.
///
/// # Panics
/// A map names a line twice or too many, or an error has no place in the text.
pub fn linemap(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
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
}
