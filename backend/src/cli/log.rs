// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log: lines on standard error, which never keep the daemon waiting.

use std::io::{self, ErrorKind, Stderr, Write};
use std::os::fd::AsFd;

use anstream::{AutoStream, ColorChoice};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args};
use env_logger::{Builder, Target, WriteStyle};
use log::LevelFilter;
use nix::libc::PIPE_BUF;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// How much is logged.
#[derive(Clone, Debug, Default, Args)]
pub struct LogOptions {
    /// Say more (-vv: everything)
    #[arg(short, long, action = ArgAction::Count, conflicts_with_all = ["quiet", "log_level"])]
    pub verbose: u8,

    /// Say only what went wrong
    #[arg(short, long, conflicts_with = "log_level")]
    pub quiet: bool,

    /// Say this much
    #[arg(long, value_name = "LEVEL", value_parser = levels())]
    pub log_level: Option<LevelFilter>,
}

fn levels() -> impl TypedValueParser<Value = LevelFilter> {
    PossibleValuesParser::new(["off", "error", "warn", "info", "debug", "trace"])
        .map(|word| word.parse().expect("these are the levels"))
}

impl LogOptions {
    /// The level; `info` unless said otherwise.
    #[must_use]
    pub fn level(&self) -> LevelFilter {
        self.log_level.unwrap_or(match (self.quiet, self.verbose) {
            (true, _) => LevelFilter::Error,
            (false, 0) => LevelFilter::Info,
            (false, 1) => LevelFilter::Debug,
            (false, _) => LevelFilter::Trace,
        })
    }
}

/// Starts the log of this process at a level; `RUST_LOG` and `RUST_LOG_STYLE` override.
pub fn start(level: LevelFilter) {
    let style = match AutoStream::choice(&io::stderr()) {
        ColorChoice::Never => WriteStyle::Never,
        _ => WriteStyle::Always,
    };
    let target = Target::Pipe(Box::new(stderr()));
    let mut builder = Builder::new();
    // A guest makes this crate log as much as it likes.
    builder.filter_level(level).filter_module("virtio_queue", LevelFilter::Off);
    builder.write_style(style).parse_default_env().target(target).init();
}

/// Standard error, for whole lines.
#[must_use]
pub fn stderr() -> Lines<Stderr> {
    Lines::new(io::stderr())
}

/// Writes lines as long as somebody reads them. Those that find no room are dropped and counted,
/// and the count is told before the next line that finds room.
///
/// `O_NONBLOCK` would do this too, but to all processes that share the file.
#[derive(Debug)]
pub struct Lines<W> {
    out: W,
    dropped: u64,
    /// Only the beginning of the last line was written.
    torn: bool,
}

impl<W: Write + AsFd> Lines<W> {
    /// Nothing has been dropped yet.
    pub fn new(out: W) -> Self {
        Self { out, dropped: 0, torn: false }
    }

    fn line(&mut self, line: &[u8]) {
        if self.dropped > 0 {
            let end = if self.torn { "\n" } else { "" };
            let count = self.dropped;
            let notice = format!("{end}vgpiod: {count} log lines were dropped: nobody read them\n");
            if self.put(notice.as_bytes()) != 0 {
                self.dropped += 1;
                return;
            }
            (self.dropped, self.torn) = (0, false);
        }
        match self.put(line) {
            0 => {}
            left => {
                self.dropped = 1;
                self.torn = left < line.len();
            }
        }
    }

    /// Writes as much as there is room for, and returns how many bytes are left.
    fn put(&mut self, mut text: &[u8]) -> usize {
        // With room in a pipe a piece of this size is written at once (pipe(7)).
        while let Some(piece) = text.chunks(PIPE_BUF).next().filter(|_| self.has_room()) {
            match self.out.write(piece) {
                Ok(written) => text = text.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // There is no reader, and no other place to say so.
                Err(_) => return 0,
            }
        }
        text.len()
    }

    /// Whether a write returns at once, if only with an error.
    fn has_room(&self) -> bool {
        let mut fds = [PollFd::new(self.out.as_fd(), PollFlags::POLLOUT)];
        poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }
}

/// Each buffer is taken for a line, as `env_logger` hands them over.
impl<W: Write + AsFd> Write for Lines<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.line(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

    use std::io::Read;

    use super::*;

    /// Reads what is there when the writer is gone.
    fn rest(mut reader: io::PipeReader, lines: Lines<io::PipeWriter>) -> String {
        drop(lines);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn lines_without_room_are_dropped_and_counted() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut lines = Lines::new(writer);
        let line = [vec![b'x'; 999], vec![b'\n']].concat();
        while lines.dropped == 0 {
            lines.write_all(&line).unwrap();
        }
        lines.write_all(b"lost too\n").unwrap();
        let mut page = vec![0; 16 * PIPE_BUF];
        let was = reader.read(&mut page).unwrap();
        assert_eq!(was % line.len(), 0, "no line is torn that fits into one page");
        lines.write_all(b"here\n").unwrap();
        let told = "vgpiod: 2 log lines were dropped: nobody read them\nhere\n";
        assert_eq!(rest(reader, lines), told);
    }

    #[test]
    fn a_torn_line_is_ended_before_the_next() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut lines = Lines::new(writer);
        lines.write_all(&vec![b'x'; 64 * PIPE_BUF]).unwrap();
        assert!(lines.torn);
        let mut page = vec![0; 64 * PIPE_BUF];
        assert!(reader.read(&mut page).unwrap() >= PIPE_BUF);
        lines.write_all(b"here\n").unwrap();
        let text = rest(reader, lines);
        assert_eq!(text, "\nvgpiod: 1 log lines were dropped: nobody read them\nhere\n");
    }

    #[test]
    fn a_line_of_several_pages_is_whole() {
        let (reader, writer) = io::pipe().unwrap();
        let mut lines = Lines::new(writer);
        let line = "0123456789".repeat(PIPE_BUF / 5);
        lines.write_all(line.as_bytes()).unwrap();
        assert_eq!(rest(reader, lines), line);
    }

    #[test]
    fn nothing_waits_for_a_reader_that_has_gone() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut lines = Lines::new(writer);
        for _ in 0..100 {
            lines.write_all(&[b'x'; PIPE_BUF]).unwrap();
        }
        assert_eq!(lines.dropped, 0);
    }
}
