// SPDX-License-Identifier: MIT OR Apache-2.0
//! A thread of its own for a chip whose operations can sleep, so that it delays nobody else.
//!
//! ```text
//!   event loop  --- try_send(Job) --->  worker: Chip, its Requests
//!        ^                                  |
//!        +--- waker, reports() <------------+
//! ```

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use mio::{Poll, Token, Waker};

use super::{Cause, Chip, ChipEdge, ChipError, ChipInfo, LineConfig, Offset};

mod thread_loop;

use thread_loop::Loop;

/// Jobs that may wait; one more is refused.
const JOBS: usize = 256;

/// Reports that may wait; then the worker waits, and the kernel keeps the edges.
const REPORTS: usize = 1024;

/// What a worker is asked to do. The caller chooses tickets and keys: a ticket comes back with
/// the completion, a key names the lines of a request from then on.
#[derive(Debug)]
pub enum Job {
    /// Takes lines, polled every `poll` if the chip cannot detect their edges.
    Request {
        /// Names the job.
        ticket: u64,
        /// Will name the lines.
        key: usize,
        /// The lines.
        lines: Vec<(Offset, LineConfig)>,
        /// Who holds them.
        consumer: String,
        /// Period of polling.
        poll: Duration,
        /// What another process has requested them by, if they are to be taken over.
        left: Option<OwnedFd>,
        /// Those of them that another process may hold yet for this one, and is about to close.
        closing: Vec<Offset>,
    },
    /// Sets outputs.
    Set {
        /// Names the job.
        ticket: u64,
        /// Which lines.
        key: usize,
        /// Which of them.
        mask: u64,
        /// Their levels.
        bits: u64,
    },
    /// Reads levels.
    Get {
        /// Names the job.
        ticket: u64,
        /// Which lines.
        key: usize,
        /// Which of them; with 0 it is a barrier.
        mask: u64,
    },
    /// Gives lines new settings; polls them as in [`Job::Request`] if need be.
    Reconfigure {
        /// Names the job.
        ticket: u64,
        /// Which lines.
        key: usize,
        /// Settings of each.
        lines: Vec<LineConfig>,
    },
    /// Gives lines back. Reports about them may still come until it is completed.
    Release {
        /// Names the job.
        ticket: u64,
        /// Which lines.
        key: usize,
    },
}

/// What a worker has to tell.
#[derive(Debug)]
pub enum Report {
    /// A job is done.
    Completed(Completion),
    /// Inputs have changed.
    Edges {
        /// Which lines.
        key: usize,
        /// The changes, oldest first; none if only `lost` is to be told.
        edges: Vec<ChipEdge>,
        /// How many are known to have been lost before them.
        lost: u32,
    },
    /// Edges of these lines cannot be read: the chip was removed, or worse.
    Unread {
        /// Which lines.
        key: usize,
        /// Why.
        error: ChipError,
    },
}

/// A job that is done. Jobs complete in the order in which they were sent.
#[derive(Debug)]
pub struct Completion {
    /// Names the job.
    pub ticket: u64,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a job.
#[derive(Debug)]
pub enum Outcome {
    /// The lines are held; `polled` is the period if the chip cannot detect their edges.
    Held {
        /// Period of polling.
        polled: Option<Duration>,
        /// What holds them in whatever process.
        shared: Option<OwnedFd>,
    },
    /// The lines have their new settings.
    Configured {
        /// Period of polling.
        polled: Option<Duration>,
        /// Lines that keep theirs, but whose edges may have been missed.
        missed: u64,
    },
    /// It is done; of [`Job::Get`], the levels.
    Ok(u64),
    /// It failed.
    Failed(ChipError),
}

/// A job that was refused because too many wait, given back.
#[derive(Debug)]
pub struct Full(pub Job);

/// A thread that owns a chip. When it is dropped, it does the jobs that it has been given, gives
/// all lines back and ends; nobody waits for that.
#[derive(Debug)]
pub struct Worker {
    info: ChipInfo,
    jobs: Option<Sender<Job>>,
    reports: Option<Receiver<Report>>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts a thread called `name` that opens a chip, and waits until that is done. `waker`
    /// wakes whoever is to read [`reports`](Self::reports).
    ///
    /// # Errors
    /// As `open`, or [`Cause::Host`] when the host has no room for another thread.
    pub fn spawn(
        name: &str,
        open: impl FnOnce() -> Result<Box<dyn Chip>, ChipError> + Send + 'static,
        waker: Arc<Waker>,
    ) -> Result<Self, ChipError> {
        let failed = |error: io::Error| {
            let info = ChipInfo { name: name.to_owned(), label: String::new(), lines: 0 };
            ChipError::new(&info, Vec::new(), "cannot start a thread", Cause::Host(error))
        };
        let poll = Poll::new().map_err(failed)?;
        let own_waker = Arc::new(Waker::new(poll.registry(), JOBS_TOKEN).map_err(failed)?);
        // A waker that is gone before the thread looks wakes nobody.
        let kept_waker = Arc::clone(&own_waker);
        let (jobs, jobs_out) = bounded(JOBS);
        let (reports_in, reports) = bounded(REPORTS);
        let (opened_in, opened) = bounded(1);
        let run = move || {
            // Nobody is left to be told of what fails from here on if the receiver is gone.
            let _ = match open() {
                Ok(chip) => opened_in
                    .send(Ok(chip.info().clone()))
                    .map(|()| Loop::new(chip, poll, jobs_out, reports_in, waker).run())
                    .map_err(drop),
                Err(error) => opened_in.send(Err(error)).map_err(drop),
            };
            drop(kept_waker);
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run).map_err(failed)?;
        let info = match opened.recv() {
            Ok(opened) => opened?,
            Err(error) => return Err(failed(io::Error::other(error))),
        };
        let (jobs, reports) = (Some(jobs), Some(reports));
        Ok(Self { info, jobs, reports, waker: own_waker, thread: Some(thread) })
    }

    /// What the chip is.
    #[must_use]
    pub fn info(&self) -> &ChipInfo {
        &self.info
    }

    /// Gives the worker a job. Its completion will be among [`reports`](Self::reports).
    ///
    /// # Errors
    /// [`Full`] when 256 jobs wait. There is room again once a completion has come.
    #[allow(clippy::result_large_err, reason = "the job is given back to be sent later")]
    pub fn try_send(&self, job: Job) -> Result<(), Full> {
        let Some(jobs) = &self.jobs else {
            return Err(Full(job));
        };
        match jobs.try_send(job) {
            Ok(()) => {
                // It fails only when the worker is awake.
                let _ = self.waker.wake();
                Ok(())
            }
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => Err(Full(job)),
        }
    }

    /// Ends the worker when it has done its jobs, which give their lines back; returns its thread.
    #[must_use]
    pub fn retire(mut self) -> Option<JoinHandle<()>> {
        self.thread.take()
    }

    /// Whether [`try_send`](Self::try_send) would take a job now.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.jobs.as_ref().is_some_and(|jobs| !jobs.is_full())
    }

    /// What there is to tell so far, in order.
    pub fn reports(&self) -> impl Iterator<Item = Report> {
        self.reports.iter().flat_map(Receiver::try_iter)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The worker ends when it has done its jobs and nobody can send more.
        self.jobs = None;
        self.reports = None;
        let _ = self.waker.wake();
    }
}

/// Jobs have come.
const JOBS_TOKEN: Token = Token(usize::MAX);

#[cfg(test)]
mod tests;
