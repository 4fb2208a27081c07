// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which chips can make their users wait.

use std::fs;
use std::path::Path;

/// Buses on which an access takes a transfer, some hundred microseconds or more (names as in
/// `/sys/bus`).
const SLOW: [&str; 11] =
    ["greybus", "hid", "i2c", "i3c", "mdio_bus", "sdio", "serial", "spi", "usb", "virtio", "w1"];

/// Whether operations of the chip, named as in `/dev`, can sleep for long: they then belong on a
/// [`Worker`](crate::chip::worker::Worker). The kernel does not tell, so that the buses which the
/// chip is on decide.
#[must_use]
pub fn may_sleep(name: &str) -> bool {
    has_sleeping_parent(&Path::new("/sys/bus/gpio/devices").join(name))
}

/// Whether the device at `path` in sysfs, or one above it, is on a slow bus.
#[must_use]
pub fn has_sleeping_parent(path: &Path) -> bool {
    let Ok(path) = fs::canonicalize(path) else {
        return false;
    };
    path.ancestors().any(|device| {
        let bus = fs::read_link(device.join("subsystem"));
        bus.is_ok_and(|bus| bus.file_name().is_some_and(|bus| SLOW.iter().any(|slow| bus == *slow)))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

    use std::os::unix::fs::symlink;

    use super::*;

    /// A device in a tree like sysfs, each part of its path on the bus that is given for it.
    fn on(buses: &[&str]) -> (tempfile::TempDir, std::path::PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let mut path = root.path().join("devices");
        for (i, bus) in buses.iter().enumerate() {
            path.push(i.to_string());
            fs::create_dir_all(&path).unwrap();
            symlink(format!("../../bus/{bus}"), path.join("subsystem")).unwrap();
        }
        let link = root.path().join("gpiochip0");
        symlink(path, &link).unwrap();
        (root, link)
    }

    #[test]
    fn an_expander_on_i2c_sleeps() {
        let (_root, chip) = on(&["platform", "i2c", "i2c", "gpio"]);
        assert!(has_sleeping_parent(&chip));
    }

    #[test]
    fn a_block_of_the_chip_itself_does_not_sleep() {
        let (_root, chip) = on(&["platform", "gpio"]);
        assert!(!has_sleeping_parent(&chip));
    }

    #[test]
    fn what_is_not_there_does_not_sleep() {
        assert!(!has_sleeping_parent(Path::new("/sys/bus/gpio/devices/no-such-chip")));
    }
}
