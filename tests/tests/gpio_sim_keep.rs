// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines that outlive the daemon, on the kernel's gpio-sim.

mod keep;

use std::fs;

use nix::sys::signal::{Signal, kill};
use tempfile::NamedTempFile;
use vgpio_tests::harness::{Daemon, GpioSim, Guest, LABEL, Outside, eventually, export};

use keep::store::keeper_of;
use keep::{attached_again, bench, guest, restart};

type World = vgpio_tests::harness::GpioSim;

#[test]
fn a_keeper_that_is_stuck_keeps_no_line_from_the_next_client() {
    let mut bench = bench("gpios=5", &["--sandbox", "off"]);
    let mut client = guest(&bench);
    client.drive(1, 1);
    let keeper = eventually("a keeper", || keeper_of(&bench.daemon));
    kill(keeper, Signal::SIGSTOP).expect("it runs");
    drop(client);
    bench.wait_until_gone();
    let mut client = guest(&bench);
    client.drive(1, 1);
    assert!(bench.world.level(5));
    // Its successor has the descriptor that the connection to it had, and is watched as well.
    let second = eventually("another keeper", || keeper_of(&bench.daemon));
    assert_ne!(second, keeper);
    kill(second, Signal::SIGKILL).expect("it runs");
    eventually("a third one", || keeper_of(&bench.daemon).filter(|third| *third != second));
    bench = restart(bench, &mut client, Daemon::kill);
    assert!(bench.world.level(5));
}

#[test]
fn edges_of_a_chip_wait_for_another_that_the_client_waits_for() {
    let (mut world, _slow) = (World::new(), GpioSim::<true>::labelled("slow"));
    let config = NamedTempFile::new().expect("a folder for temporary files");
    let text = format!(
        "keep = 'keeper'\n[[chip]]\nchip = 'slow'\nblocking = 'yes'\n\
         [[export]]\nname = 'guest'\nmap = ['{LABEL},vgpios=0,gpios=5', 'slow,vgpios=1,gpios=5']\n"
    );
    fs::write(&config, text).expect("a folder for temporary files");
    let options = ["--config".to_owned(), config.path().display().to_string()];
    let daemon = Daemon::start(&options);
    let mut client = Guest::attach(&daemon, export("guest"));
    client.sync();
    let _next = daemon.replaced(&options, |daemon| {
        daemon.kill();
        world.pull(5, true);
        world.pull(5, false);
    });
    attached_again(&mut client);
    assert_eq!([(); 2].map(|()| client.edge().active), [true, false]);
}
