// SPDX-License-Identifier: MIT OR Apache-2.0
//! The block of line names that a guest reads.

use vgpio_protocol::Lines;

/// The names of lines 0 to `count` - 1, each with a zero behind it; empty when no line has one.
/// A name that is not ASCII, or that a line before has, is left out, for the standard allows neither.
pub(crate) fn block(lines: &Lines<'_>, count: u16) -> Vec<u8> {
    let mut names: Vec<&str> = vec![""; count.into()];
    for line in lines.iter() {
        let can_be_told = line.name.is_ascii() && !names.contains(&line.name);
        if let Some(name) = names.get_mut(usize::from(line.vgpio)).filter(|_| can_be_told) {
            *name = line.name;
        }
    }
    if names.iter().all(|name| name.is_empty()) {
        return Vec::new();
    }
    names.iter().flat_map(|name| name.bytes().chain([0])).collect()
}
