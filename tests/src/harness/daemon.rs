// SPDX-License-Identifier: MIT OR Apache-2.0
//! The daemon as a process.

use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use vgpio_backend::control::api::Status;
use vgpio_backend::control::{Client as Control, Command as Ask};

use super::{deadline, eventually, process};

/// A running `vgpiod` with sockets in a folder of its own. When it goes out of scope it is ended by
/// SIGTERM, and the test fails unless it then exits cleanly and removes its sockets.
pub struct Daemon {
    process: Process,
    pid: Pid,
    folder: Rc<TempDir>,
}

/// How a `vgpiod` ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it wrote to its standard error.
    pub log: String,
}

/// A process, and what it wrote to its standard error so far.
pub(super) struct Process {
    child: Child,
    lines: Receiver<String>,
    log: String,
}

impl Daemon {
    /// Starts it, and waits until it listens.
    pub fn start(options: &[impl AsRef<str>]) -> Self {
        Self::start_in(&Rc::new(folder()), options)
    }

    /// As [`start`](Self::start), with the sockets of this folder.
    pub fn start_in(folder: &Rc<TempDir>, options: &[impl AsRef<str>]) -> Self {
        Self::start_by(folder, command(folder.path(), options))
    }

    /// As [`start`](Self::start), by a command that runs [`command`] in some other way.
    pub fn start_by(folder: &Rc<TempDir>, command: Command) -> Self {
        let mut process = Process::start(command);
        process.wait_for("] ready: ");
        let mut daemon = Self { process, pid: Pid::this(), folder: Rc::clone(folder) };
        let pid = daemon.status().pid;
        daemon.pid = Pid::from_raw(i32::try_from(pid).expect("a process number"));
        daemon
    }

    /// As [`start_in`](Self::start_in), of a daemon that cannot write its log: the disk is full.
    pub fn start_with_full_disk(folder: &Rc<TempDir>, options: &[impl AsRef<str>]) -> Self {
        let plain = command(folder.path(), options);
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec \"$@\" 2>/dev/full", "sh"]);
        shell.arg(plain.get_program()).args(plain.get_args());
        shell.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let process = Process::start(shell);
        // The shell has become the daemon.
        let mut daemon = Self { pid: process.pid(), process, folder: Rc::clone(folder) };
        assert!(eventually("the daemon answers or has ended", || daemon.lives()), "it has ended");
        daemon
    }

    /// Whether it answers: false if it has ended, `None` as long as it does neither.
    pub fn lives(&mut self) -> Option<bool> {
        if self.process.has_ended() {
            return Some(false);
        }
        let mut control = Control::connect(&self.control_socket()).ok()?;
        let status: Status = control.ask(&Ask::Status {}).ok()?;
        (status.pid == self.pid.as_raw().unsigned_abs()).then_some(true)
    }

    /// Ends it, and starts another in its place, with these options.
    #[must_use]
    pub fn replaced(self, options: &[impl AsRef<str>], end: impl FnOnce(Self)) -> Self {
        let folder = Rc::clone(&self.folder);
        end(self);
        Self::start_in(&folder, options)
    }

    /// Runs one that is expected to end by itself.
    pub fn run(command: Command) -> Ended {
        Process::start(command).wait()
    }

    /// Its folder.
    pub fn folder(&self) -> &Rc<TempDir> {
        &self.folder
    }

    /// Where frontends connect.
    pub fn socket(&self) -> PathBuf {
        socket(self.folder.path())
    }

    /// Where `vgpioctl` connects.
    pub fn control_socket(&self) -> PathBuf {
        control_socket(self.folder.path())
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// A connection to the control socket.
    pub fn control(&self) -> Control {
        Control::connect(&self.control_socket()).expect("the daemon listens for vgpioctl")
    }

    /// Asks the control socket.
    pub fn ask<T: DeserializeOwned>(&self, command: &Ask) -> T {
        self.control().ask(command).expect("the daemon answers vgpioctl")
    }

    /// What `vgpioctl status` shows.
    pub fn status(&self) -> Status {
        self.ask(&Ask::Status {})
    }

    /// A value of `/proc/PID/status`, in its unit: `VmHWM` in KiB.
    pub fn proc_status(&self, key: &str) -> u64 {
        process::value(&process::file(self.pid, "status"), key)
    }

    /// Whether it sleeps until something happens: `S` in `/proc/PID/stat`.
    pub fn sleeps(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).expect("it runs");
        let (_, rest) = stat.rsplit_once(") ").expect("a name and what follows");
        rest.starts_with('S')
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid, signal).expect("the daemon runs");
    }

    /// Waits until its log has a line with this text, and returns the line.
    pub fn wait_for_log(&mut self, text: &str) -> String {
        self.process.wait_for(text)
    }

    /// Waits until it ends by itself.
    pub fn wait(mut self) -> Ended {
        self.process.wait()
    }

    /// Ends it by SIGTERM. It must exit cleanly, and remove its sockets.
    pub fn stop(mut self) -> Ended {
        self.end()
    }

    /// Ends it by SIGKILL.
    pub fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        self.process.wait();
    }

    fn end(&mut self) -> Ended {
        self.signal(Signal::SIGTERM);
        let ended = self.process.wait();
        assert!(ended.status.success(), "vgpiod: {}\n{}", ended.status, ended.log);
        for socket in [self.socket(), self.control_socket()] {
            assert!(!socket.exists(), "vgpiod left {}", socket.display());
        }
        ended
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.process.has_ended() {
            return;
        }
        if thread::panicking() {
            // Only to clean up; why the test fails is known already.
            let _ = kill(self.pid, Signal::SIGKILL);
            let ended = self.process.wait();
            eprintln!("--- log of vgpiod ({}):\n{}---", ended.status, ended.log);
        } else {
            self.end();
        }
    }
}

impl Process {
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let stderr = child.stderr.take().expect("it is piped");
        let (to, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if to.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, log: String::new() }
    }

    pub fn wait_for(&mut self, text: &str) -> String {
        let end = deadline();
        loop {
            match self.next_line(end) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(why) => {
                    // Nobody waits for it any more.
                    let _ = self.child.kill();
                    panic!("vgpiod did not say '{text}': {why:?}\n{}", self.log)
                }
            }
        }
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process number"))
    }

    /// Kills it, unless it has ended.
    pub fn end(&mut self) {
        let _ = self.child.kill();
        self.child.wait().expect("it is a child");
    }

    /// Waits until it has closed its standard error, and so has ended.
    pub fn wait(&mut self) -> Ended {
        let end = deadline();
        loop {
            match self.next_line(end) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let _ = self.child.kill();
                    panic!("vgpiod does not end\n{}", self.log)
                }
            }
        }
        let status = self.child.wait().expect("it is a child");
        Ended { status, log: self.log.clone() }
    }

    fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    fn next_line(&mut self, end: Instant) -> Result<String, RecvTimeoutError> {
        let line = self.lines.recv_timeout(end.saturating_duration_since(Instant::now()))?;
        writeln!(self.log, "{line}").expect("memory takes it");
        Ok(line)
    }
}

/// A new folder for sockets.
pub fn folder() -> TempDir {
    tempfile::Builder::new().prefix("vgpio-").tempdir().expect("a folder for temporary files")
}

/// Where a daemon of this folder listens for frontends.
pub fn socket(folder: &Path) -> PathBuf {
    folder.join("vgpiod.sock")
}

/// Where a daemon of this folder listens for `vgpioctl`.
pub fn control_socket(folder: &Path) -> PathBuf {
    folder.join("control.sock")
}

/// The command that starts a daemon with the sockets of this folder. It sees no setting of the
/// user's.
pub fn command(folder: &Path, options: &[impl AsRef<str>]) -> Command {
    command_of(&program(), folder, options)
}

/// As [`command`], of that program.
pub fn command_of(program: &Path, folder: &Path, options: &[impl AsRef<str>]) -> Command {
    let mut command = Command::new(program);
    command
        .env_remove("RUST_LOG")
        .env("VGPIO_SOCKET", socket(folder))
        .env("VGPIO_CONTROL", control_socket(folder))
        .stdin(Stdio::null())
        .args(options.iter().map(AsRef::as_ref));
    command
}

/// As this command, with a socket that the program inherits as file descriptor 3.
pub fn inheriting(socket: impl Into<OwnedFd>, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$@\" 3<&0 </dev/null", "sh"]);
    shell.arg(command.get_program()).args(command.get_args()).stdin(socket.into());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

/// The daemon's program: `VGPIOD`, else the one beside the folder of the test program.
pub fn program() -> PathBuf {
    let named = env::var_os("VGPIOD").filter(|path: &OsString| !path.is_empty());
    let path = named.map_or_else(beside, PathBuf::from);
    assert!(
        path.is_file(),
        "there is no {}; build it (`cargo build -p vgpio-backend`, or `cargo xtask test` does), \
         or name it in VGPIOD",
        path.display()
    );
    path
}

/// `target/PROFILE/vgpiod` of the test program `target/PROFILE/deps/TEST`.
fn beside() -> PathBuf {
    let test = env::current_exe().expect("the test program has a path");
    let folder = test.ancestors().nth(2).expect("it is in a folder of cargo's");
    folder.join("vgpiod")
}
