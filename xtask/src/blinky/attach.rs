// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vgpiod attach-qtest`: what gives an unpatched QEMU its lines.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread;

use super::board;
use super::build::Programs;
use super::error::{Error, Result};
use super::message::Message;

/// A running `attach-qtest`, until dropped.
pub struct Attachment {
    child: Child,
}

impl Attachment {
    /// Starts it for the QEMU of [`sockets`] in this folder, with the lines of the daemon at this socket. It ends
    /// with QEMU; that it ends in another way comes as a message.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(
        programs: &Programs,
        folder: &Path,
        daemon: &Path,
        out: Sender<Message>,
    ) -> Result<Self> {
        let mut command = Command::new(&programs.daemon);
        command
            .arg("attach-qtest")
            .arg("--qtest")
            .arg(qtest(folder))
            .arg("--qmp")
            .arg(qmp(folder))
            .arg("--socket-path")
            .arg(daemon)
            .args(["--gpiodev", &board::map()])
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C is for us.
            .process_group(0);
        let start = |source| Error::Start { path: programs.daemon.clone(), source };
        let mut child = command.spawn().map_err(start)?;
        if let Some(stderr) = child.stderr.take() {
            thread::spawn(move || read_log(stderr, &out));
        }
        Ok(Self { child })
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        // One that has ended with QEMU needs no more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What QEMU is started with: a qtest server and a monitor in this folder.
pub fn sockets(folder: &Path) -> [String; 6] {
    let server = |path: PathBuf| format!("unix:{},server=on,wait=off", path.display());
    let (qtest, qmp) = (server(qtest(folder)), server(qmp(folder)));
    ["-qtest".into(), qtest, "-qtest-log".into(), "none".into(), "-qmp".into(), qmp]
}

fn qtest(folder: &Path) -> PathBuf {
    folder.join("qtest.sock")
}

fn qmp(folder: &Path) -> PathBuf {
    folder.join("qmp.sock")
}

/// Its last words are the reason why it has failed, if it has.
fn read_log(mut stderr: impl Read, out: &Sender<Message>) {
    let mut log = String::new();
    let _ = stderr.read_to_string(&mut log);
    if let Some(reason) = log.lines().find_map(|line| line.strip_prefix("vgpiod: ")) {
        // Nobody listens when it ends.
        let _ = out.send(Message::Failed(Error::Attach(reason.to_owned())));
    }
}
