// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vgpiod` as a process: where its output goes, and who is turned away.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs::File;
use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;
use vgpio_backend::control::MAX_CLIENTS;

/// Longest wait for what is certain to come.
const DEADLINE: Duration = Duration::from_secs(20);

const VGPIOD: &str = env!("CARGO_BIN_EXE_vgpiod");
const VGPIOCTL: &str = env!("CARGO_BIN_EXE_vgpioctl");

/// A daemon with a simulated chip, killed when the test ends.
struct Daemon {
    child: Child,
    dir: TempDir,
}

impl Daemon {
    /// Starts one that takes a socket as its standard input, on which a frontend can wait for it.
    fn start(stderr: impl Into<Stdio>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("vgpiod.sock")).unwrap();
        let child = Command::new("sh")
            .args(["-c", "exec \"$0\" -vv --fd 3 --sim rcar-gen3,label=sim 3<&0", VGPIOD])
            .env("VGPIO_CONTROL", control(dir.path()))
            .env_remove("RUST_LOG")
            .stdin(OwnedFd::from(listener))
            .stderr(stderr)
            .spawn()
            .unwrap();
        let daemon = Self { child, dir };
        daemon.wait_until_ready();
        daemon
    }

    /// Waits for an answer to something that is no HELLO.
    fn wait_until_ready(&self) {
        let mut frontend = UnixStream::connect(self.dir.path().join("vgpiod.sock")).unwrap();
        frontend.set_read_timeout(Some(DEADLINE)).unwrap();
        frontend.write_all(&[0xff; 64]).unwrap();
        assert!(frontend.read(&mut [0; 64]).unwrap() > 0);
    }

    fn connect(&self) -> BufReader<UnixStream> {
        let client = UnixStream::connect(control(self.dir.path())).unwrap();
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        BufReader::new(client)
    }

    fn end(&mut self) -> ExitStatus {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap());
        kill(pid, Signal::SIGTERM).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn control(dir: &Path) -> PathBuf {
    dir.join("control.sock")
}

fn ask(client: &mut BufReader<UnixStream>, command: &str) -> Value {
    client.get_mut().write_all(format!("{command}\n").as_bytes()).unwrap();
    answer(client)
}

fn answer(client: &mut BufReader<UnixStream>) -> Value {
    let mut line = String::new();
    client.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

/// A pipe without room for one more byte.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = io::pipe().unwrap();
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    while writer.write(&[b'-'; 4096]).is_ok() {}
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    (reader, writer)
}

#[test]
fn a_log_that_nobody_reads_keeps_nobody_waiting() {
    let (mut reader, writer) = full_pipe();
    let mut daemon = Daemon::start(writer);
    let chips = ask(&mut daemon.connect(), "{\"id\":1,\"command\":\"detect\",\"chip\":\"sim\"}");
    assert_eq!(chips["ok"][0]["name"], "sim0");

    let mut filler = vec![0; 64 * 1024];
    reader.read_exact(&mut filler).unwrap();
    assert!(daemon.end().success());
    let mut log = String::new();
    reader.read_to_string(&mut log).unwrap();
    let (notice, rest) = log.split_once('\n').unwrap();
    assert!(notice.starts_with("vgpiod: ") && notice.contains("log lines were dropped"), "{log}");
    assert!(rest.contains("SIGTERM: ending"), "{log}");
}

#[test]
fn a_log_whose_reader_has_gone_ends_nobody() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut daemon = Daemon::start(writer);
    assert_eq!(ask(&mut daemon.connect(), "{\"id\":1,\"command\":\"status\"}")["id"], 1);
    assert!(daemon.end().success());
}

#[test]
fn a_control_client_too_many_is_told_so() {
    let daemon = Daemon::start(Stdio::null());
    let mut clients: Vec<_> = (0..MAX_CLIENTS).map(|_| daemon.connect()).collect();
    for client in &mut clients {
        assert_eq!(ask(client, "{\"id\":1,\"command\":\"status\"}")["id"], 1);
    }
    let message = "64 clients are served, the most; end one, a monitor perhaps";
    let error = json!({"code": "too-many-clients", "message": message});
    assert_eq!(answer(&mut daemon.connect()), json!({"id": null, "error": error}));
    let refused = Command::new(VGPIOCTL)
        .arg("status")
        .env("VGPIO_CONTROL", control(daemon.dir.path()))
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(String::from_utf8(refused.stderr).unwrap(), format!("vgpioctl: error: {message}\n"));
    // Not only closed: a child of this process that is about to run a program has its descriptors too.
    clients.pop().unwrap().get_ref().shutdown(Shutdown::Both).unwrap();
    assert_eq!(ask(&mut clients[0], "{\"id\":2,\"command\":\"status\"}")["id"], 2);
    assert_eq!(ask(&mut daemon.connect(), "{\"id\":3,\"command\":\"status\"}")["id"], 3);
}

#[test]
fn a_press_ends_when_somebody_else_drives_the_pad() {
    let daemon = Daemon::start(Stdio::null());
    let mut client = daemon.connect();
    let pad = "{\"chip\":\"sim\",\"line\":4}";
    let press = format!("{{\"id\":1,\"command\":\"press\",\"pad\":{pad},\"for_ms\":3600000}}\n");
    client.get_mut().write_all(press.as_bytes()).unwrap();
    let pads = format!("[{{\"pad\":{pad},\"level\":\"high\"}}]");
    let set = format!("{{\"id\":2,\"command\":\"set\",\"pads\":{pads}}}");
    assert_eq!(ask(&mut client, &set), json!({"id": 2, "ok": {}}));
    assert_eq!(answer(&mut client), json!({"id": 1, "ok": {}}));
}

#[test]
fn pad_changes_say_who_drives() {
    let daemon = Daemon::start(Stdio::null());
    let mut monitor = daemon.connect();
    let lines = "[{\"chip\":\"sim\",\"line\":4}]";
    ask(&mut monitor, &format!("{{\"id\":1,\"command\":\"monitor\",\"lines\":{lines}}}"));
    let pads = "[{\"pad\":{\"chip\":\"sim\",\"line\":4},\"level\":\"high\"}]";
    let set = format!("{{\"id\":2,\"command\":\"set\",\"pads\":{pads}}}");
    ask(&mut daemon.connect(), &set);
    let event = &answer(&mut monitor)["event"];
    assert_eq!((&event["kind"], &event["level"]), (&json!("pad"), &json!(1)));
    assert_eq!(event["driven_by"], "outside");
}

#[test]
fn pad_changes_that_are_too_many_are_counted_and_the_last_level_is_told() {
    const TOGGLES: usize = 300;
    let daemon = Daemon::start(Stdio::null());
    let mut monitor = daemon.connect();
    let pad = |line: usize| format!("{{\"chip\":\"sim\",\"line\":{line}}}");
    let command = format!("{{\"id\":1,\"command\":\"monitor\",\"lines\":[{}]}}", pad(9));
    ask(&mut monitor, &command);
    // Of one command, so that all changes are of one turn: the pad goes high first of all.
    let set = |line, level| format!("{{\"pad\":{},\"level\":\"{level}\"}}", pad(line));
    let toggles =
        (0..TOGGLES).flat_map(|_| [set(1, "high"), set(1, "low"), set(2, "high"), set(2, "low")]);
    let pads: Vec<_> = std::iter::once(set(9, "high")).chain(toggles).collect();
    let command = format!("{{\"id\":2,\"command\":\"set\",\"pads\":[{}]}}", pads.join(","));
    assert_eq!(ask(&mut daemon.connect(), &command)["ok"], json!({}));
    assert_eq!(answer(&mut monitor), json!({"id": 1, "dropped": 4 * TOGGLES + 1 - 1024}));
    let event = &answer(&mut monitor)["event"];
    assert_eq!((&event["offset"], &event["level"]), (&json!(9), &json!(1)));
}

/// Runs `vgpiod` with its output to a pipe that nobody reads any more.
fn run_closed(args: &[&str]) -> (Option<i32>, String) {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let program = if args[0] == "vgpioctl" { VGPIOCTL } else { VGPIOD };
    let done = Command::new(program).args(&args[1..]).stdout(writer).output().unwrap();
    (done.status.code(), String::from_utf8(done.stderr).unwrap())
}

#[test]
fn output_that_nobody_reads_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let (right, wrong) = (dir.path().join("right.toml"), dir.path().join("wrong.toml"));
    File::create(&right).unwrap();
    std::fs::write(&wrong, "max-sessions = 0").unwrap();
    let (right, wrong) = (right.to_str().unwrap(), wrong.to_str().unwrap());
    for (args, status) in [
        (&["vgpiod", "completions", "bash"][..], 0),
        (&["vgpiod", "man"], 0),
        (&["vgpiod", "--print-capabilities"], 0),
        (&["vgpiod", "check", right], 0),
        (&["vgpiod", "check", wrong], 1),
        (&["vgpioctl", "completions", "zsh"], 0),
        (&["vgpioctl", "man"], 0),
    ] {
        assert_eq!(run_closed(args), (Some(status), String::new()), "{args:?}");
    }
}
