// SPDX-License-Identifier: MIT OR Apache-2.0
//! What QEMU says when it cannot have the lines: which chip, which line, and what to do.

use std::process;

use vgpio_tests::harness::{Daemon, Guest, LABEL, Machine, map};

use crate::guest::Bench;

/// QEMU exits with status 1, and a message that has all of these words.
fn refused(daemon: &Daemon, gpiodev: &str, words: &[&str]) {
    let refusal = Machine::new(daemon, &[gpiodev]).refusal();
    assert_eq!(refusal.status.code(), Some(1), "{gpiodev}: {}", refusal.text);
    for word in words {
        assert!(refusal.text.contains(word), "{gpiodev}: no '{word}' in: {}", refusal.text);
    }
}

#[test]
fn without_a_daemon_qemu_says_where_it_should_be() {
    let Bench { daemon, .. } = Bench::open();
    let socket = daemon.socket();
    let machine = Machine::new(&daemon, &[&format!("{LABEL},gpios=1")]);
    daemon.stop();
    let refusal = machine.refusal();
    assert_eq!(refusal.status.code(), Some(1), "{}", refusal.text);
    let socket = socket.display().to_string();
    for word in [socket.as_str(), "is vgpiod running", "VGPIO_SOCKET"] {
        assert!(refusal.text.contains(word), "no '{word}' in: {}", refusal.text);
    }
}

#[test]
fn an_unknown_chip_is_refused_naming_those_there_are() {
    let bench = Bench::open();
    refused(&bench.daemon, "e6050000.gpio,gpios=1", &["e6050000.gpio", LABEL]);
}

#[test]
fn lines_of_another_are_refused_naming_who_has_them() {
    let bench = Bench::open();
    let _owner = Guest::attach(&bench.daemon, map(&format!("{LABEL},gpios=12")));
    let owner = format!("guest, pid {}", process::id());
    let words = [LABEL, "line 12", &owner];
    refused(&bench.daemon, &format!("{LABEL},vgpios=0:1,gpios=11:12"), &words);
}

#[test]
fn impossible_maps_are_refused() {
    let bench = Bench::open();
    let chip = |keys: &str| format!("{LABEL},{keys}");
    let daemon = &bench.daemon;
    refused(daemon, &chip("vgpios=0:1:2,gpios=11:12"), &["3 vgpios for 2 gpios"]);
    refused(daemon, &chip("vgpios=8,gpios=11"), &["pl061 has lines 0 to 7, and no line 8"]);
    refused(daemon, &chip("vgpios=3,gpios=11"), &["Line 3 of pl061 is the power button"]);
    refused(daemon, &chip("vgpios=0,gpios=32"), &[LABEL, "the chip has 32 lines, 0 to 31"]);
    refused(daemon, &chip("vgpios=0,gpios=NONE"), &[LABEL, "no line is named 'NONE'"]);
    refused(daemon, &chip("vgpios=0,gpios=1,frontend=nobody"), &["There is no device 'nobody'"]);
    // Of all that was refused, nothing is held.
    assert!(bench.daemon.status().sessions.is_empty());
    drop(Guest::attach(daemon, map(&chip("gpios=0-31"))));
}
