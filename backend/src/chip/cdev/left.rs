// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a descriptor that another process has left really is.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use gpiocdev_uapi::v2::{self as uapi, LineValues};
use thiserror::Error;

use super::host;
use crate::chip::{Offset, all_lines};

/// Why a descriptor does not hold the lines that it should.
#[derive(Debug, Error)]
pub enum NotThese {
    /// It holds other lines.
    #[error("the kernel says that they are lines {lines:?} of {chip}")]
    Others {
        /// Name of the chip.
        chip: String,
        /// The lines.
        lines: Vec<Offset>,
    },
    /// The kernel is not asked.
    #[error("what they are cannot be read")]
    Unknown(#[source] io::Error),
    /// They have no levels.
    #[error("their levels cannot be read")]
    Levels(#[source] io::Error),
}

/// The levels of the lines that a request holds, which must be these.
///
/// # Errors
/// [`NotThese`]; the chip may have been removed.
pub fn levels_of_left(
    request: BorrowedFd<'_>,
    chip: &str,
    lines: &[Offset],
) -> Result<u64, NotThese> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", request.as_raw_fd()));
    if let Some((other, others)) = named(&info.map_err(NotThese::Unknown)?)
        && (other != chip || others != lines)
    {
        return Err(NotThese::Others { chip: other, lines: others });
    }
    let file = request.try_clone_to_owned().map(File::from).map_err(NotThese::Levels)?;
    let mut values = LineValues { bits: 0, mask: all_lines(lines.len()) };
    uapi::get_line_values(&file, &mut values).map_err(|error| NotThese::Levels(host(error)))?;
    Ok(values.bits & values.mask)
}

/// The chip and the lines of a request, which the kernel tells since Linux 6.0 (`gpiolib-cdev.c`,
/// `linereq_show_fdinfo`).
fn named(info: &str) -> Option<(String, Vec<Offset>)> {
    let values = |key: &'static str| {
        info.lines().filter_map(move |line| Some(line.strip_prefix(key)?.trim().to_owned()))
    };
    let chip = values("gpio-chip:").next()?;
    let lines = values("gpio-line:").filter_map(|line| line.parse().ok());
    Some((chip, lines.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_lines() {
        let info = "pos:\t0\nflags:\t02\ngpio-chip:\tgpiochip2\ngpio-line:\t11\ngpio-line:\t3\n";
        assert_eq!(named(info), Some(("gpiochip2".into(), vec![11, 3])));
        assert_eq!(named("pos:\t0\n"), None);
    }
}
