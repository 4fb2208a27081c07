// SPDX-License-Identifier: MIT OR Apache-2.0
//! One client of the control socket.

use std::collections::HashSet;
use std::io::{self, ErrorKind, Read, Write};

use mio::net::UnixStream;

use super::api::{Code, Event, Refusal};
use super::dispatch::{Then, dispatch, json, message};
use super::host::{Host, LineId, Ticket};
use super::{MAX_LINE, MAX_QUEUE};

/// Bytes taken from the client per call of [`Connection::ready`], so that one client cannot
/// keep the daemon from the others.
const TURN: usize = 64 * 1024;

/// What a connection needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// To be called when its socket is ready again.
    Idle,
    /// To be called again after the others have had their turn.
    More,
    /// To be dropped: the client has gone.
    Closed,
}

/// One client. What it may hold is bounded: a command by [`MAX_LINE`], what waits for
/// it by [`MAX_QUEUE`] and one reply.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    input: Vec<u8>,
    /// The rest of a command that was too long is being skipped.
    skipping: bool,
    ended: bool,
    output: Vec<u8>,
    monitor: Option<Monitor>,
    waiting: Vec<(Ticket, u64)>,
}

#[derive(Debug)]
struct Monitor {
    id: u64,
    lines: HashSet<LineId>,
    dropped: u64,
}

impl Connection {
    /// A client that has just connected.
    #[must_use]
    pub fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            input: Vec::new(),
            skipping: false,
            ended: false,
            output: Vec::new(),
            monitor: None,
            waiting: Vec::new(),
        }
    }

    /// Tells a client that it is not served, and closes the connection.
    ///
    /// # Errors
    /// When it has gone already.
    pub fn turn_away(mut stream: UnixStream, refusal: &Refusal) -> io::Result<()> {
        let line = message(None, "error", &json(refusal)) + "\n";
        stream.write_all(line.as_bytes())
    }

    /// The socket, to be registered for reading and writing.
    pub fn stream(&mut self) -> &mut UnixStream {
        &mut self.stream
    }

    /// Whether it wants events.
    #[must_use]
    pub fn is_monitoring(&self) -> bool {
        self.monitor.is_some()
    }

    /// Goes on: sends what waits, reads commands and carries them out.
    ///
    /// # Errors
    /// When the socket fails; drop the connection then.
    pub fn ready(&mut self, host: &mut dyn Host) -> io::Result<Progress> {
        self.flush()?;
        let mut budget = TURN;
        loop {
            self.take_commands(host)?;
            if self.ended || self.is_full() {
                break;
            }
            if budget == 0 {
                return Ok(Progress::More);
            }
            match self.read(budget) {
                Ok(0) => self.ended = true,
                Ok(n) => budget -= n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        let done = self.ended && self.output.is_empty() && self.waiting.is_empty();
        Ok(if done { Progress::Closed } else { Progress::Idle })
    }

    /// A line changed; told to the client if it monitors the line. When the client does not
    /// read, events are dropped, counted, and the count is told to it.
    ///
    /// # Errors
    /// When the socket fails; drop the connection then.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        let is_full = self.is_full();
        let Some(monitor) = &mut self.monitor else {
            return Ok(());
        };
        let line = LineId { chip: event.chip.clone(), offset: event.offset };
        if !monitor.lines.contains(&line) {
            return Ok(());
        }
        if is_full {
            monitor.dropped += 1;
            return Ok(());
        }
        let id = monitor.id;
        self.send(Some(id), "event", &json(event));
        self.flush()
    }

    /// At most so many events of a chip were dropped; told to the client if it monitors lines of
    /// that chip.
    ///
    /// # Errors
    /// When the socket fails; drop the connection then.
    pub fn dropped(&mut self, chip: &str, events: u64) -> io::Result<()> {
        let of_chip = |m: &&mut Monitor| m.lines.iter().any(|line| line.chip == chip);
        if let Some(monitor) = self.monitor.as_mut().filter(of_chip) {
            monitor.dropped += events;
        }
        self.flush()
    }

    /// Something that a command waits for has ended; answers it if it is this client's.
    ///
    /// # Errors
    /// When the socket fails; drop the connection then.
    pub fn finished(&mut self, ticket: Ticket) -> io::Result<()> {
        if let Some(at) = self.waiting.iter().position(|&(t, _)| t == ticket) {
            let (_, id) = self.waiting.swap_remove(at);
            self.send(Some(id), "ok", "{}");
        }
        self.flush()
    }

    fn is_full(&self) -> bool {
        self.output.len() >= MAX_QUEUE
    }

    fn read(&mut self, budget: usize) -> io::Result<usize> {
        let mut chunk = [0; 4096];
        let room = budget.min(chunk.len());
        let n = self.stream.read(&mut chunk[..room])?;
        self.input.extend_from_slice(&chunk[..n]);
        Ok(n)
    }

    /// Carries out the commands that have come, as long as the client reads the answers.
    fn take_commands(&mut self, host: &mut dyn Host) -> io::Result<()> {
        let input = std::mem::take(&mut self.input);
        let mut rest = &input[..];
        while !self.is_full() {
            let Some(end) = rest.iter().position(|&b| b == b'\n') else {
                break;
            };
            let (line, behind) = (&rest[..end], &rest[end + 1..]);
            rest = behind;
            if !std::mem::take(&mut self.skipping) {
                self.command(line, host);
                self.flush()?;
            }
        }
        let is_line = rest.contains(&b'\n');
        if !is_line && rest.len() > MAX_LINE {
            if !std::mem::replace(&mut self.skipping, true) {
                self.refuse_long();
            }
            rest = &[];
        }
        self.input = rest.to_vec();
        self.flush()
    }

    fn command(&mut self, line: &[u8], host: &mut dyn Host) {
        if line.len() > MAX_LINE {
            return self.refuse_long();
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let outcome = match std::str::from_utf8(line) {
            Ok(line) => dispatch(line, host),
            Err(e) => {
                let message = format!("{e}; commands are JSON in UTF-8");
                return self.refuse(None, Code::BadJson, message);
            }
        };
        match outcome.then {
            Then::Monitor(id, _) if self.monitor.is_some() => {
                let message = "this connection monitors lines already; open another";
                return self.refuse(Some(id), Code::Busy, message);
            }
            Then::Monitor(id, lines) => {
                self.monitor = Some(Monitor { id, lines: lines.into_iter().collect(), dropped: 0 });
            }
            Then::Wait(id, ticket) => self.waiting.push((ticket, id)),
            Then::Nothing => {}
        }
        if let Some(reply) = outcome.reply {
            self.push(&reply);
        }
    }

    fn refuse_long(&mut self) {
        let message = format!("a command is longer than {MAX_LINE} bytes; split it");
        self.refuse(None, Code::TooLong, message);
    }

    fn refuse(&mut self, id: Option<u64>, code: Code, message: impl Into<String>) {
        self.send(id, "error", &json(&Refusal::new(code, message)));
    }

    fn send(&mut self, id: Option<u64>, key: &str, value: &str) {
        self.push(&message(id, key, value));
    }

    fn push(&mut self, line: &str) {
        self.output.extend_from_slice(line.as_bytes());
        self.output.push(b'\n');
    }

    /// Sends as much as the socket takes, and then how many events were dropped.
    fn flush(&mut self) -> io::Result<()> {
        loop {
            while !self.output.is_empty() {
                match self.stream.write(&self.output) {
                    Ok(0) => return Err(ErrorKind::WriteZero.into()),
                    Ok(n) => drop(self.output.drain(..n)),
                    Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    Err(e) => return Err(e),
                }
            }
            let is_full = self.is_full();
            let dropped =
                |monitor: &mut Monitor| (monitor.id, std::mem::take(&mut monitor.dropped));
            match self.monitor.as_mut().filter(|m| m.dropped > 0 && !is_full).map(dropped) {
                Some((id, dropped)) => self.send(Some(id), "dropped", &dropped.to_string()),
                None => return Ok(()),
            }
        }
    }
}
