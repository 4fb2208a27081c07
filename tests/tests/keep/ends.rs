// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines that are kept, and for which nobody comes back, or that no longer fit.

use vgpio_protocol::{Direction, ErrorCode};
use vgpio_tests::harness::{Daemon, Guest, Holder, LABEL, Outside, eventually, lines};

use super::{Bench, bench, guest, is_free};

/// A daemon that has been killed, and whose client is gone too, when `restart` starts another one.
fn without_client(mut bench: Bench, more: &[&str], drive: u64) -> Bench {
    let mut client = guest(&bench);
    client.drive(1, drive);
    bench.options.extend(more.iter().map(|option| (*option).to_owned()));
    bench.restart(|daemon| {
        daemon.kill();
        drop(client);
    })
}

#[test]
fn a_client_that_does_not_come_back_in_time_is_one_that_has_gone() {
    let bench = bench("gpios=5,safe=low", &["--grace", "3s"]);
    let mut bench = without_client(bench, &[], 1);
    let status = bench.daemon.status();
    let [awaited] = &status.awaited[..] else { panic!("{status:?}") };
    assert_eq!((awaited.name.as_str(), awaited.export.as_deref()), ("guest", Some("guest")));
    assert_eq!(awaited.pid, i32::try_from(std::process::id()).expect("a process number"));
    let lines: Vec<_> = awaited.lines.iter().map(|line| (line.line, line.state.level)).collect();
    assert_eq!((awaited.chip.as_str(), lines), (LABEL, vec![(5, 1)]));
    assert!(bench.world.level(5));
    let said = bench.daemon.wait_for_log("has not come back");
    assert!(said.contains("lines [5] of e6055400.gpio go to their safe states"), "{said}");
    bench.sees(5, false);
    assert_eq!(bench.world.info(5).direction, Direction::Output);
    assert_eq!(bench.daemon.status().awaited, []);
}

#[test]
fn lines_without_a_safe_state_are_given_back_after_the_grace() {
    let bench = bench("gpios=5", &["--grace", "1s"]);
    let mut bench = without_client(bench, &[], 1);
    is_free(&mut bench.world, 5);
}

#[test]
fn a_daemon_that_is_stopped_leaves_nothing_behind() {
    let mut bench = bench("gpios=5,safe=low", &[]);
    let mut client = guest(&bench);
    client.drive(1, 1);
    let keeper = bench.daemon.folder().path().join("vgpiod.sock.keeper");
    assert!(keeper.exists());
    let Bench { daemon, .. } = bench;
    daemon.stop();
    is_free(&mut bench.world, 5);
    assert!(!keeper.exists());
}

#[test]
fn a_daemon_that_is_stopped_while_it_waits_for_a_client_leaves_nothing_behind() {
    let bench = bench("gpios=5,safe=low", &[]);
    let mut bench = without_client(bench, &[], 1);
    assert_eq!(bench.daemon.status().awaited.len(), 1);
    let Bench { daemon, .. } = bench;
    daemon.stop();
    is_free(&mut bench.world, 5);
}

#[test]
fn lines_that_are_not_lent_any_more_are_released_in_their_safe_state() {
    let other = format!("guest={LABEL},gpios=6");
    let cases: [(&[&str], &str); 2] = [
        (&["--export", &other], "export \"guest\" has no line 5 any more"),
        (&["--export", "other=e6055400.gpio,gpios=5"], "there is no export \"guest\" any more"),
    ];
    for (options, why) in cases {
        let bench = bench("gpios=5,safe=low", &[]);
        let mut client = guest(&bench);
        client.drive(1, 1);
        let Bench { daemon, mut world, options: mut all } = bench;
        let replaced = all.iter().position(|option| option == "--export").expect("it is there");
        all.truncate(replaced);
        all.extend(options.iter().map(|option| (*option).to_owned()));
        let daemon = daemon.replaced(&all, |daemon| {
            drop(client);
            daemon.kill();
        });
        is_free(&mut world, 5);
        assert_eq!(daemon.status().awaited, []);
        drop(world);
        let ended = daemon.stop();
        let said = ended.log.lines().find(|line| line.contains("released")).unwrap_or_default();
        assert!(said.contains(why) && said.contains("lines [5] of gpiochip"), "{}", ended.log);
    }
}

#[test]
fn other_settings_are_another_export() {
    let bench = bench("gpios=5,safe=high", &[]);
    let mut client = guest(&bench);
    client.drive(1, 0);
    let Bench { daemon, mut world, mut options } = bench;
    let keys = options.last_mut().expect("there are options");
    *keys = keys.replace("safe=high", "safe=low");
    let daemon = daemon.replaced(&options, |daemon| {
        drop(client);
        daemon.kill();
    });
    is_free(&mut world, 5);
    let said = daemon.stop().log;
    let why =
        "are released, in their safe states: export \"guest\" has other settings of line 5 now";
    assert!(said.contains(why), "{said}");
}

#[test]
fn another_client_gets_the_lines_only_when_their_owner_has_ended() {
    let mut bench = Bench::new(&["--keep", "keeper", "--allow-line-maps"]);
    let map = format!("{LABEL},gpios=5,init=high,safe=high");
    let owner = Holder::start(env!("CARGO_BIN_EXE_line-holder"), &bench.daemon, &map);
    // It runs on, and does not connect again.
    bench = bench.restart(Daemon::kill);
    let wanted = || lines("gpios=5,init=low,safe=low");
    let refusal = Guest::refusal(&bench.daemon, wanted());
    assert_eq!(refusal.code, ErrorCode::Busy);
    assert!(refusal.text.contains(&format!("(pid {}), which had them", owner.pid())), "{refusal}");
    assert!(bench.world.level(5));
    owner.kill();
    let _other = Guest::attach(&bench.daemon, wanted());
    assert!(!bench.world.level(5));
}

#[test]
fn a_chip_that_goes_while_no_daemon_runs_takes_its_lines_along() {
    let bench = bench("gpios=5,safe=low", &[]);
    let mut client = guest(&bench);
    client.drive(1, 1);
    let Bench { daemon, mut world, options } = bench;
    let daemon = daemon.replaced(&options, |daemon| {
        daemon.kill();
        world.remove();
        world.bring_back();
    });
    // The client takes them anew.
    super::attached_again(&mut client);
    assert!(world.level(5));
    assert_eq!(daemon.status().awaited, []);
    // By another name of the chip, or the same.
    let said = daemon.stop().log;
    let whys = ["there is no such chip", "their levels cannot be read"];
    assert!(whys.iter().any(|why| said.contains(why)), "{said}");
    assert!(said.contains("that another daemon has left are released: "), "{said}");
}

#[test]
fn a_chip_that_goes_while_its_lines_are_held_for_a_client_comes_back_with_them() {
    let bench = bench("gpios=5,safe=low", &["--grace", "1000s"]);
    let mut bench = without_client(bench, &[], 1);
    bench.world.remove();
    bench.world.bring_back();
    let mut client = guest(&bench);
    client.drive(1, 1);
    assert!(bench.world.level(5));
    client.drive(1, 0);
    eventually("it is low", || (!bench.world.level(5)).then_some(()));
}
