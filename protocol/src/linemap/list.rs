// SPDX-License-Identifier: MIT OR Apache-2.0
//! The lists of a line map: `0:1:4-7`, and names among host lines.

use std::fmt::Display;
use std::str::FromStr;

use super::LineRef;
use super::error::{MapError, MapReason};
use super::text::Piece;
use crate::limits::MAX_LINES;

pub(super) fn vgpios(value: &Piece) -> Result<Vec<u16>, MapError> {
    collect(value, |text| match numbers(text) {
        Some((first, last)) => Ok(range::<u16>(first, last)
            .ok_or_else(|| MapReason::NotVgpio(text.to_owned()))?
            .collect()),
        None => Err(MapReason::NotVgpio(text.to_owned())),
    })
}

pub(super) fn gpios(value: &Piece) -> Result<Vec<LineRef>, MapError> {
    collect(value, |text| match numbers(text) {
        Some((first, last)) => Ok(range::<u32>(first, last)
            .ok_or_else(|| MapReason::OffsetTooLarge(text.to_owned()))?
            .map(LineRef::Offset)
            .collect()),
        None => Ok(vec![LineRef::Name(text.to_owned())]),
    })
}

/// Reads every element and refuses what is there twice.
fn collect<T: PartialEq + Display>(
    value: &Piece,
    element: impl Fn(&str) -> Result<Vec<T>, MapReason>,
) -> Result<Vec<T>, MapError> {
    let mut all = Vec::new();
    for piece in value.split(':') {
        if piece.is_empty() {
            return Err(piece.error(MapReason::EmptyElement));
        }
        let text = piece.text();
        if let Some((first, last)) = numbers(&text)
            && digits_compare(first, last).is_gt()
        {
            return Err(piece.error(MapReason::Backwards(text)));
        }
        for line in element(&text).map_err(|reason| piece.error(reason))? {
            if all.contains(&line) {
                return Err(piece.error(MapReason::LineTwice(line.to_string())));
            }
            if all.len() == MAX_LINES {
                return Err(piece.error(MapReason::TooMany));
            }
            all.push(line);
        }
    }
    Ok(all)
}

/// The digits of `5` (twice) or of `5-7`; anything else is no number.
fn numbers(text: &str) -> Option<(&str, &str)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let is_number = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    (is_number(first) && is_number(last)).then_some((first, last))
}

/// Compares numbers of any size.
fn digits_compare(a: &str, b: &str) -> std::cmp::Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// The numbers from `first` to `last`, but no more than it takes to see that there are too many.
fn range<T: FromStr + Into<u64> + TryFrom<u64>>(
    first: &str,
    last: &str,
) -> Option<impl Iterator<Item = T> + use<T>> {
    let (first, last): (T, T) = (first.parse().ok()?, last.parse().ok()?);
    Some((first.into()..=last.into()).take(MAX_LINES + 1).filter_map(|n| T::try_from(n).ok()))
}
