// SPDX-License-Identifier: MIT OR Apache-2.0
//! gpiochips of the host through the GPIO character device, second interface (Linux 5.10,
//! `linux/gpio.h`).

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use gpiocdev_uapi::v2 as uapi;
use nix::errno::Errno;

use super::{Cause, Chip, ChipError, ChipInfo, LineConfig, LineInfo, Offset, Request};

mod config;
mod failure;
mod held;
mod left;
mod lookup;
mod request;
mod sleep;

#[cfg(feature = "libgpiod")]
pub(super) use request::{EDGES_AT_ONCE, KEPT_EDGES};

pub(super) use failure::{Failure, explain, of_use};
pub(super) use held::Held;
pub(crate) use left::{NotThese, levels_of_left};
pub use lookup::{list, open};
pub use sleep::{has_sleeping_parent, may_sleep};

/// A gpiochip of the host, open.
#[derive(Debug)]
pub struct Cdev {
    file: File,
    identity: Rc<Identity>,
}

/// What stays the same about a chip.
#[derive(Debug)]
pub(super) struct Identity {
    pub info: ChipInfo,
    pub path: PathBuf,
    /// Whether the kernel leaves lines as they are that a reconfiguration gives no direction.
    pub leaves_lines: bool,
}

impl Cdev {
    /// Opens the device at `path`.
    ///
    /// # Errors
    /// [`Cause::Permission`], or [`Cause::Host`] when it is no gpiochip or the kernel is older
    /// than 5.10.
    pub fn from_path(path: &Path) -> Result<Self, ChipError> {
        let failed = |cause| {
            let name = path.display().to_string();
            let info = ChipInfo { label: String::new(), name, lines: 0 };
            ChipError::new(&info, Vec::new(), "cannot open the chip", cause)
        };
        let opened = gpiocdev::chip::is_chip(path).map_err(not_a_chip);
        let (path, file) = opened
            .and_then(|path| File::open(&path).map(|file| (path, file)))
            .map_err(|error| failed(failure::of_open(error, path)))?;
        let info = uapi::get_chip_info(&file).map_err(|error| failed(host(error).into()))?;
        if info.num_lines > 0 {
            uapi::get_line_info(&file, 0)
                .map_err(|error| failed(failure::of_version(host(error))))?;
        }
        let info = ChipInfo {
            name: String::from(&info.name),
            label: String::from(&info.label),
            lines: info.num_lines,
        };
        Ok(Self { file, identity: Rc::new(Identity { info, path, leaves_lines: since(6, 10) }) })
    }

    #[cfg(feature = "libgpiod")]
    pub(super) fn identity(&self) -> &Rc<Identity> {
        &self.identity
    }

    /// The device's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.identity.path
    }
}

impl Chip for Cdev {
    fn info(&self) -> &ChipInfo {
        &self.identity.info
    }

    fn line(&self, offset: Offset) -> Result<LineInfo, ChipError> {
        match uapi::get_line_info(&self.file, offset) {
            Ok(line) => Ok(config::line_info(&line)),
            Err(error) => {
                let cause = match host(error) {
                    _ if offset >= self.info().lines => Cause::NoLine { lines: self.info().lines },
                    error => of_use(error),
                };
                Err(ChipError::new(
                    self.info(),
                    vec![offset],
                    "cannot read what the line is",
                    cause,
                ))
            }
        }
    }

    fn request(
        &mut self,
        lines: &[(Offset, LineConfig)],
        consumer: &str,
    ) -> Result<Box<dyn Request>, ChipError> {
        let get = |lines: &[(Offset, LineConfig)]| request::get(&self.file, lines, consumer);
        match get(lines).and_then(|file| request::Lines::new(file, &self.identity, lines)) {
            Ok(request) => Ok(Box::new(request)),
            Err(error) => {
                let attempt =
                    Failure { error, path: self.path(), retry: &|lines| get(lines).is_ok() };
                Err(explain(self, lines, attempt))
            }
        }
    }

    fn adopt(
        &mut self,
        request: OwnedFd,
        lines: &[(Offset, LineConfig)],
    ) -> Result<Box<dyn Request>, ChipError> {
        Ok(adopted(&self.identity, request, lines))
    }
}

/// Lines of the chip that another process has requested.
pub(super) fn adopted(
    identity: &Rc<Identity>,
    request: OwnedFd,
    lines: &[(Offset, LineConfig)],
) -> Box<dyn Request> {
    Box::new(request::Lines::adopted(request, identity, lines))
}

/// The kernel's error.
fn host(error: uapi::Error) -> io::Error {
    match error {
        uapi::Error::Os(errno) => io::Error::from_raw_os_error(errno.0),
        error @ uapi::Error::UnderRead(_) => io::Error::other(error),
    }
}

fn not_a_chip(error: gpiocdev::Error) -> io::Error {
    match error {
        gpiocdev::Error::Os(errno) => io::Error::from_raw_os_error(errno.0),
        _ => Errno::ENOTTY.into(),
    }
}

/// Whether the kernel is of that version or later. Linux 6.10 leaves alone what it is told to
/// (`gpiolib: cdev: Ignore reconfiguration without direction`).
fn since(major: u32, minor: u32) -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    is_since(&release, (major, minor))
}

fn is_since(release: &str, version: (u32, u32)) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= version,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_since;

    #[test]
    fn kernel_releases_compare_by_number() {
        assert!(is_since("6.10.0-rc1", (6, 10)));
        assert!(is_since("6.12.117+deb13", (6, 10)));
        assert!(is_since("10.0", (6, 10)));
        assert!(!is_since("6.9.12", (6, 10)));
        assert!(!is_since("5.15.0-100-generic", (6, 10)));
        assert!(!is_since("", (6, 10)));
    }
}
