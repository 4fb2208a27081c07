// SPDX-License-Identifier: MIT OR Apache-2.0
//! Gpiochips that come: `/dev` is watched, so that nobody need look.

use std::os::fd::{AsFd, AsRawFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use crate::token::Source;

/// A watch on `/dev`.
pub struct Devices(Inotify);

impl Devices {
    /// Watches `/dev`. Where that cannot be done, chips that were lost stay lost, and the log says so.
    pub fn watch(registry: &Registry) -> Option<Self> {
        let watch = || -> std::io::Result<Inotify> {
            let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
            // A new device may become accessible only after udev has set its owner: IN_ATTRIB.
            let events =
                AddWatchFlags::IN_CREATE | AddWatchFlags::IN_ATTRIB | AddWatchFlags::IN_MOVED_TO;
            inotify.add_watch("/dev", events)?;
            let fd = inotify.as_fd().as_raw_fd();
            registry.register(&mut SourceFd(&fd), Source::Devices.token(), Interest::READABLE)?;
            Ok(inotify)
        };
        let watched = watch();
        if let Err(error) = &watched {
            log::warn!("cannot watch /dev: {error}; gpiochips that vanish will not be taken again");
        }
        watched.ok().map(Self)
    }

    /// Whether a gpiochip has come, or changed its owner.
    pub fn have_changed(&mut self) -> bool {
        let mut changed = false;
        while let Ok(events) = self.0.read_events() {
            changed |= events.iter().any(|event| {
                event
                    .name
                    .as_ref()
                    .is_some_and(|name| name.to_string_lossy().starts_with("gpiochip"))
            });
        }
        changed
    }
}
