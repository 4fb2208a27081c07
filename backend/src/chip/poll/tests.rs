// SPDX-License-Identifier: MIT OR Apache-2.0
#![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

use std::cell::Cell;
use std::rc::Rc;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use vgpio_protocol::{Bias, Direction, Drive, EdgeDetection};
use vgpio_rcar::{Generation, Pull};

use super::*;
use crate::chip::Lent;
use crate::chip::blind::Blind;
use crate::chip::sim::{SimBlock, SimOptions};

const PERIOD: Duration = Duration::from_millis(1);
const DEADLINE_MS: u16 = 10_000;

const WATCHED: LineConfig = LineConfig {
    direction: Some(Direction::Input),
    active: false,
    active_low: false,
    bias: Bias::AsIs,
    drive: Drive::PushPull,
    edges: EdgeDetection::Both,
    debounce: None,
};
const OUTPUT: LineConfig = LineConfig { direction: Some(Direction::Output), ..WATCHED };

fn block() -> SimBlock {
    SimBlock::new(SimOptions {
        generation: Generation::Gen3,
        name: "sim0".into(),
        label: "blind".into(),
        names: Vec::new(),
    })
}

fn lent(block: &SimBlock, lines: &[(Offset, LineConfig)]) -> Lent {
    breakable(block, lines).0
}

/// Lines, and what breaks them.
fn breakable(block: &SimBlock, lines: &[(Offset, LineConfig)]) -> (Lent, Rc<Cell<bool>>) {
    let mut chip = Blind::new(block.chip());
    (Lent::request(&mut chip, lines, "test", PERIOD).unwrap(), chip.broken)
}

/// Waits until there is something to be read.
fn wait(request: &Lent) {
    let mut fds = [PollFd::new(request.event_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut fds, PollTimeout::from(DEADLINE_MS)).unwrap(), 1, "in time");
}

/// When the levels are read next.
fn next(request: &Lent) -> Option<u64> {
    request.polling().and_then(|polling| polling.next)
}

/// Waits for edges.
fn edges(request: &mut Lent) -> Vec<ChipEdge> {
    let mut edges = Vec::with_capacity(8);
    let end = now_ns() + u64::from(DEADLINE_MS) * 1_000_000;
    while edges.is_empty() {
        assert!(now_ns() < end, "not in time");
        wait(request);
        assert_eq!(request.read_edges(&mut edges).unwrap(), 0);
    }
    edges
}

#[test]
fn lines_of_a_chip_without_edges_are_polled() {
    let block = block();
    let mut request = lent(&block, &[(3, WATCHED), (4, WATCHED)]);
    assert_eq!(request.polled(), Some(PERIOD));
    for (number, high) in (1..).zip([true, false, true]) {
        block.pull(4, if high { Pull::Up } else { Pull::Down }).unwrap();
        let edges = edges(&mut request);
        assert_eq!(edges.len(), 1);
        assert_eq!((edges[0].line, edges[0].active, edges[0].line_seqno), (1, high, number));
        assert!(edges[0].timestamp_ns <= now_ns());
    }
}

#[test]
fn a_chip_with_edges_is_not_polled() {
    let lines = [(3, WATCHED)];
    let requested = Lent::request(&mut block().chip(), &lines, "test", PERIOD);
    assert_eq!(requested.unwrap().polled(), None);
}

#[test]
fn other_failures_are_not_polled_away() {
    let requested = Lent::request(&mut block().chip(), &[(99, WATCHED)], "test", PERIOD);
    assert!(matches!(requested.err().unwrap().cause, Cause::NoLine { .. }));
}

#[test]
fn only_the_edges_asked_for_come() {
    let block = block();
    let falling = LineConfig { edges: EdgeDetection::Falling, ..WATCHED };
    let mut request = lent(&block, &[(3, falling), (4, WATCHED)]);
    block.pull(3, Pull::Up).unwrap();
    block.pull(4, Pull::Up).unwrap();
    assert_eq!(edges(&mut request).iter().map(|edge| edge.line).collect::<Vec<_>>(), [1]);
    block.pull(3, Pull::Down).unwrap();
    let edge = edges(&mut request)[0];
    assert_eq!((edge.line, edge.active, edge.line_seqno), (0, false, 1));
}

#[test]
fn a_debounced_level_counts_once_it_has_lasted() {
    let block = block();
    let period = Duration::from_millis(20);
    let mut request = lent(&block, &[(3, LineConfig { debounce: Some(period), ..WATCHED })]);
    let start = now_ns();
    block.pull(3, Pull::Up).unwrap();
    assert_eq!(request.get(1).unwrap(), 0);
    let edge = edges(&mut request)[0];
    assert!(edge.active && edge.timestamp_ns - start >= 20_000_000, "{edge:?}");
    assert_eq!(request.get(1).unwrap(), 1);
}

#[test]
fn what_nobody_watches_is_not_read() {
    let block = block();
    let mut request = lent(&block, &[(3, WATCHED)]);
    assert!(next(&request).is_some());
    request.reconfigure(&[OUTPUT]).unwrap();
    assert!(next(&request).is_none());
    request.set(1, 1).unwrap();
    assert!(block.level(3).unwrap());
    request.reconfigure(&[WATCHED]).unwrap();
    block.pull(3, Pull::Down).unwrap();
    assert!(!edges(&mut request)[0].active);
}

#[test]
fn the_next_reading_is_a_period_after_the_last() {
    let block = block();
    let mut request = lent(&block, &[(3, WATCHED)]);
    block.pull(3, Pull::Up).unwrap();
    let read = edges(&mut request)[0].timestamp_ns;
    assert_eq!(next(&request), Some(read + nanoseconds(PERIOD)));
}

#[test]
fn a_line_left_as_it_is_stays_watched() {
    let block = block();
    let mut request = lent(&block, &[(3, WATCHED), (4, WATCHED)]);
    request.reconfigure(&[LineConfig { direction: None, ..WATCHED }, OUTPUT]).unwrap();
    block.pull(3, Pull::Up).unwrap();
    assert!(edges(&mut request)[0].active);
}

#[test]
fn more_edges_than_there_is_room_for_come_later() {
    let block = block();
    let lines: Vec<_> = (0..3).map(|line| (line, WATCHED)).collect();
    let mut request = lent(&block, &lines);
    (0..3).for_each(|line| block.pull(line, Pull::Up).unwrap());
    let mut all = edges(&mut request);
    while all.len() < 3 {
        let mut one = Vec::with_capacity(1);
        request.read_edges(&mut one).unwrap();
        all.extend(one);
    }
    assert_eq!(all.iter().map(|edge| edge.line).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn removal_is_noticed_even_when_nothing_is_read() {
    let block = block();
    let mut request = lent(&block, &[(3, WATCHED)]);
    request.reconfigure(&[OUTPUT]).unwrap();
    block.unplug();
    wait(&request);
    let gone = request.read_edges(&mut Vec::with_capacity(1));
    assert!(matches!(gone.unwrap_err().cause, Cause::Gone));
}

#[test]
fn an_output_that_becomes_an_input_is_polled_from_then_on() {
    let block = block();
    let mut request = lent(&block, &[(3, OUTPUT), (4, OUTPUT)]);
    assert_eq!(request.polled(), None);
    request.reconfigure(&[WATCHED, OUTPUT]).unwrap();
    assert_eq!(request.polled(), Some(PERIOD));
    block.pull(3, Pull::Up).unwrap();
    let edge = edges(&mut request)[0];
    assert_eq!((edge.line, edge.active), (0, true));
    request.set(0b10, 0b10).unwrap();
    assert!(block.level(4).unwrap());
}

#[test]
fn reading_goes_on_after_a_failure_which_is_told_once() {
    let block = block();
    let (mut request, broken) = breakable(&block, &[(3, WATCHED)]);
    for _ in 0..2 {
        broken.set(true);
        let mut none = Vec::with_capacity(1);
        let due = next(&request);
        wait(&request);
        assert!(matches!(request.read_edges(&mut none).unwrap_err().cause, Cause::Host(_)));
        assert!(next(&request) > due);
        wait(&request);
        assert_eq!(request.read_edges(&mut none).unwrap(), 0);
        assert!(none.is_empty());
        broken.set(false);
        let high = !block.level(3).unwrap();
        block.pull(3, if high { Pull::Up } else { Pull::Down }).unwrap();
        assert_eq!(edges(&mut request)[0].active, high);
    }
}

#[test]
fn a_change_while_other_lines_get_settings_is_told() {
    let block = block();
    let debounced = LineConfig { debounce: Some(PERIOD), ..WATCHED };
    let mut request = lent(&block, &[(3, WATCHED), (4, debounced), (5, OUTPUT)]);
    block.pull(3, Pull::Up).unwrap();
    block.pull(4, Pull::Up).unwrap();
    request.reconfigure(&[WATCHED, debounced, WATCHED]).unwrap();
    let mut told = edges(&mut request);
    if told.len() < 2 {
        told.extend(edges(&mut request));
    }
    let told: Vec<_> = told.iter().map(|edge| (edge.line, edge.active)).collect();
    assert_eq!(told, [(0, true), (1, true)]);
}
