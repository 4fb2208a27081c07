// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask blinky`: Linux in QEMU blinks three LEDs of a simulated chip.
//!
//! ```text
//!   Linux ── PL061 of QEMU ══ vgpiod ── simulated R-Car block
//!     │ console                 │ control socket
//!     └──────── messages ───────┴─ outside ──> main loop ──> view | plain | svg
//! ```
//!
//! What is shown of the LEDs is what the outside world sees of the pads, not what the guest says: a
//! store of the guest that goes astray anywhere on its way shows no light, and ends in an error.

mod attach;
mod board;
mod build;
mod console;
mod daemon;
mod error;
mod frame;
mod guest;
mod message;
mod outside;
mod picture;
mod plain;
mod svg;
mod view;

use std::env;
use std::io::{self, IsTerminal, stdin, stdout};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel};
use std::time::Instant;

use clap::Args;

use crate::cache::Cache;
use crate::workspace::Workspace;
use build::Programs;
use daemon::Daemon;
use error::{Error, Result};
use guest::Guest;
use message::{Message, now_ns};
use picture::{Entry, Picture};

/// What the user wants.
#[derive(Args)]
pub struct Options {
    /// Use QEMU as Debian ships it, which need not be built
    #[arg(long)]
    stock: bool,
    /// End after so many rounds of the three LEDs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    cycles: Option<u64>,
    /// Write an animated picture of the live view, with one press of the button
    #[arg(long, value_name = "FILE.svg", requires = "cycles")]
    record: Option<PathBuf>,
}

/// Where what is seen is shown.
trait Output {
    /// A pad has changed.
    fn pad(&mut self, entry: &Entry) -> io::Result<()>;
    /// Anything has changed.
    fn draw(&mut self, picture: &Picture) -> io::Result<()>;
    /// It has gone well to its end.
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Builds, starts, shows and ends all of it.
///
/// # Errors
/// Anything went wrong on the way, or at the end.
pub fn run(cache: &Cache, workspace: &Workspace, options: &Options) -> Result<()> {
    let programs = Programs::get(cache, workspace, options.stock).map_err(Error::Build)?;
    let (out, inbox) = channel();
    let stop = out.clone();
    // Nobody listens any more when it ends.
    ctrlc::set_handler(move || drop(stop.send(Message::Stop)))?;
    let start_ns = now_ns();
    let daemon = Daemon::start(&programs.daemon)?;
    let ran = (|| {
        outside::watch(&daemon.control(), out.clone())?;
        let finger = outside::finger(&daemon.control(), out.clone())?;
        let mut output: Box<dyn Output> = match &options.record {
            Some(path) => Box::new(svg::Recorder::new(path.clone(), out.clone())),
            None if is_terminal() => {
                Box::new(view::View::open(out.clone()).map_err(Error::Output)?)
            }
            None => Box::new(plain::Plain::new()),
        };
        let mut guest = Guest::start(&programs, &daemon, out)?;
        let mut picture = Picture::new(start_ns);
        show(&inbox, &finger, &mut guest, output.as_mut(), &mut picture, options.cycles)
    })();
    // A daemon that failed is the cause of what else went wrong.
    daemon.stop().and(ran)
}

/// The main loop.
fn show(
    inbox: &Receiver<Message>,
    finger: &SyncSender<()>,
    guest: &mut Guest,
    output: &mut dyn Output,
    picture: &mut Picture,
    rounds: Option<u64>,
) -> Result<()> {
    let mut deadline = Instant::now() + picture.patience();
    while rounds.is_none_or(|rounds| picture.rounds() < rounds) {
        match inbox.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Message::Pad(pad)) => {
                let before = picture.changes;
                let entry = picture.pad(&pad)?;
                if picture.changes > before {
                    deadline = Instant::now() + picture.patience();
                }
                if is_closed(output.pad(&entry))? {
                    return Ok(());
                }
            }
            Ok(Message::Said(said)) => picture.said(said),
            Ok(Message::Ended) => {
                let status = guest.status();
                return Err(Error::Ended { status, console: picture.tail() });
            }
            // One finger: it is not here while it presses.
            Ok(Message::Press) => drop(finger.try_send(())),
            Ok(Message::Redraw) => {}
            Ok(Message::Stop) => {
                return rounds.map_or(Ok(()), |rounds| {
                    Err(Error::Interrupted { done: picture.rounds(), rounds })
                });
            }
            Ok(Message::Failed(error)) => return Err(error),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                return Err(picture.overdue());
            }
        }
        output.draw(picture).map_err(Error::Output)?;
    }
    output.finish()
}

/// Whether the reader of our output has seen enough: `cargo xtask blinky | head`.
fn is_closed(written: io::Result<()>) -> Result<bool> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(true),
        other => other.map(|()| false).map_err(Error::Output),
    }
}

/// Whether there is a terminal that can show the live view.
fn is_terminal() -> bool {
    let is_dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
    stdin().is_terminal() && stdout().is_terminal() && !is_dumb
}
