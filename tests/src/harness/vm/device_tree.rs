// SPDX-License-Identifier: MIT OR Apache-2.0
//! Device trees of machines that QEMU makes, with changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The example of `docs/virtio.md`: an overlay that gives drivers interrupts of lines.
pub fn example() -> &'static str {
    let page = include_str!("../../../../docs/virtio.md");
    let block = page.split("```").find_map(|block| block.strip_prefix("dts\n"));
    block.expect("docs/virtio.md has a device tree")
}

/// The file with the device tree of the machine that this command starts, changed by an overlay. It is put in
/// this folder.
pub fn with_overlay(machine: &Command, overlay: &str, folder: &Path) -> PathBuf {
    let [tree, source, changes, changed] =
        ["tree.dtb", "overlay.dts", "overlay.dtbo", "changed.dtb"].map(|name| folder.join(name));
    fs::write(&source, overlay).expect("a folder for files");
    let mut dump = Command::new(machine.get_program());
    dump.args(machine.get_args()).arg("-machine").arg(format!("dumpdtb={}", tree.display()));
    run(&mut dump);
    run(Command::new("dtc").args(["-O", "dtb", "-o"]).arg(&changes).arg(source));
    run(Command::new("fdtoverlay").arg("-i").arg(tree).arg("-o").arg(&changed).arg(changes));
    changed
}

fn run(command: &mut Command) {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
