// SPDX-License-Identifier: MIT OR Apache-2.0
//! Guests that boot again, are paused, and share.

use std::path::PathBuf;
use std::rc::Rc;

use vgpio_protocol::Direction;
use vgpio_tests::harness::{Bench, LABEL, Outside, Simulated, eventually, folder};

use crate::MACHINE;
use crate::virtio_guest::{BUTTON, LINES, World};

#[test]
fn a_guest_that_boots_again_finds_its_lines_as_they_were_at_first() {
    let mut world = World::lending(LINES);
    let mut vm = world.boot();
    for _ in 0..2 {
        vm.spawn("gpiomon --banner -F %e BUTTON", "/tmp/edges");
        vm.wait_for("grep -c Monitoring /tmp/edges", "1");
        vm.run("gpioset --daemonize LED1=1");
        world.bench.sees(11, true);
        vm.reset();
        world.bench.becomes(11, Direction::Input);
    }
    vm.run("gpioset --daemonize LED1=1");
    world.bench.sees(11, true);
    assert_eq!(world.bench.daemon.status().sessions.len(), 1);
}

#[test]
fn a_guest_that_is_paused_goes_on_with_its_lines() {
    let mut world = World::lending(LINES);
    let mut vm = world.boot();
    vm.spawn("gpiomon --banner -F %e BUTTON", "/tmp/edges");
    vm.wait_for("grep -c Monitoring /tmp/edges", "1");
    vm.run("gpioset --daemonize LED1=1");
    world.bench.sees(11, true);
    for high in [true, false, true] {
        vm.qmp("stop", &serde_json::json!({}));
        world.bench.world.pull(BUTTON, high);
        assert!(world.bench.world.level(11), "the lines are the guest's");
        vm.qmp("cont", &serde_json::json!({}));
        vm.wait_for("tail -n 1 /tmp/edges", if high { "1" } else { "2" });
    }
}

#[test]
fn two_guests_share_a_button_and_have_a_lamp_each() {
    let folder = Rc::new(folder());
    let sockets = ["a", "b"].map(|name| folder.path().join(format!("{name}.sock")));
    let device = |name: &str, lamp: u32, socket: &PathBuf| {
        let maps = [
            format!("{LABEL},vgpios=0,gpios={lamp}"),
            format!("{LABEL},vgpios=5,gpios={BUTTON},shared=on"),
        ];
        format!(
            "[[export]]\nname = {name:?}\nmap = {maps:?}\n\
             [[vhost-user]]\nsocket = {socket:?}\nexport = {name:?}\n"
        )
    };
    let file = folder.path().join("vgpio.toml");
    let text = device("a", 11, &sockets[0]) + &device("b", 12, &sockets[1]);
    std::fs::write(&file, text).expect("a folder for files");
    let mut bench: Bench<Simulated> =
        Bench::new_in(&folder, &["--config", &file.display().to_string()]);
    let (mut one, mut two) = MACHINE(&[&sockets[0]]).boot_both(MACHINE(&[&sockets[1]]));
    one.run("gpioset --daemonize LED1=1");
    two.run("gpioset --daemonize LED2=1");
    bench.sees_all(&[11, 12], 0b11);
    for vm in [&mut one, &mut two] {
        vm.spawn("gpiomon --banner -F %e BUTTON", "/tmp/edges");
        vm.wait_for("grep -c Monitoring /tmp/edges", "1");
    }
    bench.world.pull(BUTTON, true);
    for vm in [&mut one, &mut two] {
        vm.wait_for("tail -n 1 /tmp/edges", "1");
    }
    one.kill();
    eventually("one is gone", || (bench.daemon.status().sessions.len() == 1).then_some(()));
    bench.world.pull(BUTTON, false);
    two.wait_for("tail -n 1 /tmp/edges", "2");
    assert!(bench.world.level(12));
}
