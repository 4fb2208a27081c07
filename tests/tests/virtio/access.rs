// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may connect for an export.

use std::fs;
use std::rc::Rc;

use nix::unistd::{getgid, getuid};
use vgpio_tests::harness::{Bench, LABEL, Simulated, VirtioGuest, folder};

#[test]
fn users_and_groups_of_an_export_hold_for_monitors() {
    let folder = Rc::new(folder());
    let (uid, gid) = (getuid().as_raw(), getgid().as_raw());
    let exports = [
        ("users", uid, true),
        ("groups", gid, true),
        ("users", uid + 1, false),
        ("groups", gid + 1, false),
    ];
    let export = |(i, (key, id, _)): (usize, &(&str, u32, bool))| {
        let socket = folder.path().join(format!("{i}.sock"));
        format!(
            "[[export]]\nname = \"e{i}\"\n{key} = [{id}]\nmap = \"{LABEL},vgpios=0,gpios={}\"\n\
             [[vhost-user]]\nsocket = {socket:?}\nexport = \"e{i}\"\n",
            11 + i
        )
    };
    let text: String = exports.iter().enumerate().map(export).collect();
    let file = folder.path().join("vgpio.toml");
    fs::write(&file, text).expect("a folder for files");
    let file = file.display().to_string();
    let mut bench: Bench<Simulated> = Bench::new_in(&folder, &["--config", &file]);
    for (i, (key, id, may)) in exports.into_iter().enumerate() {
        let mut guest = VirtioGuest::new(&folder.path().join(format!("{i}.sock")));
        assert_eq!(guest.try_connect().is_ok(), may, "{key} = [{id}]");
        if !may {
            bench.daemon.wait_for_log(&format!("export 'e{i}' is not for user {uid}"));
        }
    }
}
