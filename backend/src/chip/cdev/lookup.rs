// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finding a chip by what a user calls it.

use std::path::{Path, PathBuf};
use std::{fs, io};

use gpiocdev::chip::{is_chip, path_compare};

use super::{Cdev, failure};
use crate::chip::{Cause, Chip, ChipError, ChipInfo};

/// All gpiochips of the host, in order of their numbers. Those that cannot be opened tell why.
#[must_use]
pub fn list() -> Vec<Result<ChipInfo, ChipError>> {
    opened().map(|chip| chip.map(|chip| chip.info().clone())).collect()
}

/// Opens the chip of that path, number, name or label, as libgpiod's tools look chips up: what
/// has a slash is a path, digits are the number of `/dev/gpiochipN`, else names go before labels.
///
/// # Errors
/// [`Cause::NoChip`] with the labels that there are, [`Cause::Permission`],
/// [`Cause::Ambiguous`] when two chips have the label.
pub fn open(text: &str) -> Result<Cdev, ChipError> {
    if text.contains('/') {
        return Cdev::from_path(Path::new(text)).map_err(|error| missing(text, error));
    }
    let number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let name = if number { format!("gpiochip{text}") } else { text.to_owned() };
    let path = PathBuf::from("/dev").join(name);
    if is_chip(&path).is_ok() {
        return Cdev::from_path(&path);
    }
    by_label(text, opened())
}

fn opened() -> impl Iterator<Item = Result<Cdev, ChipError>> {
    let failed = |error| {
        let cause = failure::of_open(super::not_a_chip(error), Path::new("/dev"));
        ChipError { what: "cannot look for chips", ..not_opened("/dev", cause) }
    };
    let (paths, failed) = match paths() {
        Ok(paths) => (paths, None),
        Err(error) => (Vec::new(), Some(Err(failed(error)))),
    };
    paths.into_iter().map(|path| Cdev::from_path(&path)).chain(failed)
}

/// The devices of all gpiochips, in order of their numbers. Nothing else in `/dev` is looked at: whoever attaches
/// would have others wait for some thousand system calls.
fn paths() -> gpiocdev::Result<Vec<PathBuf>> {
    let names = fs::read_dir("/dev")?.flatten().map(|entry| entry.file_name());
    let names = names.filter(|name| name.to_string_lossy().starts_with("gpiochip"));
    let chips = names.filter_map(|name| is_chip(Path::new("/dev").join(name)).ok());
    let mut paths: Vec<_> = chips.collect();
    paths.sort_unstable_by(|a, b| path_compare(a, b));
    paths.dedup();
    Ok(paths)
}

/// The only chip of that label. A chip that cannot be opened may be the one.
fn by_label(
    label: &str,
    chips: impl Iterator<Item = Result<Cdev, ChipError>>,
) -> Result<Cdev, ChipError> {
    let (mut matches, mut others, mut unopened) = (Vec::new(), Vec::new(), None);
    for chip in chips {
        match chip {
            Ok(chip) if chip.info().label == label => matches.push(chip),
            Ok(chip) => others.push(chip.info().label.clone()),
            Err(error) if is_there(&error.cause) => unopened = Some(error),
            Err(_) => {}
        }
    }
    match matches.pop() {
        Some(chip) if matches.is_empty() => Ok(chip),
        Some(last) => {
            matches.push(last);
            let names = matches.iter().map(|chip| chip.info().name.clone()).collect();
            Err(not_opened(label, Cause::Ambiguous { names }))
        }
        None => {
            Err(unopened.unwrap_or_else(|| not_opened(label, Cause::NoChip { available: others })))
        }
    }
}

/// Whether there is a chip that cannot be opened.
fn is_there(cause: &Cause) -> bool {
    match cause {
        Cause::Permission { .. } => true,
        Cause::Host(error) => !is_nothing(error),
        _ => false,
    }
}

/// Whether there is nothing behind a path.
fn is_nothing(error: &io::Error) -> bool {
    let nothing = [nix::libc::ENOENT, nix::libc::ENXIO, nix::libc::ENODEV];
    error.raw_os_error().is_some_and(|errno| nothing.contains(&errno))
}

/// A path with nothing behind it is a chip that is not there.
fn missing(text: &str, error: ChipError) -> ChipError {
    match error.cause {
        Cause::Host(ref host) if is_nothing(host) => {
            let available = list().into_iter().flatten().map(|chip| chip.label).collect();
            not_opened(text, Cause::NoChip { available })
        }
        _ => error,
    }
}

fn not_opened(text: &str, cause: Cause) -> ChipError {
    ChipError { chip: text.to_owned(), offsets: Vec::new(), what: "cannot open the chip", cause }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

    use super::*;

    #[test]
    fn what_is_not_there_is_named() {
        for text in ["no-such-chip", "4096", "/dev/no-such-chip", ""] {
            let error = open(text).unwrap_err();
            assert_eq!(error.chip, text);
            assert!(matches!(error.cause, Cause::NoChip { .. }), "{error:?}");
        }
    }

    #[test]
    fn all_chips_are_found() {
        assert_eq!(paths().unwrap(), gpiocdev::chip::chips().unwrap());
    }

    #[test]
    fn another_device_is_no_chip() {
        let error = open("/dev/null").unwrap_err();
        assert_eq!(error.to_string(), "gpiochip /dev/null: cannot open the chip");
        assert!(matches!(error.cause, Cause::NotAChip), "{error:?}");
    }
}
