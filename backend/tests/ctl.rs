// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `vgpioctl` prints, against a daemon in a thread of the test.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread::{self, JoinHandle};

use clap::Parser;
use common::fake_host::FakeHost;
use mio::{Events, Interest, Poll, Token};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use vgpio_backend::cli::vgpioctl::Program;
use vgpio_backend::config::Env;
use vgpio_backend::control::api::{
    ChipReport, Code, Driver, Event, EventKind, LevelReport, LineReport, MonitoredLine, Refusal,
    Status,
};
use vgpio_backend::control::{Connection, Progress};
use vgpio_backend::ctl;

/// What a run of `vgpioctl` gave.
struct Run {
    status: u8,
    out: String,
    err: String,
    /// What the daemon did to pads.
    done: Vec<String>,
}

fn event(offset: u32, name: &str, level: u8) -> Event {
    Event {
        chip: "sim0".into(),
        offset,
        name: name.into(),
        level,
        timestamp_ns: 1_234_000_567_890,
        kind: EventKind::Edge,
        driven_by: None,
    }
}

/// Events of four changes on `sim0`, and of one on `sim1` behind 12 that were dropped.
fn tell(connection: &mut Connection) -> std::io::Result<()> {
    let mut pad = event(21, "BUTTON", 0);
    (pad.kind, pad.driven_by) = (EventKind::Pad, Some(Driver::Outside));
    for event in [event(11, "LED1", 1), event(5, "", 0), event(11, "LED1", 0), pad] {
        connection.event(&event)?;
    }
    connection.dropped("sim1", 12)?;
    connection.event(&Event { chip: "sim1".into(), ..event(3, "", 1) })
}

/// Serves one client until it goes; when it monitors, tells it of events.
fn serve(listener: UnixListener) -> JoinHandle<Vec<String>> {
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let mut connection = Connection::new(mio::net::UnixStream::from_std(stream));
        let mut host = FakeHost::default();
        let mut poll = Poll::new().unwrap();
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(connection.stream(), Token(0), interest).unwrap();
        let mut told = false;
        while let Ok(progress) = connection.ready(&mut host) {
            if connection.is_monitoring() && !std::mem::replace(&mut told, true) {
                // A client that has had its events is gone.
                let _ = tell(&mut connection);
            }
            let _ = connection.finished(host.ticket);
            if progress == Progress::Closed {
                break;
            }
            poll.poll(&mut Events::with_capacity(1), None).unwrap();
        }
        host.done
    })
}

fn run_at(path: &Path, args: &str) -> (u8, String, String) {
    let words = std::iter::once("vgpioctl").chain(args.split_whitespace());
    let program = Program::try_parse_from(words).unwrap();
    let env = Env { control: Some(path.into()), ..Env::default() };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = ctl::run(&program, &env, &mut out, &mut err);
    let plain = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        anstream::adapter::strip_str(&text).to_string()
    };
    (status, plain(out), plain(err))
}

fn run(args: &str) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.sock");
    let daemon = serve(UnixListener::bind(&path).unwrap());
    let (status, out, err) = run_at(&path, args);
    Run { status, out, err, done: daemon.join().unwrap() }
}

fn assert_prints(args: &str, expected: &str) {
    let run = run(args);
    assert_eq!((run.status, run.out.as_str(), run.err.as_str()), (0, expected, ""), "{args}");
}

fn json_of(args: &str) -> Value {
    serde_json::from_str(&run(args).out).unwrap()
}

#[test]
fn detect_prints_as_gpiodetect_does() {
    assert_prints("detect pinctrl", "gpiochip0 [pinctrl] (2 lines)\n");
    assert_prints("detect sim0", "sim0 [e6055400.gpio] (32 lines) simulated rcar-gen3\n");
    assert_eq!(run("detect").out.lines().count(), 6);
    let chip = json!([{"name": "gpiochip0", "label": "pinctrl", "lines": 2}]);
    assert_eq!(json_of("detect pinctrl --json"), chip);
}

#[test]
fn info_prints_as_gpioinfo_does() {
    let relay = "gpiochip0 - 2 lines:\n\
                 \tline   0:\t\"RELAY\"         \tinput\n\
                 \tline   1:\tunnamed         \tinput\n";
    assert_prints("info -c pinctrl", relay);
    assert_prints("info gpiochip0", relay);
    assert_prints(
        "info LED1 BUTTON",
        "sim0 11\t\"LED1\"          \toutput consumer=\"vgpio:guest-1\" session=7 export=\"leds\"\n\
         sim0 21\t\"BUTTON\"        \tinput active-low drive=open-drain bias=pull-up edges=both \
         debounce-period=10ms\n",
    );
    assert_prints("info -c sim0 5", "sim0 5\tunnamed         \tinput\n");
    let all = run("info");
    assert_eq!((all.status, all.out.lines().count()), (0, 6 + 2 + 1 + 1 + 32 + 32));
    assert_eq!(json_of("info --json LED1")[0]["owner"], json!({"session": 7, "export": "leds"}));
}

#[test]
fn info_of_a_word_that_is_neither_line_nor_chip_says_so() {
    let run = run("info LED9");
    assert_eq!(run.status, 1);
    let wrong = "vgpioctl: error: no line is named 'LED9'; `vgpioctl info` lists the names (not of all \
                 chips: gpiochip locked: cannot open it: permission denied; give this user access to the \
                 device, for example by its group (ls -l /dev/gpiochip3))\n";
    assert_eq!(run.err, wrong);
}

#[test]
fn get_prints_as_gpioget_does() {
    assert_prints("get LED1 BUTTON", "\"LED1\"=active \"BUTTON\"=inactive\n");
    assert_prints("get --numeric LED1 BUTTON", "1 0\n");
    assert_prints("get -c e6055400.gpio 11 12", "\"11\"=active \"12\"=inactive\n");
    assert_eq!(json_of("get LED1 --json")[0]["level"], 1);
}

#[test]
fn a_name_that_looks_like_an_offset_is_one_unless_said_otherwise() {
    assert_eq!(json_of("get -c sim0 12 --json")[0]["offset"], 12);
    assert_eq!(json_of("get -c sim0 --by-name 12 --json")[0]["offset"], 3);
    assert_eq!(json_of("get 12 --json")[0]["offset"], 3);
}

#[test]
fn monitor_prints_as_gpiomon_does() {
    assert_prints(
        "monitor LED1 -n 2",
        "1234.000567890\trising\t\"LED1\"\n1234.000567890\tfalling\t\"LED1\"\n",
    );
    assert_prints(
        "monitor -c sim0 5 11 --num-events 2 --banner",
        "Monitoring lines '5', and '11'...\n\
         1234.000567890\trising\tsim0 11 \"LED1\"\n1234.000567890\tfalling\tsim0 5\n",
    );
    assert_eq!(json_of("monitor LED1 -n 1 --json")["kind"], "edge");
}

#[test]
fn monitor_takes_a_format() {
    assert_prints(
        "monitor LED1 -n 1 --format %o|%l|%c|%e|%E|%S|%k|%d|%%|%z|%",
        "11|LED1|sim0|1|rising|1234.000567890|edge|-|%|%z|%\n",
    );
    assert_prints("monitor BUTTON -n 1 --format %k|%d", "pad|outside\n");
    assert_prints("monitor -c sim0 5 -n 1 -F %l%e", "unnamed2\n");
}

#[test]
fn monitor_says_when_changes_were_dropped() {
    let dropped = run("monitor -c sim1 3 -n 1");
    assert_eq!((dropped.status, dropped.out.as_str()), (0, "1234.000567890\trising\tsim1 3\n"));
    let notice = "vgpioctl: up to 12 changes were dropped: they came too fast, or the output is \
                  read too slowly\n";
    assert_eq!(dropped.err, notice);
    let dropped = run("monitor -c sim1 3 -n 1 --json");
    assert_eq!((dropped.status, dropped.err.as_str()), (0, ""));
    assert_eq!(dropped.out.lines().next(), Some("{\"dropped\":12}"));
}

#[test]
fn a_client_too_many_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let daemon = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let refusal = Refusal::new(Code::TooManyClients, "64 clients are served");
        Connection::turn_away(mio::net::UnixStream::from_std(stream), &refusal).unwrap();
    });
    let (status, _, err) = run_at(&path, "status");
    daemon.join().unwrap();
    assert_eq!((status, err.as_str()), (1, "vgpioctl: error: 64 clients are served\n"));
}

#[test]
fn pads_are_driven_pulled_pressed_and_wired() {
    let asked = |args: &str| {
        let run = run(args);
        assert_eq!((run.status, run.out.as_str(), run.err.as_str()), (0, "", ""), "{args}");
        run.done
    };
    assert_eq!(asked("set BUTTON=low"), ["drive sim0 21 Some(false)"]);
    assert_eq!(asked("set -c sim0 4=1 5=none"), ["drive sim0 4 Some(true)", "drive sim0 5 None"]);
    assert_eq!(asked("pull BUTTON=up"), ["pull sim0 21 Up"]);
    assert_eq!(asked("press BUTTON"), ["press sim0 21 None 100ms"]);
    assert_eq!(asked("press BUTTON --for 2s --level high"), ["press sim0 21 Some(true) 2s"]);
    assert_eq!(asked("wire LED1 BUTTON"), ["wire sim0 11 - sim0 21 true"]);
    assert_eq!(asked("unwire -c sim0 1 2"), ["wire sim0 1 - sim0 2 false"]);
    assert_eq!(json_of("set BUTTON=low --json"), json!({}));
}

#[test]
fn nothing_is_driven_when_one_pad_is_wrong() {
    let run = run("set BUTTON=low RELAY=low");
    assert_eq!(run.status, 1);
    assert!(run.done.is_empty());
}

#[test]
fn status_prints_exports_sessions_and_counters() {
    assert_prints(
        "status",
        "vgpiod 0.1.0, pid 4711, up 1h 2m 3s\n\
         socket /run/vgpio/vgpiod.sock\n\
         control /run/vgpio/control.sock\n\
         export \"leds\" - 1 lines, session 7, watchdog 500ms, 2 unanswered:\n\
         \tvgpio   0:\te6055400.gpio 11 \"LED1\"\n\
         export \"later\" - 1 lines, free:\n\
         \tvgpio  12:\tusb-gpio 'RELAY'\n\
         session 7 \"guest-1\" pid=88 uid=1000 export=\"leds\" - 1 lines, up 5s:\n\
         \tvgpio   0:\te6055400.gpio 11 \"LED1\"\toutput active\t3 refused\n\
         \tmessages 10 in, 5 out; 3 sets, 0 configures; 0 edges, 0 lost; 0 errors\n\
         awaited \"guest-2\" pid=99 uid=1000 export=\"relays\" - 1 lines:\n\
         \texpander 3\toutput active\n",
    );
    assert_eq!(json_of("status --json")["sessions"][0]["counters"]["sets"], 3);
}

/// Reads an answer as the type that it is documented to be, and writes it again.
fn again<T: DeserializeOwned + Serialize>(answer: &Value) -> Value {
    serde_json::to_value(serde_json::from_value::<T>(answer.clone()).unwrap()).unwrap()
}

#[test]
fn the_answers_in_the_documentation_are_those_of_the_daemon() {
    let page = include_str!("../../docs/control.md");
    let answers: Vec<Value> = page
        .lines()
        .filter(|line| line.starts_with("{\"id\":"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), 7);
    for answer in answers {
        let ok = &answer["ok"];
        let (given, again) = match answer["id"].as_u64() {
            Some(1) => (ok, again::<Vec<ChipReport>>(ok)),
            Some(2) => (ok, again::<Vec<LineReport>>(ok)),
            Some(3) => (ok, again::<Vec<LevelReport>>(ok)),
            Some(4) if ok.is_null() => (&answer["event"], again::<Event>(&answer["event"])),
            Some(4) => (ok, again::<Vec<MonitoredLine>>(ok)),
            _ => (ok, again::<Status>(ok)),
        };
        assert_eq!(*given, again);
    }
}

#[test]
fn a_refusal_is_status_1_and_with_json_an_object() {
    let refused = run("--json detect gpiochip9");
    assert_eq!((refused.status, refused.err.as_str()), (1, ""));
    let answer: Value = serde_json::from_str(&refused.out).unwrap();
    assert_eq!(answer["error"]["code"], "no-chip");
}

#[test]
fn a_daemon_that_is_not_there_is_status_3_with_the_remedy() {
    let (status, out, err) = run_at(Path::new("/no/such/control.sock"), "status");
    assert_eq!((status, out.as_str()), (3, ""));
    assert_eq!(
        err,
        "vgpioctl: error: cannot reach vgpiod at /no/such/control.sock; start it, or name its socket \
         with --control or VGPIO_CONTROL: No such file or directory (os error 2)\n"
    );
}

#[test]
fn a_daemon_that_goes_away_is_status_3() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let daemon = thread::spawn(move || drop(listener.accept().unwrap()));
    let (status, _, err) = run_at(&path, "status");
    daemon.join().unwrap();
    assert_eq!(status, 3, "{err}");
}
