// SPDX-License-Identifier: MIT OR Apache-2.0
#![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

use std::time::Instant;

use mio::Events;
use vgpio_protocol::{Bias, Direction, Drive, EdgeDetection};
use vgpio_rcar::Generation;

use super::*;
use crate::chip::blind::Blind;
use crate::chip::sim::{SimBlock, SimChip, SimOptions};

const DEADLINE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

const INPUT: LineConfig = LineConfig {
    direction: Some(Direction::Input),
    active: false,
    active_low: false,
    bias: Bias::AsIs,
    drive: Drive::PushPull,
    edges: EdgeDetection::Both,
    debounce: None,
};
const OUTPUT: LineConfig = LineConfig { direction: Some(Direction::Output), ..INPUT };

/// A worker on a block of which lines 0 and 1 are wired.
struct Fixture {
    worker: Worker,
    poll: Poll,
}

impl Fixture {
    fn new() -> Self {
        Self::of(|chip| Box::new(chip))
    }

    fn of(make: fn(SimChip) -> Box<dyn Chip>) -> Self {
        let poll = Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
        let open = move || {
            let block = SimBlock::new(SimOptions {
                generation: Generation::Gen3,
                name: "sim0".into(),
                label: "slow".into(),
                names: Vec::new(),
            });
            block.wire(0, 1)?;
            Ok(make(block.chip()))
        };
        Self { worker: Worker::spawn("slow", open, waker).unwrap(), poll }
    }

    /// Reports until one is the last.
    fn reports(&mut self, is_last: impl Fn(&Report) -> bool) -> Vec<Report> {
        let (mut reports, mut events) = (Vec::new(), Events::with_capacity(1));
        let end = Instant::now() + DEADLINE;
        while !reports.last().is_some_and(&is_last) {
            let left = end.checked_duration_since(Instant::now()).expect("reports come in time");
            self.poll.poll(&mut events, Some(left)).unwrap();
            reports.extend(self.worker.reports());
        }
        reports
    }

    fn run(&mut self, job: Job) -> Outcome {
        self.worker.try_send(job).unwrap();
        let mut reports = self.reports(|report| matches!(report, Report::Completed(_)));
        match reports.pop() {
            Some(Report::Completed(completion)) => completion.outcome,
            other => panic!("not a completion: {other:?}"),
        }
    }

    fn take(&mut self, key: usize, lines: &[(Offset, LineConfig)]) -> Outcome {
        let (lines, consumer) = (lines.to_vec(), "test".to_owned());
        self.run(Job::Request {
            ticket: 0,
            key,
            lines,
            consumer,
            poll: POLL,
            left: None,
            closing: Vec::new(),
        })
    }
}

#[test]
fn jobs_are_done_in_order_and_tell_their_tickets() {
    let mut fixture = Fixture::new();
    assert!(matches!(fixture.take(7, &[(0, OUTPUT)]), Outcome::Held { polled: None, .. }));
    for ticket in 1..=100 {
        let job = Job::Set { ticket, key: 7, mask: 1, bits: ticket & 1 };
        fixture.worker.try_send(job).unwrap();
    }
    fixture.worker.try_send(Job::Get { ticket: 101, key: 7, mask: 1 }).unwrap();
    let last = |report: &Report| matches!(report, Report::Completed(c) if c.ticket == 101);
    let reports = fixture.reports(last);
    let tickets: Vec<_> = reports
        .iter()
        .map(|report| match report {
            Report::Completed(Completion { ticket, outcome: Outcome::Ok(levels) }) => {
                (*ticket, *levels)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(tickets, (1..=101).map(|ticket| (ticket, 0)).collect::<Vec<_>>());
}

#[test]
fn edges_come_unasked() {
    let mut fixture = Fixture::new();
    fixture.take(1, &[(0, OUTPUT)]);
    fixture.take(2, &[(1, INPUT)]);
    for level in [true, false, true, false] {
        let set = Job::Set { ticket: 9, key: 1, mask: 1, bits: level.into() };
        fixture.worker.try_send(set).unwrap();
        match fixture.reports(|report| matches!(report, Report::Edges { .. })).last() {
            Some(Report::Edges { key: 2, edges, lost: 0 }) => {
                let edges: Vec<_> = edges.iter().map(|edge| (edge.line, edge.active)).collect();
                assert_eq!(edges, [(0, level)]);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_output_that_becomes_an_input_of_a_chip_without_edges_is_polled() {
    let mut fixture = Fixture::of(|chip| Box::new(Blind::new(chip)));
    fixture.take(1, &[(0, OUTPUT)]);
    assert!(matches!(fixture.take(2, &[(1, OUTPUT)]), Outcome::Held { polled: None, .. }));
    let input = Job::Reconfigure { ticket: 0, key: 2, lines: vec![INPUT] };
    let done = fixture.run(input);
    assert!(matches!(done, Outcome::Configured { polled: Some(POLL), missed: 0 }), "{done:?}");
    fixture.worker.try_send(Job::Set { ticket: 0, key: 1, mask: 1, bits: 1 }).unwrap();
    match fixture.reports(|report| matches!(report, Report::Edges { .. })).last() {
        Some(Report::Edges { key: 2, edges, lost: 0 }) => assert!(edges[0].active),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_fails_is_told_with_its_reason() {
    let mut fixture = Fixture::new();
    fixture.take(1, &[(3, OUTPUT)]);
    match fixture.take(2, &[(3, INPUT)]) {
        Outcome::Failed(ChipError { offsets, cause: Cause::Busy { consumer }, .. }) => {
            assert_eq!((offsets, consumer.as_str()), (vec![3], "test"));
        }
        other => panic!("{other:?}"),
    }
    let get = Job::Get { ticket: 0, key: 2, mask: 1 };
    assert!(matches!(fixture.run(get), Outcome::Failed(_)));
}

#[test]
fn released_lines_can_be_taken_again() {
    let mut fixture = Fixture::new();
    fixture.take(1, &[(3, OUTPUT)]);
    assert!(matches!(fixture.run(Job::Release { ticket: 0, key: 1 }), Outcome::Ok(0)));
    assert!(matches!(fixture.take(1, &[(3, INPUT)]), Outcome::Held { .. }));
}

#[test]
fn a_chip_that_cannot_be_opened_is_an_error() {
    let poll = Poll::new().unwrap();
    let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
    let open =
        || crate::chip::cdev::open("no-such-chip").map(|chip| Box::new(chip) as Box<dyn Chip>);
    let error = Worker::spawn("none", open, waker).unwrap_err();
    assert!(matches!(error.cause, Cause::NoChip { .. }), "{error:?}");
}

/// Keeps the worker busy.
struct Waits(ChipInfo, Receiver<()>);
impl Chip for Waits {
    fn info(&self) -> &ChipInfo {
        &self.0
    }
    fn line(&self, _: Offset) -> Result<crate::chip::LineInfo, ChipError> {
        Err(ChipError::new(&self.0, Vec::new(), "never", Cause::Gone))
    }
    fn request(
        &mut self,
        _: &[(Offset, LineConfig)],
        _: &str,
    ) -> Result<Box<dyn crate::chip::Request>, ChipError> {
        let _ = self.1.recv();
        Err(ChipError::new(&self.0, Vec::new(), "late", Cause::Gone))
    }
}

#[test]
fn too_many_jobs_are_refused() {
    let poll = Poll::new().unwrap();
    let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
    let (go, gone) = bounded::<()>(0);
    let info = ChipInfo { name: "waits".into(), label: "waits".into(), lines: 0 };
    let worker =
        Worker::spawn("waits", || Ok(Box::new(Waits(info, gone)) as Box<dyn Chip>), waker).unwrap();
    let job = || Job::Request {
        ticket: 0,
        key: 0,
        lines: Vec::new(),
        consumer: String::new(),
        poll: POLL,
        left: None,
        closing: Vec::new(),
    };
    let sent = (0..JOBS + 2).take_while(|_| worker.try_send(job()).is_ok()).count();
    // One more than wait, if the worker has taken the first already.
    assert!((JOBS..=JOBS + 1).contains(&sent), "{sent}");
    drop(go);
}
