// SPDX-License-Identifier: MIT OR Apache-2.0
//! `libvgpio` from C with `AddressSanitizer` and `LeakSanitizer`, while the daemon is killed and started again.
//!
//! `VGPIO_SOAK_ROUNDS` says how often, 10 times without it.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use vgpio_tests::harness::{Daemon, LABEL};

const ROUNDS: u32 = 10;

/// Cargo puts the library beside the tests.
fn library() -> PathBuf {
    let test = env::current_exe().expect("this program has a path");
    test.with_file_name("libvgpio.a")
}

/// Compiles a C program. The library is as users have it; what it allocates is the sanitizers' business, too.
fn compile(source: &str, folder: &TempDir) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = folder.path().join("program");
    let mut cc = Command::new(env::var_os("CC").unwrap_or("cc".into()));
    cc.args([
        "-std=c11",
        "-g",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-pedantic",
        "-fsanitize=address",
        "-o",
    ])
    .arg(&program)
    .arg("-I")
    .arg(root.join("../frontend-pl061/include"))
    .arg(root.join("c").join(source))
    .arg(library())
    .args(["-lpthread", "-ldl", "-lm"]);
    let output = cc.output().expect("a C compiler");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}

#[test]
fn a_client_outlives_its_daemons_and_leaks_nothing() {
    let rounds = env::var("VGPIO_SOAK_ROUNDS").ok();
    let rounds =
        rounds.map_or(ROUNDS, |rounds| rounds.parse().expect("VGPIO_SOAK_ROUNDS is a number"));
    let folder = TempDir::with_prefix("vgpio").expect("a folder");
    let program = compile("soak.c", &folder);
    let options = [format!("--sim=rcar-gen3,label={LABEL}"), "--allow-line-maps".to_owned()];
    let mut daemon = Daemon::start(&options);
    let mut child = Command::new(program)
        .env("VGPIO_SOCKET", daemon.socket())
        .env("ASAN_OPTIONS", "detect_leaks=1")
        .args([format!("{LABEL},gpios=1:2"), format!("{LABEL},gpios=3"), rounds.to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let told = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut seen = 0;
    for line in told.lines() {
        seen += 1;
        assert_eq!(line.expect("text"), format!("round {seen}"));
        daemon = daemon.replaced(&options, Daemon::kill);
    }
    let output = child.wait_with_output().expect("the program ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    assert_eq!((seen, said.as_ref()), (rounds, ""));
}
