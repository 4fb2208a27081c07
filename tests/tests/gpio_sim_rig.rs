// SPDX-License-Identifier: MIT OR Apache-2.0
//! Proves the rig itself: the kernel's gpio-sim and character device behave in user-mode Linux as on hardware.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::fs::{File, OpenOptions};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use gpiocdev::Request;
use gpiocdev::line::{EdgeDetection, EdgeEvent, EdgeKind, Value};
use gpiocdev::request::EdgeEventBuffer;
use gpiosim::{Bank, Level, Sim};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

const LABEL: &str = "e6055400.gpio";
const LINES: u32 = 32;
/// No step of these tests takes longer unless it hangs.
const DEADLINE: Duration = Duration::from_secs(20);

fn bank() -> Sim {
    gpiosim::builder().with_bank(&Bank::new(LINES, LABEL)).live().unwrap()
}

fn chip(sim: &Sim) -> &gpiosim::Chip {
    &sim.chips()[0]
}

fn both_edges(sim: &Sim, offset: u32) -> Request {
    Request::builder()
        .on_chip(chip(sim).dev_path())
        .with_consumer("rig")
        .with_line(offset)
        .as_input()
        .with_edge_detection(EdgeDetection::BothEdges)
        .with_kernel_event_buffer_size(1024)
        .request()
        .unwrap()
}

/// Reads through gpiocdev's buffer, and waits only when it is empty: in gpiocdev 0.8.0 without the feature `uapi_v1`,
/// `Request::read_edge_event` reads up to eight events and returns the first, and `EdgeEventBuffer::wait_event`
/// waits for the kernel though the buffer holds events.
fn next_edge(request: &Request, events: &mut EdgeEventBuffer<'_>) -> EdgeEvent {
    if events.is_empty() {
        assert!(request.wait_edge_event(DEADLINE).unwrap(), "no edge before the deadline");
    }
    events.read_event().unwrap()
}

/// The sysfs file through which the outside world pulls a line, held open for speed.
fn pull_file(sim: &Sim, offset: u32) -> File {
    let chip = chip(sim);
    let path =
        format!("/sys/devices/platform/{}/{}/sim_gpio{offset}/pull", chip.dev_name, chip.chip_name);
    OpenOptions::new().write(true).open(path).unwrap()
}

/// The edge that pull number `index` causes, when pulls alternate and the first is up.
fn expected(index: u32) -> (Level, EdgeKind) {
    if index.is_multiple_of(2) {
        (Level::High, EdgeKind::Rising)
    } else {
        (Level::Low, EdgeKind::Falling)
    }
}

#[test]
fn a_bank_is_found_by_label_with_all_its_lines() {
    let sim = bank();
    let info = gpiocdev::Chip::from_path(chip(&sim).dev_path()).unwrap().info().unwrap();
    assert_eq!((info.label.as_str(), info.num_lines), (LABEL, LINES));
}

#[test]
fn an_output_is_seen_in_sysfs() {
    let sim = bank();
    let request = Request::builder()
        .on_chip(chip(&sim).dev_path())
        .with_line(11)
        .as_output(Value::Inactive)
        .request()
        .unwrap();
    for (value, level) in [(Value::Active, Level::High), (Value::Inactive, Level::Low)] {
        request.set_value(11, value).unwrap();
        assert_eq!(chip(&sim).get_level(11).unwrap(), level);
    }
}

#[test]
fn a_thousand_pulls_one_by_one_are_a_thousand_edges() {
    let sim = bank();
    let request = both_edges(&sim, 3);
    let mut events = request.new_edge_event_buffer(1);
    let (mut last_timestamp, started) = (0, Instant::now());
    for index in 0..1000 {
        let (pull, kind) = expected(index);
        chip(&sim).set_pull(3, pull).unwrap();
        let edge = next_edge(&request, &mut events);
        assert_eq!((edge.kind, edge.line_seqno), (kind, index + 1));
        assert!(edge.timestamp_ns > last_timestamp, "kernel timestamps grow");
        last_timestamp = edge.timestamp_ns;
    }
    println!("one by one: {:.0} edges/s", 1000.0 / started.elapsed().as_secs_f64());
}

#[test]
fn a_burst_of_a_thousand_pulls_is_a_thousand_edges() {
    let sim = bank();
    let request = both_edges(&sim, 31);
    let pull = pull_file(&sim, 31);
    let started = Instant::now();
    for index in 0..1000 {
        let text: &[u8] = if index % 2 == 0 { b"pull-up" } else { b"pull-down" };
        pull.write_all_at(text, 0).unwrap();
    }
    println!("burst: {:.0} pulls/s", 1000.0 / started.elapsed().as_secs_f64());
    let mut events = request.new_edge_event_buffer(64);
    for index in 0..1000 {
        let edge = next_edge(&request, &mut events);
        assert_eq!((edge.kind, edge.line_seqno), (expected(index).1, index + 1));
    }
    assert!(!events.has_event().unwrap());
}

#[test]
fn all_lines_of_several_banks_deliver_edges() {
    let banks: Vec<Sim> = (0..3)
        .map(|index| {
            gpiosim::builder().with_bank(&Bank::new(LINES, format!("bank{index}"))).live().unwrap()
        })
        .collect();
    for sim in &banks {
        let requests: Vec<Request> = (0..LINES).map(|offset| both_edges(sim, offset)).collect();
        for (offset, request) in (0..LINES).zip(&requests) {
            chip(sim).pullup(offset).unwrap();
            let edge = next_edge(request, &mut request.new_edge_event_buffer(1));
            assert_eq!((edge.offset, edge.kind), (offset, EdgeKind::Rising));
        }
    }
}

#[test]
fn removal_of_the_chip_wakes_a_held_request() {
    let sim = bank();
    let request = both_edges(&sim, 0);
    drop(sim);
    let mut events = [PollFd::new(request.as_fd(), PollFlags::POLLIN)];
    let ready = poll(&mut events, PollTimeout::try_from(DEADLINE).unwrap()).unwrap();
    assert_eq!(ready, 1, "poll returned before the deadline");
    let flags = events[0].revents().unwrap();
    assert!(flags.intersects(PollFlags::POLLERR | PollFlags::POLLHUP), "{flags:?}");
    assert!(request.value(0).is_err());
}
