// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two guests on one chip.

use vgpio_tests::harness::{LABEL, Outside};

use crate::guest::{Bench, export, sysfs};

#[test]
fn two_guests_have_lines_of_one_chip() {
    let mut bench = Bench::open();
    let named = |keys, name| bench.machine(keys).with(&["-name", name]);
    let (mut one, mut two) =
        named("vgpios=0:4,gpios=11:21", "one").boot_both(named("vgpios=0:5,gpios=12:22", "two"));
    for vm in [&mut one, &mut two] {
        vm.run(&format!("{}; echo low >{}/direction", export(0), sysfs(0)));
    }
    one.run(&format!("echo 1 >{}/value", sysfs(0)));
    bench.sees_all(&[11, 12], 0b01);
    two.run(&format!("echo 1 >{}/value", sysfs(0)));
    bench.sees_all(&[11, 12], 0b11);
    one.run(&format!("echo 0 >{}/value", sysfs(0)));
    bench.sees_all(&[11, 12], 0b10);
    bench.world.pull(21, true);
    one.wait_for("gpioget --numeric --chip 0 4", "1");
    assert_eq!(two.run("gpioget --numeric --chip 0 5"), "0");

    // A third that wants a line of the first is told who has it.
    let refusal = bench.machine("vgpios=0:1,gpios=10:21").refusal();
    assert_eq!(refusal.status.code(), Some(1));
    let owner = format!("(one:gpiodev0, pid {})", one.pid());
    for word in [LABEL, "line 21", &owner] {
        assert!(refusal.text.contains(word), "no '{word}' in: {}", refusal.text);
    }

    // When the first goes the second stays, and the lines can be had.
    one.kill();
    two.run(&format!("echo 0 >{}/value", sysfs(0)));
    bench.sees(12, false);
    let mut third = bench.boot("vgpios=0:4,gpios=11:21");
    third.wait_for("gpioget --numeric --chip 0 4", "1");
}
