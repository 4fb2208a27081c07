// SPDX-License-Identifier: MIT OR Apache-2.0
//! A real guest with an R-Car GPIO block on the kernel's character device, with gpio-sim behind it.

mod rcar_guest;

use vgpio_tests::harness::{LABEL, Machine, Outside, Traced};

type World = vgpio_tests::harness::GpioSim;

#[test]
fn a_set_of_eight_lines_is_one_ioctl() {
    const SETS: usize = 20;
    let _world = World::new();
    let traced = Traced::start(&["--allow-line-maps"]);
    let lines = format!("{LABEL},id=bank,gpios=0-7");
    let mut vm = Machine::new(&traced.daemon, &[&lines]).with(&rcar_guest::DEVICE).boot();
    let lines = "0=1 1=0 2=1 3=0 4=1 5=0 6=1 7=0";
    let times = vec!["10ms"; SETS].join(",");
    vm.run(&format!("gpioset --hold-period 10ms --toggle {times},0 --chip 1 {lines}"));
    assert_eq!(traced.daemon.status().sessions[0].counters.sets, SETS as u64);
    vm.kill();
    assert_eq!(traced.stop(), SETS);
}
