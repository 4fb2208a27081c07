// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel's error numbers mean here.

use std::io;
use std::path::Path;

use nix::errno::Errno;
use vgpio_protocol::{Bias, Drive};

use crate::chip::{Cause, Chip, ChipError, LineConfig, Offset};

/// `ENOTSUPP` of the kernel's inside (`linux/errno.h`), which some drivers let out.
const ENOTSUPP: i32 = 524;

type Wanted = (Offset, LineConfig);

/// A request that the host refused.
pub struct Failure<'a> {
    /// What it said.
    pub error: io::Error,
    /// The device.
    pub path: &'a Path,
    /// Takes lines and gives them back; whether that worked.
    pub retry: &'a dyn Fn(&[Wanted]) -> bool,
}

/// Why the device cannot be opened.
pub fn of_open(error: io::Error, path: &Path) -> Cause {
    match errno(&error) {
        Errno::EACCES | Errno::EPERM => permission(path),
        Errno::ENOTTY => Cause::NotAChip,
        _ => Cause::Host(error),
    }
}

/// Why a line's information cannot be read, the first time.
pub fn of_version(error: io::Error) -> Cause {
    match errno(&error) {
        Errno::EINVAL | Errno::ENOTTY => {
            Cause::NotSupported { setting: "the character device's second interface (Linux 5.10)" }
        }
        _ => of_use(error),
    }
}

/// Why an operation on an open chip or on held lines failed.
pub fn of_use(error: io::Error) -> Cause {
    match errno(&error) {
        Errno::ENODEV => Cause::Gone,
        Errno::E2BIG => {
            Cause::NotSupported { setting: "so many different settings in one request" }
        }
        _ => Cause::Host(error),
    }
}

/// Why `chip` did not lend `lines`.
pub fn explain(chip: &dyn Chip, lines: &[Wanted], failure: Failure) -> ChipError {
    let all = || lines.iter().map(|(offset, _)| *offset).collect();
    let (offsets, cause) = match errno(&failure.error) {
        Errno::ENODEV => (all(), Cause::Gone),
        Errno::EACCES | Errno::EPERM => (all(), permission(failure.path)),
        errno => {
            let held = if errno == Errno::EBUSY { holder(chip, lines) } else { None };
            let edges = without_edges(lines);
            if let Some(&(offset, _)) =
                lines.iter().find(|(offset, _)| *offset >= chip.info().lines)
            {
                (vec![offset], Cause::NoLine { lines: chip.info().lines })
            } else if let Some((offset, consumer)) = held {
                (vec![offset], Cause::Busy { consumer })
            } else if !edges.is_empty() && (failure.retry)(&edges) {
                (edges.iter().map(|(offset, _)| *offset).collect(), Cause::NoEdges)
            } else {
                (all(), unsupported(lines, failure.error))
            }
        }
    };
    ChipError::new(chip.info(), offsets, "cannot take lines", cause)
}

/// The first of the lines that somebody holds.
fn holder(chip: &dyn Chip, lines: &[Wanted]) -> Option<(Offset, String)> {
    let held =
        |&(offset, _): &Wanted| chip.line(offset).ok()?.consumer.map(|consumer| (offset, consumer));
    lines.iter().find_map(held)
}

/// The lines whose edges are wanted, without their edges. Outputs are left out: to try them would
/// move them.
fn without_edges(lines: &[Wanted]) -> Vec<Wanted> {
    let wanted = lines.iter().filter(|(_, line)| line.needs_edges());
    wanted.map(|&(offset, line)| (offset, line.without_edges())).collect()
}

/// The setting that the chip lacks, if the host says that it lacks one.
fn unsupported(lines: &[Wanted], error: io::Error) -> Cause {
    let lacks = errno(&error) == Errno::EOPNOTSUPP || error.raw_os_error() == Some(ENOTSUPP);
    let any =
        |wants: fn(&LineConfig) -> bool| lines.iter().any(|(_, line)| wants(&line.effective()));
    let setting = match () {
        () if any(|line| line.drive != Drive::PushPull) => "this drive",
        () if any(|line| line.bias != Bias::AsIs) => "this bias",
        () if any(|line| line.debounce.is_some()) => "debouncing",
        () => return of_use(error),
    };
    if lacks { Cause::NotSupported { setting } } else { of_use(error) }
}

fn permission(path: &Path) -> Cause {
    Cause::Permission { path: path.display().to_string() }
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

    use vgpio_protocol::{Direction, EdgeDetection};
    use vgpio_rcar::Generation;

    use super::*;
    use crate::chip::sim::{SimBlock, SimOptions};

    const INPUT: LineConfig = LineConfig {
        direction: Some(Direction::Input),
        active: false,
        active_low: false,
        bias: Bias::AsIs,
        drive: Drive::PushPull,
        edges: EdgeDetection::None,
        debounce: None,
    };
    const WATCHED: LineConfig = LineConfig { edges: EdgeDetection::Both, ..INPUT };
    const OUTPUT: LineConfig =
        LineConfig { direction: Some(Direction::Output), drive: Drive::OpenDrain, ..WATCHED };

    /// Why lines are refused with `errno`, `retry` being what a second attempt without edges gives.
    fn refusal(lines: &[LineConfig], errno: i32, retry: Option<bool>) -> ChipError {
        let mut chip = SimBlock::new(SimOptions {
            generation: Generation::Gen3,
            name: "sim0".into(),
            label: "sim".into(),
            names: Vec::new(),
        })
        .chip();
        let held = chip.request(&[(9, INPUT)], "holder").unwrap();
        let lines: Vec<_> = (8..).zip(lines.iter().copied()).collect();
        let failure = Failure {
            error: io::Error::from_raw_os_error(errno),
            path: Path::new("/dev/gpiochip7"),
            retry: &|lines| {
                assert!(lines.iter().all(|(_, line)| !line.needs_edges()));
                retry.unwrap()
            },
        };
        let error = explain(&chip, &lines, failure);
        drop(held);
        error
    }

    #[test]
    fn a_busy_line_names_its_holder() {
        let error = refusal(&[INPUT, WATCHED], Errno::EBUSY as i32, None);
        assert_eq!(error.offsets, [9]);
        assert!(matches!(error.cause, Cause::Busy { consumer } if consumer == "holder"));
    }

    #[test]
    fn denied_access_names_the_device() {
        let error = refusal(&[INPUT], Errno::EPERM as i32, None);
        assert!(matches!(error.cause, Cause::Permission { path } if path == "/dev/gpiochip7"));
        let cause = of_open(Errno::EACCES.into(), Path::new("/dev/gpiochip7"));
        assert!(matches!(cause, Cause::Permission { path } if path == "/dev/gpiochip7"));
    }

    #[test]
    fn only_a_request_that_works_without_edges_lacks_edges() {
        let lines = [OUTPUT, WATCHED];
        let error = refusal(&lines, Errno::ENXIO as i32, Some(true));
        assert_eq!(error.offsets, [9], "outputs are not concerned");
        assert!(matches!(error.cause, Cause::NoEdges), "{error:?}");
        let error = refusal(&lines, Errno::ENXIO as i32, Some(false));
        assert!(matches!(error.cause, Cause::Host(_)), "{error:?}");
        let error = refusal(&[INPUT], Errno::ENXIO as i32, None);
        assert!(matches!(error.cause, Cause::Host(_)), "{error:?}");
    }

    #[test]
    fn a_setting_that_the_chip_lacks_is_named() {
        let error = refusal(&[OUTPUT], ENOTSUPP, None);
        assert!(matches!(error.cause, Cause::NotSupported { setting: "this drive" }), "{error:?}");
        let error = refusal(&[INPUT], ENOTSUPP, None);
        assert!(matches!(error.cause, Cause::Host(_)), "{error:?}");
    }

    #[test]
    fn removal_is_told_apart() {
        let error = refusal(&[WATCHED], Errno::ENODEV as i32, None);
        assert!(matches!(error.cause, Cause::Gone), "{error:?}");
    }
}
