// SPDX-License-Identifier: MIT OR Apache-2.0
//! What QEMU says of lines that may not change as often as the guest wants, and a QEMU that does not answer.

use nix::sys::signal::{Signal, kill};
use vgpio_tests::harness::{LABEL, Machine, Outside};

use crate::guest::{Bench, export, sysfs};

fn booted(keys: &str, more: &[&str]) -> (Bench, vgpio_tests::harness::Vm) {
    let export = format!("relay={LABEL},vgpios=0,gpios=11,{keys}");
    let bench = Bench::new(&[&["--export", &export], more].concat());
    let vm = Machine::new(&bench.daemon, &["export=relay"]).boot();
    (bench, vm)
}

#[test]
fn a_change_that_is_refused_is_in_qemus_log() {
    let (mut bench, mut vm) = booted("min-hold=4000s", &[]);
    let value = format!("{}/value", sysfs(0));
    vm.run(&format!("{}; echo high >{}/direction", export(0), sysfs(0)));
    bench.sees(11, true);
    vm.run(&format!("echo 0 >{value}"));
    let event = vm.event("GPIODEV_ERROR");
    let said = vm.errors();
    for text in [said.as_str(), event["error"].as_str().unwrap_or_default()] {
        assert!(
            text.contains("line 11: it would change sooner") && text.contains("4000s"),
            "{text}"
        );
    }
    assert!(bench.world.level(11));
    // What the guest reads is what it wrote.
    assert_eq!(vm.run(&format!("cat {value}")), "0");
    assert_eq!(bench.daemon.status().sessions[0].lines[0].refused, 1);
}

#[test]
fn a_qemu_that_does_not_answer_leaves_safe_lines_and_comes_back_to_what_its_guest_wants() {
    let (mut bench, mut vm) = booted("safe=low", &["--watchdog", "2s"]);
    vm.run(&format!("{}; echo high >{}/direction", export(0), sysfs(0)));
    bench.sees(11, true);
    // A guest that is stopped is no dead QEMU.
    vm.monitor("stop");
    std::thread::sleep(std::time::Duration::from_secs(5));
    assert_eq!(bench.daemon.status().exports[0].unanswered, 0);
    assert!(bench.world.level(11));
    vm.monitor("cont");
    vm.forget_events();
    kill(vm.pid(), Signal::SIGSTOP).expect("it runs");
    bench.wait_until_gone();
    bench.sees(11, false);
    assert_eq!(bench.daemon.status().exports[0].unanswered, 1);
    kill(vm.pid(), Signal::SIGCONT).expect("it is there");
    while vm.event("GPIODEV_CONNECTION")["attached"] != true {}
    bench.sees(11, true);
    vm.run(&format!("echo 0 >{}/value", sysfs(0)));
    bench.sees(11, false);
}
