// SPDX-License-Identifier: MIT OR Apache-2.0
//! A `[[vhost-user]]` or `--vhost-user`: an export that is lent as a virtio GPIO device.

use std::os::fd::RawFd;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;
use vgpio_protocol::limits::MAX_NAME;
use vgpio_virtio::MAX_LINE;

use super::draft::{Draft, Placed};
use super::file::MAX_SOCKET_PATH;
use super::problem::{Fault, Problem};
use super::read::{Section, Value};
use super::{Listen, VhostUserConfig};

/// Why text is no `PATH,export=NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VhostUserError {
    /// No export is named.
    #[error("no export is named; write PATH,export=NAME, or fd=N,export=NAME")]
    NoExport,
    /// There is no path.
    #[error("no path is there; write PATH,export=NAME, or fd=N,export=NAME")]
    NoPath,
    /// The path is too long.
    #[error("the path has {0} bytes; use at most {MAX_SOCKET_PATH}")]
    LongPath(usize),
    /// Not a descriptor.
    #[error("'{0}' is no file descriptor above 2")]
    Descriptor(String),
}

impl FromStr for VhostUserConfig {
    type Err = VhostUserError;

    fn from_str(text: &str) -> Result<Self, VhostUserError> {
        let (place, export) = text.rsplit_once(",export=").ok_or(VhostUserError::NoExport)?;
        if export.is_empty() {
            return Err(VhostUserError::NoExport);
        }
        let socket = match place.strip_prefix("fd=") {
            Some(number) => {
                let number = number.parse().ok().filter(|&number: &RawFd| number > 2);
                let bad = || VhostUserError::Descriptor(place.to_owned());
                Listen::Fd(number.ok_or_else(bad)?)
            }
            None if place.is_empty() => return Err(VhostUserError::NoPath),
            None if place.len() > MAX_SOCKET_PATH => {
                return Err(VhostUserError::LongPath(place.len()));
            }
            None => Listen::Path(PathBuf::from(place)),
        };
        Ok(Self { socket, export: export.to_owned() })
    }
}

pub(super) fn read(mut section: Section) -> Option<Placed<VhostUserConfig>> {
    let socket = section.need("socket", "\"/run/vgpio/guest.sock\"");
    let socket = socket.and_then(|value| value.text(MAX_SOCKET_PATH).map(PathBuf::from));
    let export = section.need("export", "\"NAME\"");
    let place = export.as_ref().map_or_else(|| section.place(), Value::place);
    let export = export.and_then(|value| value.text(MAX_NAME)).map(str::to_owned);
    section.finish();
    let value = VhostUserConfig { socket: Listen::Path(socket?), export: export? };
    Some(Placed { place, value })
}

/// What is wrong with the devices: exports that are not there, or that no device can have.
pub(super) fn check(draft: &Draft) -> impl Iterator<Item = Problem> {
    draft.vhost_users.iter().filter_map(|device| {
        let name = &device.value.export;
        let export = draft.exports.iter().find(|export| export.name == *name);
        let fault = match export {
            None => Fault::NoExport {
                name: name.clone(),
                exports: draft.exports.iter().map(|export| export.name.clone()).collect(),
            },
            Some(export) if export.watchdog.is_some() => Fault::WatchdogOfVirtio(name.clone()),
            Some(export) => {
                let mut vgpios = export.lines.iter().map(|line| line.value.vgpio);
                let vgpio = vgpios.find(|vgpio| *vgpio > MAX_LINE)?;
                Fault::VirtioLine { export: name.clone(), vgpio }
            }
        };
        Some(Problem { place: device.place.clone(), fault })
    })
}
