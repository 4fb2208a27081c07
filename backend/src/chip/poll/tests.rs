// SPDX-License-Identifier: MIT OR Apache-2.0
#![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use vgpio_protocol::{Bias, Direction, Drive, EdgeDetection};
use vgpio_rcar::{Generation, Pull};

use super::*;
use crate::chip::LineInfo;
use crate::chip::sim::{SimBlock, SimChip, SimOptions};

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

/// A block without interrupts.
struct Blind(SimChip);

impl Chip for Blind {
    fn info(&self) -> &ChipInfo {
        self.0.info()
    }

    fn line(&self, offset: Offset) -> Result<LineInfo, ChipError> {
        self.0.line(offset)
    }

    fn request(
        &mut self,
        lines: &[(Offset, LineConfig)],
        consumer: &str,
    ) -> Result<Box<dyn Request>, ChipError> {
        if lines.iter().any(|(_, line)| line.needs_edges()) {
            return Err(ChipError::new(
                self.info(),
                Vec::new(),
                "cannot take lines",
                Cause::NoEdges,
            ));
        }
        self.0.request(lines, consumer)
    }
}

fn block() -> SimBlock {
    SimBlock::new(SimOptions {
        generation: Generation::Gen3,
        name: "sim0".into(),
        label: "blind".into(),
        names: Vec::new(),
    })
}

fn polled(block: &SimBlock, lines: &[(Offset, LineConfig)]) -> Polled {
    Polled::request(&mut Blind(block.chip()), lines, "test", PERIOD).unwrap()
}

/// Waits for edges.
fn edges(request: &mut dyn Request) -> Vec<ChipEdge> {
    let mut edges = Vec::with_capacity(8);
    while edges.is_empty() {
        let mut fds = [PollFd::new(request.event_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut fds, PollTimeout::from(DEADLINE_MS)).unwrap(), 1, "in time");
        assert_eq!(request.read_edges(&mut edges).unwrap(), 0);
    }
    edges
}

#[test]
fn lines_of_a_chip_without_edges_are_polled() {
    let block = block();
    let lines = [(3, WATCHED), (4, WATCHED)];
    let (mut request, period) =
        request_or_poll(&mut Blind(block.chip()), &lines, "test", PERIOD).unwrap();
    assert_eq!(period, Some(PERIOD));
    for (number, high) in (1..).zip([true, false, true]) {
        block.pull(4, if high { Pull::Up } else { Pull::Down }).unwrap();
        let edges = edges(request.as_mut());
        assert_eq!(edges.len(), 1);
        assert_eq!((edges[0].line, edges[0].active, edges[0].line_seqno), (1, high, number));
        assert!(edges[0].timestamp_ns <= now_ns());
    }
}

#[test]
fn a_chip_with_edges_is_not_polled() {
    let lines = [(3, WATCHED)];
    let requested = request_or_poll(&mut block().chip(), &lines, "test", PERIOD);
    assert_eq!(requested.unwrap().1, None);
}

#[test]
fn other_failures_are_not_polled_away() {
    let requested = request_or_poll(&mut block().chip(), &[(99, WATCHED)], "test", PERIOD);
    assert!(matches!(requested.err().unwrap().cause, Cause::NoLine { .. }));
}

#[test]
fn only_the_edges_asked_for_come() {
    let block = block();
    let falling = LineConfig { edges: EdgeDetection::Falling, ..WATCHED };
    let mut request = polled(&block, &[(3, falling), (4, WATCHED)]);
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
    let mut request = polled(&block, &[(3, LineConfig { debounce: Some(period), ..WATCHED })]);
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
    let mut request = polled(&block, &[(3, WATCHED)]);
    assert!(request.next.is_some());
    request.reconfigure(&[OUTPUT]).unwrap();
    assert!(request.next.is_none());
    request.set(1, 1).unwrap();
    assert!(block.level(3).unwrap());
    request.reconfigure(&[WATCHED]).unwrap();
    block.pull(3, Pull::Down).unwrap();
    assert!(!edges(&mut request)[0].active);
}

#[test]
fn the_next_reading_is_a_period_after_the_last() {
    let block = block();
    let mut request = polled(&block, &[(3, WATCHED)]);
    block.pull(3, Pull::Up).unwrap();
    let read = edges(&mut request)[0].timestamp_ns;
    assert_eq!(request.next, Some(read + nanoseconds(PERIOD)));
}

#[test]
fn a_line_left_as_it_is_stays_watched() {
    let block = block();
    let mut request = polled(&block, &[(3, WATCHED), (4, WATCHED)]);
    request.reconfigure(&[LineConfig { direction: None, ..WATCHED }, OUTPUT]).unwrap();
    block.pull(3, Pull::Up).unwrap();
    assert!(edges(&mut request)[0].active);
}

#[test]
fn more_edges_than_there_is_room_for_come_later() {
    let block = block();
    let lines: Vec<_> = (0..3).map(|line| (line, WATCHED)).collect();
    let mut request = polled(&block, &lines);
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
    let mut request = polled(&block, &[(3, OUTPUT)]);
    block.unplug();
    let mut fds = [PollFd::new(request.event_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut fds, PollTimeout::from(DEADLINE_MS)).unwrap(), 1);
    let gone = request.read_edges(&mut Vec::with_capacity(1));
    assert!(matches!(gone.unwrap_err().cause, Cause::Gone));
}
