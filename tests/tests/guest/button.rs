// SPDX-License-Identifier: MIT OR Apache-2.0
//! A button outside, and who waits for it in the guest.

use std::time::Duration;

use vgpio_tests::harness::Vm;

use super::Bench;

/// The host's line of the button.
pub const BUTTON: u32 = 21;
/// The guest's line of it.
pub const LINE: u32 = 5;

/// Waits until the guest's command counts so many edges. If it does not, the message says who on
/// the way has seen how many.
pub fn wait_for(bench: &Bench, vm: &mut Vm, command: &str, edges: u32) {
    if vm.becomes(command, &edges.to_string()) {
        return;
    }
    panic!(
        "sent {edges} edges, the guest has {}\nvgpiod: {:?}\nQEMU: {}\nguest: {}",
        vm.try_run(command).output,
        bench.daemon.status().sessions[0].counters,
        vm.gpiodev()["counters"],
        vm.run("grep pl061 /proc/interrupts")
    );
}

#[test]
fn gpiomon_sees_both_edges_of_a_thousand_presses() {
    /// The kernel keeps 16 edges for gpiomon until it has its turn.
    const BURST: u32 = 16;
    let mut bench = Bench::open();
    let mut vm = bench.boot(&format!("vgpios={LINE},gpios={BUTTON}"));
    vm.spawn(&format!("gpiomon --banner -F %e -c 0 {LINE}"), "/tmp/edges");
    vm.wait_for("grep -c Monitoring /tmp/edges", "1");
    for burst in 1..=2000 / BURST {
        bench.press(BUTTON, BURST, Duration::from_millis(5));
        wait_for(&bench, &mut vm, "grep -c ^[12] /tmp/edges", burst * BURST);
    }
    assert_eq!(same_twice(&mut vm, "/tmp/edges"), "0");
}

/// How many edges of a list are as the one before.
pub fn same_twice(vm: &mut Vm, file: &str) -> String {
    vm.run(&format!("uniq -d {file} | wc -l"))
}
