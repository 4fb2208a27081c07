// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's release lines that there is a series for.

use std::env;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::workspace::Workspace;

/// A release line, and where its source comes from.
#[derive(Debug)]
pub struct Line {
    /// Its name, which its folder in `qemu-patches` has too.
    pub name: &'static str,
    /// The suite whose source package is taken.
    pub suite: &'static str,
    /// The release that the series is made and tested on.
    pub version: &'static str,
    /// Of its archive, `qemu_VERSION+ds.orig.tar.xz`.
    pub sha256: &'static str,
    /// What pythondeps.toml of this release names, as pip takes it. The distribution's archive lacks them.
    pub wheels: &'static str,
    /// A file of its source, and what that lacks for a build with few devices.
    pub lacks: Option<(&'static str, &'static str)>,
    /// Devices of the first target that this line needs beside those of the others; `NAME=y` lines of a device configuration.
    pub devices: &'static str,
    /// What this line calls otherwise than the first one, in the words of both.
    renamed: &'static [(&'static str, &'static str)],
    /// The environment variable that names an archive to take in place of the package.
    pub variable: &'static str,
}

/// All of them. The tests with guests run on the first unless they are told another.
pub static LINES: [Line; 2] = [
    Line {
        name: "10.0",
        suite: "trixie",
        version: "10.0.13",
        sha256: "6a0888e806c2ffc0c5f0733e974f9aea55491950d3c47c98669c8b236dde59ae",
        wheels: "\
            meson==1.5.0 --hash=sha256:52b34f4903b882df52ad0d533146d4b992c018ea77399f825579737672ae7b20\n\
            pycotap==1.3.1 --hash=sha256:1c3a25b3ff89e48f4e00f1f71dbbc1642b4f65c65d416524d07e73492fff25ea\n",
        lacks: None,
        devices: "",
        renamed: &[],
        variable: "VGPIO_QEMU_SOURCE",
    },
    Line {
        name: "10.2",
        suite: "sid",
        version: "10.2.2",
        sha256: "be05230fe47a6937cd29f28f562932c8125f9c93c2a82c625198f7a4aa601dfb",
        wheels: "\
            meson==1.9.0 --hash=sha256:45e51ddc41e37d961582d06e78c48e0f9039011587f3495c4d6b0781dad92357\n\
            pycotap==1.3.1 --hash=sha256:1c3a25b3ff89e48f4e00f1f71dbbc1642b4f65c65d416524d07e73492fff25ea\n",
        // Called by the tables of ACPI, whether there are CXL devices or not.
        lacks: Some((
            "hw/cxl/cxl-host-stubs.c",
            "\nGSList *cxl_fmws_get_all_sorted(void)\n{\n    return NULL;\n}\n",
        )),
        // The AST2600 has a PCI Express root port and USB, and does not ask for the devices that these are kinds of.
        devices: "CONFIG_PCIE_PORT=y\nCONFIG_USB_EHCI_SYSBUS=y\n",
        renamed: &[(
            "class_init(ObjectClass *klass, void *data)",
            "class_init(ObjectClass *klass, const void *data)",
        )],
        variable: "VGPIO_QEMU_SOURCE_10_2",
    },
];

impl Line {
    /// The folder with its series.
    pub fn folder(&self, workspace: &Workspace) -> PathBuf {
        workspace.root().join("qemu-patches").join(self.name)
    }

    /// A text of the series for the first line, in the words of this one.
    pub fn renamed(&self, text: &str) -> String {
        self.renamed.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    /// The archive that the user names, if one is named.
    pub fn own_source(&self) -> Option<PathBuf> {
        env::var_os(self.variable).map(PathBuf::from)
    }

    /// Whether a release is of this line.
    pub fn has(&self, version: &str) -> bool {
        version.strip_prefix(self.name).is_some_and(|rest| rest.starts_with('.'))
    }
}

/// Reads a line's name on the command line.
pub fn parser() -> impl TypedValueParser<Value = &'static Line> {
    let named = |name: String| LINES.iter().find(|line| line.name == name);
    PossibleValuesParser::new(LINES.iter().map(|line| line.name))
        .try_map(move |name| named(name).ok_or("no such line"))
}

#[cfg(test)]
mod tests {
    use super::LINES;

    #[test]
    fn releases_of_a_line() {
        let [first, ..] = &LINES;
        assert!(first.has("10.0.13"));
        assert!(!first.has("10.0") && !first.has("10.01.2") && !first.has("10.2.0"));
        assert!(LINES.iter().all(|line| line.has(line.version)));
    }
}
