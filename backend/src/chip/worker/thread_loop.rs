// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the worker's thread does.

use std::collections::HashMap;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TryRecvError};
use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use nix::errno::Errno;

use super::{Completion, JOBS_TOKEN, Job, Outcome, Report};
use crate::chip::{Cause, Chip, ChipEdge, ChipError, Lent, LineConfig, Request, are_free};

/// Jobs done before edges are looked for again.
const JOBS_AT_ONCE: usize = 16;

/// Edges told at once.
const EDGES_AT_ONCE: usize = 64;

/// Nobody can send jobs any more, and all are done.
struct Ended;

/// The thread's state.
pub struct Loop {
    chip: Box<dyn Chip>,
    requests: HashMap<usize, Lent>,
    poll: Poll,
    jobs: Receiver<Job>,
    reports: Sender<Report>,
    waker: Arc<Waker>,
}

impl Loop {
    pub fn new(
        chip: Box<dyn Chip>,
        poll: Poll,
        jobs: Receiver<Job>,
        reports: Sender<Report>,
        waker: Arc<Waker>,
    ) -> Self {
        Self { chip, requests: HashMap::new(), poll, jobs, reports, waker }
    }

    /// Works until the other side is gone.
    pub fn run(mut self) {
        let mut events = Events::with_capacity(64);
        let mut more = false;
        loop {
            let timeout = more.then_some(std::time::Duration::ZERO);
            match self.poll.poll(&mut events, timeout) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    log::error!("gpiochip {}: cannot wait: {error}", self.chip.info().label);
                    return;
                }
            }
            let ready = events.iter().map(Event::token).filter(|token| *token != JOBS_TOKEN);
            for Token(key) in ready.collect::<Vec<_>>() {
                self.tell_edges(key);
            }
            match self.do_jobs() {
                Ok(left) => more = left,
                Err(Ended) => return,
            }
        }
    }

    /// Does some jobs; returns whether more wait.
    fn do_jobs(&mut self) -> Result<bool, Ended> {
        for _ in 0..JOBS_AT_ONCE {
            match self.jobs.try_recv() {
                Ok(job) => {
                    let (ticket, result) = self.do_job(job);
                    let outcome = result.unwrap_or_else(Outcome::Failed);
                    self.report(Report::Completed(Completion { ticket, outcome }));
                }
                Err(TryRecvError::Empty) => return Ok(false),
                Err(TryRecvError::Disconnected) => return Err(Ended),
            }
        }
        Ok(true)
    }

    fn do_job(&mut self, job: Job) -> (u64, Result<Outcome, ChipError>) {
        match job {
            Job::Request { ticket, key, lines, consumer, poll, left, closing } => {
                let chip = self.chip.as_mut();
                // Who is still in the way is named by the refusal.
                let _ = are_free(chip, &closing);
                let lent = match left {
                    Some(left) => Lent::adopt(chip, left, &lines, poll),
                    None => Lent::request(chip, &lines, &consumer, poll),
                };
                let held = lent.and_then(|lent| {
                    self.watch(key, &lent)?;
                    let (polled, shared) = (lent.polled(), lent.share());
                    self.requests.insert(key, lent);
                    Ok(Outcome::Held { polled, shared })
                });
                (ticket, held)
            }
            Job::Set { ticket, key, mask, bits } => {
                let set = self.lent(key).and_then(|lent| lent.set(mask, bits));
                (ticket, set.map(|()| Outcome::Ok(0)))
            }
            Job::Get { ticket, key, mask } => {
                let levels = self.lent(key).and_then(|lent| lent.get(mask));
                (ticket, levels.map(Outcome::Ok))
            }
            Job::Reconfigure { ticket, key, lines } => (ticket, self.reconfigure(key, &lines)),
            Job::Release { ticket, key } => {
                self.requests.remove(&key);
                (ticket, Ok(Outcome::Ok(0)))
            }
        }
    }

    fn lent(&mut self, key: usize) -> Result<&mut Lent, ChipError> {
        let Self { chip, requests, .. } = self;
        requests.get_mut(&key).ok_or_else(|| {
            let cause = Cause::Host(Errno::EBADF.into());
            ChipError::new(chip.info(), Vec::new(), "cannot use lines that are not held", cause)
        })
    }

    fn reconfigure(&mut self, key: usize, lines: &[LineConfig]) -> Result<Outcome, ChipError> {
        let lent = self.lent(key)?;
        let before = lent.polled();
        let missed = lent.reconfigure(lines)?;
        let polled = lent.polled();
        if polled != before
            && let Some(lent) = self.requests.get(&key)
        {
            self.watch(key, lent)?;
        }
        Ok(Outcome::Configured { polled, missed })
    }

    /// Closing the request's descriptor ends it.
    fn watch(&self, key: usize, lent: &Lent) -> Result<(), ChipError> {
        let fd = lent.event_fd().as_raw_fd();
        let registry = self.poll.registry();
        registry.register(&mut SourceFd(&fd), Token(key), Interest::READABLE).map_err(|error| {
            let cause = Cause::Host(error);
            ChipError::new(self.chip.info(), Vec::new(), "cannot watch lines", cause)
        })
    }

    /// Tells all edges that there are.
    fn tell_edges(&mut self, key: usize) {
        while let Some(lent) = self.requests.get_mut(&key) {
            let mut edges: Vec<ChipEdge> = Vec::with_capacity(EDGES_AT_ONCE);
            match lent.read_edges(&mut edges) {
                Ok(0) if edges.is_empty() => break,
                Ok(lost) => self.report(Report::Edges { key, edges, lost }),
                Err(error) => {
                    self.report(Report::Unread { key, error });
                    break;
                }
            }
        }
    }

    /// Waits while too much is to be heard already. Jobs are done also when nobody hears of them
    /// any more: safe states are among them.
    fn report(&self, report: Report) {
        if self.reports.send(report).is_err() {
            return;
        }
        if let Err(error) = self.waker.wake() {
            log::error!("gpiochip {}: cannot wake: {error}", self.chip.info().label);
        }
    }
}
