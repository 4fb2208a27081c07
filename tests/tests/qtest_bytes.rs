// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vgpiod attach-qtest` at a socket where somebody else than QEMU listens.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread::{JoinHandle, spawn};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use vgpio_tests::harness::{Bench, Daemon, LABEL, Qtest, Simulated, folder, qtest_socket};

/// What a frontend that is attached so may take, in KiB.
const SMALL_KIB: u64 = 16 * 1024;

/// Answers as a PL061 with nothing but inputs does, then does something else.
fn server(folder: &TempDir, then: impl FnOnce(&mut UnixStream) + Send + 'static) -> JoinHandle<()> {
    let listener = UnixListener::bind(qtest_socket(folder.path())).expect("a folder for sockets");
    spawn(move || {
        let (mut stream, _) = listener.accept().expect("the frontend comes");
        let mut commands = BufReader::new(stream.try_clone().expect("a descriptor"));
        for answer in ["OK 0x61", "OK", "OK 0x0", "OK 0x0"] {
            commands.read_line(&mut String::new()).expect("a command");
            stream.write_all(format!("{answer}\n").as_bytes()).expect("it reads");
        }
        then(&mut stream);
    })
}

fn command(bench: &Bench<Simulated>, folder: &TempDir) -> Command {
    let map = format!("{LABEL},gpios=11");
    let options = ["--device", "/machine/x", "--gpiodev", &map, "--look", "0s"];
    Qtest::command(&bench.daemon, folder.path(), &options)
}

#[test]
fn a_flood_for_a_daemon_that_stands_still_is_taken_in_bounded_memory() {
    let mut bench: Bench<Simulated> = Bench::open();
    let folder = folder();
    let (step, go) = channel();
    let (sent, all) = channel();
    let server = server(&folder, move |stream| {
        go.recv().expect("it begins");
        let flood = "IRQ raise 0\nIRQ lower 0\n".repeat(1000);
        for _ in 0..1000 {
            stream.write_all(flood.as_bytes()).expect("it reads");
        }
        stream.write_all(b"IRQ raise 0\n").expect("it reads");
        sent.send(()).expect("the test waits");
        go.recv().expect("it ends");
    });
    let qtest = Qtest::start(command(&bench, &folder));
    bench.daemon.signal(Signal::SIGSTOP);
    step.send(()).expect("the server waits");
    // It reads all of it, although nobody takes what comes of it.
    all.recv().expect("the server has sent all");
    bench.daemon.signal(Signal::SIGCONT);
    bench.sees(11, true);
    let status = fs::read_to_string(format!("/proc/{}/status", qtest.pid())).expect("it runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|line| line.trim().strip_suffix(" kB")).expect("a peak");
    let peak: u64 = peak.parse().expect("a number");
    assert!(peak < SMALL_KIB, "{peak} KiB");
    println!("{peak} KiB");
    step.send(()).expect("the server waits");
    server.join().expect("it ends");
}

#[test]
fn an_export_with_the_line_of_the_power_button_ends_it() {
    let bench: Bench<Simulated> = Bench::lending("panel", "vgpios=2:3,gpios=11:12");
    let folder = folder();
    let server = server(&folder, |stream| {
        // Ends when the frontend does.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let options = ["--device", "/machine/x", "--export", "panel", "--look", "0s"];
    let ended = Daemon::run(Qtest::command(&bench.daemon, folder.path(), &options));
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    assert!(ended.log.contains("line 3 of /machine/x is the power button"), "{}", ended.log);
    server.join().expect("it ends");
    bench.wait_until_gone();
}

#[test]
fn bytes_that_are_no_lines_end_it() {
    let bench: Bench<Simulated> = Bench::open();
    for bytes in [vec![b'x'; 1 << 20], b"IRQ raise one\n".to_vec(), vec![0; 100_000]] {
        let folder = folder();
        let server = server(&folder, move |stream| {
            // Fails when the frontend has had enough.
            let _ = stream.write_all(&bytes);
        });
        let ended = Daemon::run(command(&bench, &folder));
        assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
        assert!(ended.log.contains("speaks another protocol"), "{}", ended.log);
        server.join().expect("it ends");
        bench.wait_until_gone();
    }
}
