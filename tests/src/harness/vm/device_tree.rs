// SPDX-License-Identifier: MIT OR Apache-2.0
//! Device trees of machines that QEMU makes, with changes. They are files of a folder.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The example of `docs/virtio.md`: an overlay that gives drivers interrupts of lines.
pub fn example() -> &'static str {
    let page = include_str!("../../../../docs/virtio.md");
    let block = page.split("```").find_map(|block| block.strip_prefix("dts\n"));
    block.expect("docs/virtio.md has a device tree")
}

/// The device tree of this QEMU, changed by an overlay.
pub fn with_overlay(qemu: &Command, overlay: &str, folder: &Path) -> PathBuf {
    let [source, changes, changed] =
        ["overlay.dts", "overlay.dtbo", "changed.dtb"].map(|name| folder.join(name));
    let own = own(qemu, folder);
    fs::write(&source, overlay).expect("a folder for files");
    run(Command::new("dtc").args(["-O", "dtb", "-o"]).arg(&changes).arg(source));
    run(Command::new("fdtoverlay").arg("-i").arg(own).arg("-o").arg(&changed).arg(changes));
    changed
}

/// The device tree of this QEMU with these nodes, which may refer to its own by their paths.
pub fn with_nodes(qemu: &Command, nodes: &str, folder: &Path) -> PathBuf {
    let [source, whole] = ["whole.dts", "whole.dtb"].map(|name| folder.join(name));
    // A second root is merged with the first.
    let text = convert(["-I", "dtb", "-O", "dts"], &[own(qemu, folder).as_os_str()]) + nodes;
    fs::write(&source, text).expect("a folder for files");
    let to = [OsStr::new("-o"), whole.as_os_str(), source.as_os_str()];
    convert(["-I", "dts", "-O", "dtb"], &to);
    whole
}

/// The device tree that this QEMU makes of its options.
fn own(qemu: &Command, folder: &Path) -> PathBuf {
    let tree = folder.join("own.dtb");
    let mut dump = Command::new(qemu.get_program());
    dump.args(qemu.get_args()).arg("-machine").arg(format!("dumpdtb={}", tree.display()));
    for (name, value) in qemu.get_envs() {
        match value {
            Some(value) => dump.env(name, value),
            None => dump.env_remove(name),
        };
    }
    run(&mut dump);
    tree
}

fn convert(formats: [&str; 4], files: &[&OsStr]) -> String {
    run(Command::new("dtc").arg("-q").args(formats).args(files))
}

fn run(command: &mut Command) -> String {
    let ended = command.stdin(Stdio::null()).output();
    let ended = ended.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    assert!(ended.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).expect("text")
}
