// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two guests with different controllers on one chip.

use vgpio_backend::control::api::OffsetOrName;
use vgpio_tests::harness::{LABEL, Machine, Outside, eventually};

use super::{BUTTON, Bench, DEVICE, LEDS, LINE, bench};

#[test]
fn two_guests_with_different_controllers_share_a_button_and_have_lamps_each() {
    let mut bench = bench();
    let shared = format!("{LABEL},gpios={BUTTON},shared=on");
    let of = |first: &[String]| {
        let gpiodevs: Vec<_> = first.iter().map(String::as_str).collect();
        Machine::new(&bench.daemon, &gpiodevs)
    };
    let rcar = of(&[
        format!("{LABEL},vgpios=0:1,gpios=11:12,id=bank"),
        format!("{shared},vgpios={LINE},frontend=gpio"),
    ]);
    let pl061 = of(&[format!("{LABEL},vgpios=0,gpios=13"), format!("{shared},vgpios=5")]);
    let (mut one, mut two) = rcar.with(&DEVICE).boot_both(pl061);
    one.run("gpioset --daemonize LED1=1 LED2=0");
    two.run("gpioset --daemonize LED3=1");
    bench.sees_all(&LEDS, 0b101);
    for vm in [&mut one, &mut two] {
        vm.spawn("gpiomon --banner -F %e BUTTON", "/tmp/edges");
        vm.wait_for("grep -c Monitoring /tmp/edges", "1");
    }
    for (high, edges) in [(true, "1"), (false, "1 2"), (true, "1 2 1")] {
        bench.world.pull(BUTTON, high);
        for vm in [&mut one, &mut two] {
            vm.wait_for("sed 1d /tmp/edges | xargs", edges);
        }
    }
    assert_eq!(edges_of_the_button(&bench), [3, 3]);
    // What one does is nothing to the other, also when it goes.
    two.run("killall gpioset; gpioset --daemonize LED3=0");
    bench.sees_all(&LEDS, 0b001);
    one.kill();
    let alone = || (bench.daemon.status().sessions.len() == 2).then_some(());
    eventually("the first is gone", alone);
    bench.world.pull(BUTTON, false);
    two.wait_for("sed 1d /tmp/edges | xargs", "1 2 1 2");
}

/// How many edges of the button the daemon has sent to each who has it.
fn edges_of_the_button(bench: &Bench) -> Vec<u64> {
    let sessions = bench.daemon.status().sessions;
    let button = OffsetOrName::Offset(BUTTON);
    let have_it = sessions.iter().filter(|s| s.lines.iter().any(|mapped| mapped.line == button));
    have_it.map(|session| session.counters.edges).collect()
}
