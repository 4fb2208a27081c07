// SPDX-License-Identifier: MIT OR Apache-2.0
//! What holds for any text that is read as a line map.

use std::collections::HashSet;

use proptest::prelude::*;
use proptest::sample::select;
use vgpio_protocol::{LineMap, LineRef, MapReason};

/// Pieces of line maps, good and bad.
fn piece() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "c",
        ",",
        ",,",
        "=",
        ":",
        "-",
        "vgpios=",
        "gpios=",
        "chip=",
        "bias=",
        "pull-up",
        "poll=",
        "max-toggle-rate=",
        "min-hold=",
        "0",
        "7",
        "0-7",
        "64",
        "0-4294967295",
        "4294967296",
        "LED",
        "é",
        "\u{1f4a1}",
        "10ms",
    ];
    prop_oneof![
        8 => select(WORDS).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ]
}

proptest! {
    #[test]
    fn any_text_gives_a_map_within_limits_or_an_error_within_the_text(
        pieces in prop::collection::vec(piece(), 0..30),
    ) {
        let text = pieces.concat();
        match text.parse::<LineMap>() {
            Ok(map) => {
                prop_assert!(!map.chip.is_empty());
                prop_assert!((1..=64).contains(&map.lines.len()));
                let guest: HashSet<_> = map.lines.iter().map(|l| l.vgpio).collect();
                let host: HashSet<_> = map.lines.iter().map(|l| &l.line).collect();
                prop_assert_eq!(guest.len(), map.lines.len());
                prop_assert_eq!(host.len(), map.lines.len());
            }
            Err(error) => prop_assert!((1..=text.chars().count() + 1).contains(&error.column)),
        }
    }

    #[test]
    fn any_names_can_be_written(
        chip in "[^=]\\PC{0,20}",
        names in prop::collection::hash_set("[a-zA-Z][^:]{0,20}", 1..64),
    ) {
        prop_assume!(!chip.contains('='));
        let names: Vec<_> = names.into_iter().collect();
        let text = format!("{},gpios={}", chip.replace(',', ",,"), names.join(":").replace(',', ",,"));
        let map: LineMap = text.parse().expect(&text);
        prop_assert_eq!(map.chip, chip);
        let lines: Vec<_> = map.lines.into_iter().map(|l| l.line).collect();
        let expected: Vec<_> = names.into_iter().map(LineRef::Name).collect();
        prop_assert_eq!(lines, expected);
    }

    #[test]
    fn the_column_is_that_of_the_wrong_element(
        before in prop::collection::vec("[^:,]{1,5}|,,", 0..20),
    ) {
        let mut names: Vec<_> = before.iter().enumerate().map(|(i, n)| format!("n{i}{n}")).collect();
        names.push(String::new());
        let text = format!("c,gpios={}", names.join(":"));
        let error = text.parse::<LineMap>().expect_err("the last element is empty");
        let expected = if before.is_empty() { MapReason::NoValue("gpios") } else { MapReason::EmptyElement };
        prop_assert_eq!(error.reason, expected);
        prop_assert_eq!(error.column, text.chars().count() + 1);
    }
}
