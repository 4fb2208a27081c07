// SPDX-License-Identifier: MIT OR Apache-2.0
//! Real guests with virtio devices, in an unpatched QEMU, on the daemon's simulated block.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use vgpio_protocol::Direction;
use vgpio_tests::harness::{Bench, LABEL, Machine, Outside, Simulated, Vm, eventually, folder};

/// The host's line of the button, and the guest's.
const BUTTON: u32 = 21;
const LINE: u32 = 5;
/// The lines that the guest of most tests has.
const LINES: &str = "vgpios=0:1:2:5,gpios=11:12:13:21";

/// A daemon that lends an export as a virtio device.
struct World {
    bench: Bench<Simulated>,
    socket: PathBuf,
}

impl World {
    fn lending(keys: &str) -> Self {
        let folder = Rc::new(folder());
        let socket = folder.path().join("guest.sock");
        let export = format!("guest={LABEL},{keys}");
        let device = format!("{},export=guest", socket.display());
        let options = ["--export", &export, "--vhost-user", &device];
        Self { bench: Bench::new_in(&folder, &options), socket }
    }

    fn boot(&self) -> Vm {
        Machine::virtio(&[&self.socket]).boot()
    }

    fn press(&mut self, edges: u32, apart: Duration) {
        for i in 0..edges {
            let next = std::time::Instant::now() + apart;
            self.bench.world.pull(BUTTON, i % 2 == 0);
            std::thread::sleep(next.saturating_duration_since(std::time::Instant::now()));
        }
    }

    fn wait_for(&self, vm: &mut Vm, command: &str, count: u32) {
        if !vm.becomes(command, &count.to_string()) {
            let has = vm.try_run(command).output;
            let counters = self.bench.daemon.status().sessions[0].counters;
            panic!("{count} edges were made, the guest has {has}; {counters:?}");
        }
    }
}

/// The chip that is a virtio device: the machine has a PL061 too.
fn chip(vm: &mut Vm) -> String {
    vm.run("gpiodetect | sed -n 's/ .virtio.*//p'")
}

#[test]
fn libgpiods_tools_drive_and_read_lines_by_their_names() {
    let mut world = World::lending(LINES);
    let mut vm = world.boot();
    let info = vm.run("gpioinfo");
    for name in ["LED1", "LED2", "LED3", "BUTTON"] {
        assert!(info.contains(&format!("\"{name}\"")), "{name}: {info}");
    }
    assert!(vm.run("gpiodetect").contains("[virtio0] (6 lines)"));
    vm.run("gpioset --daemonize LED1=1 LED2=0 LED3=1");
    world.bench.sees_all(&[11, 12, 13], 0b101);
    vm.run("killall gpioset");
    // The driver gives lines back when nobody uses them.
    world.bench.becomes(11, Direction::Input);
    for high in [true, false, true] {
        world.bench.world.pull(BUTTON, high);
        let level = if high { "active" } else { "inactive" };
        assert_eq!(vm.run("gpioget BUTTON"), format!("\"BUTTON\"={level}"));
    }
    let status = world.bench.daemon.status();
    assert!(status.sessions[0].virtio && status.sessions[0].counters.errors == 0, "{status:?}");
}

#[test]
fn gpiomon_sees_the_edges_that_it_asks_for() {
    let mut world = World::lending(LINES);
    let mut vm = world.boot();
    for (edges, wanted) in [("rising", "1 1 1"), ("falling", "2 2 2"), ("both", "1 2 1 2 1 2")] {
        vm.spawn(&format!("gpiomon --banner --edges {edges} -F %e BUTTON"), "/tmp/edges");
        vm.wait_for("grep -c Monitoring /tmp/edges", "1");
        for i in 0..6 {
            world.bench.world.pull(BUTTON, i % 2 == 0);
            // The guest, which has one processor, has served the interrupt when it runs a command.
            vm.run("gpioget LED1");
        }
        vm.wait_for("sed 1d /tmp/edges | xargs", wanted);
        vm.run("killall gpiomon");
    }
}

#[test]
fn no_press_of_a_thousand_is_lost() {
    /// The kernel keeps 16 edges for gpiomon until it has its turn.
    const BURST: u32 = 16;
    let mut world = World::lending(LINES);
    let mut vm = world.boot();
    vm.spawn("gpiomon --banner -F %e BUTTON", "/tmp/edges");
    vm.wait_for("grep -c Monitoring /tmp/edges", "1");
    for burst in 1..=2000 / BURST {
        world.press(BURST, Duration::from_millis(5));
        world.wait_for(&mut vm, "grep -c ^[12] /tmp/edges", burst * BURST);
    }
    let counters = world.bench.daemon.status().sessions[0].counters;
    assert_eq!((counters.edges, counters.edges_lost), (2000, 0));
}

#[test]
fn no_edge_is_lost_at_a_thousand_a_second() {
    const EDGES: u32 = 10_000;
    let mut world = World::lending(LINES);
    let mut vm = world.boot();
    let chip = chip(&mut vm);
    vm.spawn(&format!("gpiobench edges /dev/{chip} {LINE} {EDGES}"), "/tmp/edges");
    vm.wait_for("grep -c ready /tmp/edges", "1");
    world.press(EDGES, Duration::from_millis(1));
    world.wait_for(&mut vm, "grep -c seqno /tmp/edges", EDGES);
    vm.wait_for("grep -c '\"lost\":0' /tmp/edges", "1");
    assert_eq!(world.bench.daemon.status().sessions[0].counters.edges_lost, 0);
}

#[test]
fn a_burst_at_full_speed_ends_with_the_last_level() {
    let mut world = World::lending(LINES);
    let mut vm = world.boot();
    vm.spawn("gpiomon --banner -F %e BUTTON", "/tmp/edges");
    vm.wait_for("grep -c Monitoring /tmp/edges", "1");
    for edges in [9_999, 10_000] {
        world.bench.world.wiggle(BUTTON, edges);
        let high = edges % 2 == 1;
        world.bench.world.pull(BUTTON, high);
        vm.wait_for("tail -n 1 /tmp/edges", if high { "1" } else { "2" });
    }
}

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
fn the_outputs_of_a_guest_that_is_killed_become_safe() {
    let mut world = World::lending(&format!("{LINES},safe=low"));
    let mut vm = world.boot();
    vm.run("gpioset --daemonize LED1=1 LED2=1");
    world.bench.sees_all(&[11, 12], 0b11);
    vm.kill();
    world.bench.wait_until_gone();
    world.bench.sees_all(&[11, 12], 0b00);
    let mut vm = world.boot();
    vm.run("gpioset --daemonize LED1=1");
    world.bench.sees(11, true);
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
    let (mut one, mut two) =
        Machine::virtio(&[&sockets[0]]).boot_both(Machine::virtio(&[&sockets[1]]));
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
