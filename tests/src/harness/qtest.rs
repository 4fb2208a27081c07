// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vgpiod attach-qtest` as a process.

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::daemon::{Ended, Process, program};
use super::{Daemon, LABEL};

/// A frontend of an unpatched QEMU. When it goes out of scope it is killed.
pub struct Qtest {
    process: Process,
}

impl Qtest {
    /// Attaches these lines of the daemon's chip to the PL061 of the QEMU whose sockets are in this folder, and
    /// waits until it has them.
    pub fn attach(daemon: &Daemon, folder: &Path, keys: &str, options: &[&str]) -> Self {
        let qmp = qmp_socket(folder).display().to_string();
        let map = format!("{LABEL},{keys}");
        let all = [&["--qmp", &qmp, "--gpiodev", &map], options].concat();
        Self::start(Self::command(daemon, folder, &all))
    }

    /// Starts one by such a command, and waits until it has its lines.
    pub fn start(command: Command) -> Self {
        let mut process = Process::start(command);
        process.wait_for("] ready: ");
        Self { process }
    }

    /// The command that does so, with these options beside the sockets of QEMU's qtest and the daemon.
    pub fn command(daemon: &Daemon, folder: &Path, options: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .env_remove("RUST_LOG")
            .arg("attach-qtest")
            .arg("--qtest")
            .arg(qtest_socket(folder))
            .arg("--socket-path")
            .arg(daemon.socket())
            .args(options);
        command
    }

    /// Waits until it ends by itself.
    pub fn wait(mut self) -> Ended {
        self.process.wait()
    }

    /// Waits until its log has a line with this text.
    pub fn wait_for_log(&mut self, text: &str) {
        self.process.wait_for(text);
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        self.process.pid()
    }

    /// Ends it by SIGKILL.
    pub fn kill(self) {
        kill(self.pid(), Signal::SIGKILL).expect("it runs");
        self.wait();
    }
}

impl Drop for Qtest {
    fn drop(&mut self) {
        self.process.end();
    }
}

/// Where a QEMU of this folder has its qtest server.
pub fn qtest_socket(folder: &Path) -> PathBuf {
    folder.join("qtest.sock")
}

/// Where it has a monitor.
pub fn qmp_socket(folder: &Path) -> PathBuf {
    folder.join("monitor.sock")
}
