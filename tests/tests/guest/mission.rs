// SPDX-License-Identifier: MIT OR Apache-2.0
//! What it all began with: the command line, and three LEDs in turn.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use nix::unistd::geteuid;
use tempfile::{Builder, TempDir};
use vgpio_tests::harness::{Daemon, Machine, Outside, Vm, eventually, folder, program};

use super::{export, sysfs};
use crate::World;

/// As it is written.
const COMMAND_LINE: &str = "e6055400.gpio,vgpios=0:1:2,gpios=11:12:13";
/// The host's lines of it.
const LEDS: [u32; 3] = [11, 12, 13];

/// The folder of the default sockets: in `/run` for root, else in `$XDG_RUNTIME_DIR`. That of root
/// is the machine's own, and must not be in use.
fn default_folder(runtime: &Path) -> Rc<TempDir> {
    let parent = if geteuid().is_root() { Path::new("/run") } else { runtime };
    // Is only removed if a daemon left it behind with nothing in it.
    let _ = fs::remove_dir(parent.join("vgpio"));
    let made = Builder::new().prefix("vgpio").rand_bytes(0).tempdir_in(parent);
    Rc::new(made.unwrap_or_else(|error| {
        panic!("{error}: stop the vgpiod that uses /run/vgpio, or run this test as another user")
    }))
}

#[test]
fn the_command_line_works_as_it_stands_with_the_default_socket() {
    let runtime = folder();
    let sockets = default_folder(runtime.path());
    let mut world = World::new();
    let mut daemon = Command::new(program());
    daemon
        .env_remove("RUST_LOG")
        .env_remove("VGPIO_SOCKET")
        .env_remove("VGPIO_CONTROL")
        .env("XDG_RUNTIME_DIR", runtime.path())
        .args(world.options())
        .args(["--gpiodev", COMMAND_LINE]);
    let daemon = Daemon::start_by(&sockets, daemon);
    world.meet(&daemon);
    let machine = Machine::alone(&[COMMAND_LINE]);
    let mut vm = machine.with_environment("XDG_RUNTIME_DIR", runtime.path()).boot();
    three_leds_in_turn(&mut vm, &mut world);
}

/// Types what the proof of concept of 2018 typed; the outside sees what each line does.
fn three_leds_in_turn(vm: &mut Vm, world: &mut World) {
    for led in 0..3 {
        vm.type_line(&export(led));
        vm.type_line(&format!("echo out >{}/direction", sysfs(led)));
    }
    let mut see = |levels: u64| {
        let seen = || (world.levels(&LEDS) == levels).then_some(());
        eventually(&format!("LEDs {levels:#b}"), seen);
    };
    for led in (0..3).cycle().take(9) {
        vm.type_line(&format!("echo 1 >{}/value", sysfs(led)));
        see(1 << led);
        vm.type_line("sleep 0.1");
        vm.type_line(&format!("echo 0 >{}/value", sysfs(led)));
        see(0);
    }
}
