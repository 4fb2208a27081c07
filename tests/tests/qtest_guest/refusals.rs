// SPDX-License-Identifier: MIT OR Apache-2.0
//! What QEMU refuses. What it does not say itself is in `docs/errors.md`.

use std::path::Path;

use vgpio_tests::harness::{Bench, Daemon, LABEL, Machine, Qtest, folder, qmp_socket};

/// What a frontend says that cannot start.
fn refusal(daemon: &Daemon, folder: &Path, options: &[&str]) -> String {
    let map = format!("{LABEL},gpios=11");
    let options = [options, &["--gpiodev", &map, "--wait", "0s"]].concat();
    let ended = Daemon::run(Qtest::command(daemon, folder, &options));
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    ended.log.replace(&folder.display().to_string(), "").trim_end().to_owned()
}

#[test]
fn what_qemu_refuses_is_told_with_what_to_do() {
    let bench: Bench<crate::Chip> = Bench::open();
    let folder = folder();
    let sockets = folder.path();
    let refusal = |options: &[&str]| refusal(&bench.daemon, sockets, options);
    let qmp = qmp_socket(sockets).display().to_string();
    let unattached = "/machine/unattached/device";
    assert!(refusal(&["--qmp", &qmp]).contains("start it with -qmp unix:/monitor.sock"));
    let path = format!("{unattached}[6]");
    let text = refusal(&["--device", &path]);
    assert!(text.contains("-qtest unix:/qtest.sock") && text.contains("No such file"), "{text}");

    let vm = Machine::qtest(sockets).boot();
    let text = refusal(&["--device", "/machine/nowhere"]);
    assert!(
        text.contains("no device /machine/nowhere; leave --device out and give --qmp"),
        "{text}"
    );
    let text = refusal(&["--qmp", &qmp, "--device", "/machine/nowhere"]);
    assert!(text.contains("no device /machine/nowhere"), "{text}");
    let text = refusal(&["--device", &path, "--base", "0x9000000"]);
    assert!(text.contains("no PL061 at address 0x9000000"), "{text}");
    let uart = format!("{unattached}[3]");
    let text = refusal(&["--qmp", &qmp, "--device", &uart]);
    assert!(text.contains("is no PL061: say with --outputs"), "{text}");
    let text = refusal(&["--qmp", &qmp, "--outputs", "0"]);
    assert!(text.contains("is a PL061, which is asked for directions"), "{text}");
    let text = refusal(&["--qmp", &qmp, "--device", &uart, "--outputs", "0"]);
    assert!(text.contains("no GPIO outputs without a name"), "{text}");

    let qtest = Qtest::attach(&bench.daemon, sockets, "gpios=11", &[]);
    let text = refusal(&["--device", &path]);
    assert!(text.contains("is another program connected to it?"), "{text}");
    qtest.kill();
    // The processor's timers.
    let other = format!("{unattached}[0]");
    let text = refusal(&["--qmp", &qmp, "--device", &other, "--outputs", "0"]);
    assert!(text.contains("another device intercepted already"), "{text}");
    drop(vm);
}
