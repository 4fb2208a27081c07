// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU, frontend, daemon and guest come and go.

use std::thread::sleep;
use std::time::Duration;

use vgpio_protocol::Direction;
use vgpio_tests::harness::{
    Bench, Daemon, Machine, Outside, Qtest, Watcher, eventually, folder, pad,
};

use crate::Chip;
use crate::qtest_guest::{BUTTON, LINES, World};

#[test]
fn the_outside_sees_every_transition_of_a_guest_at_full_speed() {
    /// Of one line, the first of them rising. No more than the daemon keeps for a slow watcher.
    const CHANGES: u32 = 1000;
    let mut world = World::with(LINES);
    let mut outside = Watcher::start(&world.bench.daemon, vec![pad(11)]);
    let command = format!("gpiobench set /dev/gpiochip0 0 {CHANGES}");
    world.vm.run(&command);
    for change in 0..CHANGES - 1 {
        assert_eq!(outside.change().level, u8::from(change % 2 == 0), "change {change}");
    }
}

#[test]
fn when_qemu_ends_so_does_the_session_and_lines_become_safe() {
    let World { mut bench, mut vm, qtest, .. } = World::with(&format!("{LINES},safe=low"));
    vm.run("gpioset --daemonize --chip 0 0=1 1=1");
    bench.sees_all(&[11, 12], 0b11);
    vm.kill();
    let ended = qtest.wait();
    assert!(ended.status.success() && ended.log.contains("QEMU has ended"), "{ended:?}");
    bench.wait_until_gone();
    bench.sees_all(&[11, 12], 0b00);
}

#[test]
fn the_guest_runs_on_while_the_daemon_is_gone() {
    let World { mut bench, mut vm, mut qtest, .. } = World::with(LINES);
    vm.run("gpioset --toggle 0 --chip 0 0=1 1=0");
    bench.sees_all(&[11, 12], 0b01);
    let mut bench = bench.restart(|daemon: Daemon| {
        daemon.kill();
        qtest.wait_for_log("trying again");
        // What it sets now is what the lines become.
        vm.run("gpioset --toggle 0 --chip 0 0=0 1=1");
    });
    bench.sees_all(&[11, 12], 0b10);
    for high in [true, false] {
        bench.world.pull(BUTTON, high);
        vm.wait_for("gpioget --numeric --chip 0 5", &u32::from(high).to_string());
    }
}

#[test]
fn a_guest_that_boots_again_begins_with_inputs_that_have_their_levels() {
    let World { mut bench, mut vm, qtest: _qtest, .. } = World::with(LINES);
    bench.world.pull(BUTTON, true);
    vm.run("gpioset --toggle 0 --chip 0 0=1 1=0");
    bench.sees(11, true);
    bench.becomes(12, Direction::Output);
    vm.reset();
    bench.becomes(11, Direction::Input);
    bench.becomes(12, Direction::Input);
    vm.wait_for("gpioget --numeric --chip 0 5", "1");
}

#[test]
fn lines_of_an_export_and_of_a_device_by_its_path() {
    let mut bench: Bench<Chip> = Bench::lending("panel", "vgpios=7:6,gpios=11:21");
    let folder = folder();
    let mut vm = Machine::qtest(folder.path()).with(&["-smp", "2"]).boot();
    // A second processor is a device before it.
    let options =
        ["--device", "/machine/unattached/device[7]", "--export", "panel", "--look", "0s"];
    let mut command = Qtest::command(&bench.daemon, folder.path(), &options);
    let mut child = command.spawn().expect("the program is there");
    let attached = || (!bench.daemon.status().sessions.is_empty()).then_some(());
    eventually("the export is attached", attached);
    vm.run("gpioset --daemonize --chip 0 7=1");
    bench.sees(11, true);
    bench.world.pull(BUTTON, true);
    vm.wait_for("gpioget --numeric --chip 0 6", "1");
    vm.kill();
    assert!(child.wait().expect("it is a child").success());
}

#[test]
fn nothing_wakes_it_up_when_nothing_happens_and_it_does_not_look() {
    let World { bench, mut vm, qtest, folder } = World::with(LINES);
    qtest.kill();
    let qtest = Qtest::attach(&bench.daemon, folder.path(), LINES, &["--look", "0s"]);
    vm.run("gpioset --toggle 0 --chip 0 0=1");
    let turns = || {
        let path = format!("/proc/{}/schedstat", qtest.pid());
        std::fs::read_to_string(path).expect("it runs").split(' ').nth(2).map(str::to_owned)
    };
    // The last look is over.
    sleep(Duration::from_millis(200));
    let before = turns();
    sleep(Duration::from_secs(2));
    assert_eq!(turns(), before);
}
