// SPDX-License-Identifier: MIT OR Apache-2.0
#![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use vgpio_protocol::{Bias, Direction, Drive, EdgeDetection};
use vgpio_rcar::Pull;

use super::*;

const INPUT: LineConfig = LineConfig {
    direction: Some(Direction::Input),
    active: false,
    active_low: false,
    bias: Bias::AsIs,
    drive: Drive::PushPull,
    edges: EdgeDetection::None,
    debounce: None,
};
const OUTPUT: LineConfig = LineConfig { direction: Some(Direction::Output), ..INPUT };
const HIGH: LineConfig = LineConfig { active: true, ..OUTPUT };

fn block() -> SimBlock {
    SimBlock::new(SimOptions {
        generation: Generation::Gen3,
        name: "sim0".into(),
        label: "e6055400.gpio".into(),
        names: Vec::new(),
    })
}

fn take(block: &SimBlock, line: Offset, config: LineConfig) -> Box<dyn Request> {
    block.chip().request(&[(line, config)], "test").unwrap()
}

/// Offset, level and direction of each change.
fn seen(observer: &Observer) -> Vec<(Offset, bool, bool)> {
    let mut changes = Vec::with_capacity(64);
    assert_eq!(observer.read(&mut changes), 0);
    changes.iter().map(|change| (change.offset, change.high, change.output)).collect()
}

#[test]
fn an_output_that_begins_high_shows_no_low() {
    let block = block();
    block.pull(3, Pull::Up).unwrap();
    let observer = block.observe().unwrap();
    let held = take(&block, 3, HIGH);
    assert_eq!(seen(&observer), [(3, true, true)]);
    drop(held);
    assert_eq!(seen(&observer), [(3, true, false)]);
}

#[test]
fn an_input_does_not_drive() {
    let block = block();
    let observer = block.observe().unwrap();
    take(&block, 3, LineConfig { active: true, edges: EdgeDetection::Both, ..INPUT });
    assert_eq!(seen(&observer), []);
}

#[test]
fn observers_see_changes_and_are_woken() {
    let block = block();
    let mut held = take(&block, 3, OUTPUT);
    let observers = [block.observe().unwrap(), block.observe().unwrap()];
    let ready = |observer: &Observer| {
        let mut fds = [PollFd::new(observer.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO).unwrap() == 1
    };
    assert!(!observers.iter().any(ready));
    held.set(1, 1).unwrap();
    block.drive(7, Some(true)).unwrap();
    for observer in &observers {
        assert!(ready(observer));
        assert_eq!(seen(observer), [(3, true, true), (7, true, false)]);
        assert!(!ready(observer));
    }
}

#[test]
fn all_lines_of_a_set_change_at_once() {
    let block = block();
    let lines: Vec<_> = (0..8).map(|line| (line, OUTPUT)).collect();
    let mut held = block.chip().request(&lines, "test").unwrap();
    let observer = block.observe().unwrap();
    held.set(0xff, 0xff).unwrap();
    let mut changes = Vec::with_capacity(64);
    observer.read(&mut changes);
    assert_eq!(changes.len(), 8);
    assert!(changes.iter().all(|change| change.timestamp_ns == changes[0].timestamp_ns));
}

#[test]
fn drivers_against_each_other_are_reported() {
    let block = block();
    let mut held = take(&block, 3, HIGH);
    let observer = block.observe().unwrap();
    block.drive(3, Some(false)).unwrap();
    let mut changes = Vec::with_capacity(4);
    observer.read(&mut changes);
    assert!(changes[0].contended && !changes[0].high, "{changes:?}");
    let fights = block.contentions();
    assert_eq!((fights[0].net, fights[0].high.chip, fights[0].low.outside), (8, 8, 8));
    assert_eq!(block.outside(3).unwrap(), Some(false));
    held.set(1, 0).unwrap();
    assert!(block.contentions().is_empty());
    block.drive(3, Some(true)).unwrap();
    assert_eq!((block.outside(3).unwrap(), block.level(3).unwrap()), (Some(true), false));
    block.drive(3, None).unwrap();
    assert_eq!(block.outside(3).unwrap(), None);
}

#[test]
fn an_edge_goes_from_an_output_through_a_wire_to_an_input() {
    let block = block();
    block.wire(1, 2).unwrap();
    let mut output = take(&block, 1, OUTPUT);
    let mut input = take(&block, 2, LineConfig { edges: EdgeDetection::Both, ..INPUT });
    output.set(1, 1).unwrap();
    block.unwire(1, 2).unwrap();
    output.set(1, 0).unwrap();
    let mut edges = Vec::with_capacity(4);
    assert_eq!(input.read_edges(&mut edges).unwrap(), 0);
    // The pad that nothing drives any more keeps its level.
    assert_eq!(edges.iter().map(|edge| edge.active).collect::<Vec<_>>(), [true]);
}

#[test]
fn lines_given_back_become_inputs() {
    let block = block();
    drop(take(&block, 3, HIGH));
    assert_eq!(block.outputs(), 0);
    assert_eq!(block.chip().line(3).unwrap().direction, Direction::Input);
}

#[test]
fn a_chip_that_is_back_knows_no_old_holders() {
    let block = block();
    let mut old = take(&block, 3, HIGH);
    block.unplug();
    assert_eq!(block.outputs(), 0);
    block.plug();
    let mut new = take(&block, 3, OUTPUT);
    assert!(matches!(old.set(1, 1).unwrap_err().cause, Cause::Gone));
    drop(old);
    new.set(1, 1).unwrap();
    assert!(block.level(3).unwrap());
    assert_eq!(block.chip().line(3).unwrap().consumer.as_deref(), Some("test"));
}

#[test]
fn a_debounced_level_is_read_and_reported_late() {
    let block = block();
    let config = LineConfig {
        edges: EdgeDetection::Rising,
        debounce: Some(std::time::Duration::from_millis(20)),
        ..INPUT
    };
    let mut held = take(&block, 3, config);
    block.pull(3, Pull::Up).unwrap();
    assert_eq!(held.get(1).unwrap(), 0);
    let mut fds = [PollFd::new(held.event_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut fds, PollTimeout::from(10_000_u16)).unwrap(), 1);
    assert_eq!(held.get(1).unwrap(), 1);
    let mut edges = Vec::with_capacity(4);
    held.read_edges(&mut edges).unwrap();
    assert_eq!(
        edges.iter().map(|edge| (edge.active, edge.line_seqno)).collect::<Vec<_>>(),
        [(true, 1)]
    );
    let mut fds = [PollFd::new(held.event_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut fds, PollTimeout::ZERO).unwrap(), 0);
}
