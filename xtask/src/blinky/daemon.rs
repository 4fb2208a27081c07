// SPDX-License-Identifier: MIT OR Apache-2.0
//! The daemon's process, its sockets and its log.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::board;
use super::error::{Error, Result};

/// How long the daemon may take to start, and to end.
const PATIENCE: Duration = Duration::from_secs(20);
/// Lines kept of its log.
const LOG_LINES: usize = 20;

type Log = Arc<Mutex<VecDeque<String>>>;

/// A running `vgpiod` with a simulated block, on sockets of its own.
pub struct Daemon {
    child: Child,
    folder: TempDir,
    log: Log,
    /// Tells once that the daemon is ready, and closes when the daemon has closed its log.
    ready: Receiver<()>,
}

impl Daemon {
    /// Starts it and waits until it serves.
    ///
    /// # Errors
    /// It cannot be started, or ends, or takes too long; the error has the end of its log.
    pub fn start(program: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("vgpio-").tempdir().map_err(Error::Folder)?;
        let mut command = Command::new(program);
        command
            .args(["--sim", &board::sim(), "--gpiodev", &board::map(), "--log-level", "info"])
            .arg("--socket-path")
            .arg(socket(&folder))
            .arg("--control")
            .arg(control(&folder))
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C is for us: the daemon ends last.
            .process_group(0);
        let start = |source| Error::Start { path: program.to_owned(), source };
        let mut child = command.spawn().map_err(start)?;
        let log = Log::default();
        let (sender, ready) = channel();
        if let Some(stderr) = child.stderr.take() {
            let log = Arc::clone(&log);
            thread::spawn(move || read_log(stderr, &log, &sender));
        }
        let daemon = Self { child, folder, log, ready };
        match daemon.ready.recv_timeout(PATIENCE) {
            Ok(()) => Ok(daemon),
            Err(RecvTimeoutError::Timeout) => {
                Err(Error::NotReady { within: PATIENCE, log: daemon.log() })
            }
            Err(RecvTimeoutError::Disconnected) => {
                let log = daemon.log();
                daemon.end()?;
                Err(Error::NotReady { within: PATIENCE, log })
            }
        }
    }

    /// Where frontends connect.
    pub fn socket(&self) -> PathBuf {
        socket(&self.folder)
    }

    /// Where its sockets are, and those of others may be.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the outside world is.
    pub fn control(&self) -> PathBuf {
        control(&self.folder)
    }

    /// Ends it, and sees that it ends well.
    ///
    /// # Errors
    /// It failed, before or now; the error has the end of its log.
    pub fn stop(self) -> Result<()> {
        if let Ok(id) = i32::try_from(self.child.id()) {
            // One that has ended already is found out below.
            let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
        self.end()
    }

    fn end(mut self) -> Result<()> {
        if self.ready.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Disconnected) {
            return Err(Error::NotEnded { within: PATIENCE, log: self.log() });
        }
        let path = PathBuf::from("vgpiod");
        let status = self.child.wait().map_err(|source| Error::Start { path, source })?;
        if status.success() {
            return Ok(());
        }
        Err(Error::Daemon { status: status.to_string(), log: self.log() })
    }

    fn log(&self) -> String {
        let log = self.log.lock().expect("the log's reader does not panic");
        let lines: Vec<_> = log.iter().map(String::as_str).collect();
        lines.join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // After an orderly end there is nobody to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("vgpiod.sock")
}

fn control(folder: &TempDir) -> PathBuf {
    folder.path().join("control.sock")
}

fn read_log(stderr: impl Read, log: &Log, ready: &Sender<()>) {
    for line in BufReader::new(stderr).lines() {
        let Ok(line) = line else { return };
        if line.contains("ready: ") {
            // Nobody waits any more when it is too late.
            let _ = ready.send(());
        }
        let mut log = log.lock().expect("the log's readers do not panic");
        if log.len() == LOG_LINES {
            log.pop_front();
        }
        log.push_back(line);
    }
}
