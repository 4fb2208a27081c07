// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest: Linux in QEMU, with its console.

use std::io::{PipeReader, Read, Write, pipe};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::attach::{self, Attachment};
use super::board;
use super::build::Programs;
use super::console::{BY_NAME, BY_NUMBER, Console};
use super::daemon::Daemon;
use super::error::{Error, Result};
use super::message::Message;

/// The machine. Its own PL061 gets the lines.
const MACHINE: &str =
    "-M virt -cpu cortex-a53 -m 256 -display none -monitor none -serial stdio -net none";
/// Without `kpti=off` each system call of the guest would flush the TLB that QEMU emulates.
const KERNEL_OPTIONS: &str = "console=ttyAMA0 kpti=off";

/// A running QEMU, until dropped.
pub struct Guest {
    qemu: Child,
    /// Where QEMU has no lines by itself.
    attachment: Option<Attachment>,
}

impl Guest {
    /// Starts it with the lines of the daemon. What it says goes there; commands
    /// are typed as soon as it asks for them.
    ///
    /// # Errors
    /// QEMU cannot be started.
    pub fn start(programs: &Programs, daemon: &Daemon, out: Sender<Message>) -> Result<Self> {
        let (console, end) = pipe().map_err(Error::Console)?;
        let mut command = Command::new(&programs.qemu);
        command
            .args(MACHINE.split(' '))
            .arg("-kernel")
            .arg(programs.guest.join("kernel"))
            .arg("-initrd")
            .arg(programs.guest.join("initramfs"))
            .args(["-append", KERNEL_OPTIONS])
            .env("VGPIO_SOCKET", daemon.socket())
            .stdin(Stdio::piped())
            // One pipe: what QEMU complains of stands where the guest went silent.
            .stdout(end.try_clone().map_err(Error::Console)?)
            .stderr(end)
            // Ctrl-C is for us. A wrapper around QEMU is of this group too.
            .process_group(0);
        let typed = if programs.stock {
            command.args(attach::sockets(daemon.folder()));
            BY_NUMBER
        } else {
            command.args(["-gpiodev", &board::map()]);
            BY_NAME
        };
        let start = |source| Error::Start { path: programs.qemu.clone(), source };
        let mut qemu = command.spawn().map_err(start)?;
        if let Some(keyboard) = qemu.stdin.take() {
            let out = out.clone();
            thread::spawn(move || talk(console, Console::new(typed), keyboard, &out));
        }
        let mut guest = Self { qemu, attachment: None };
        if programs.stock {
            let attachment = Attachment::start(programs, daemon.folder(), &daemon.socket(), out)?;
            guest.attachment = Some(attachment);
        }
        Ok(guest)
    }

    /// How it ended, in words, once its console is closed.
    pub fn status(&mut self) -> String {
        self.qemu.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if let Ok(None) = self.qemu.try_wait()
            && let Ok(id) = i32::try_from(self.qemu.id())
        {
            // There is nothing that it would have to save.
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
            let _ = self.qemu.wait();
        }
    }
}

/// Reads the console to its end, and types. Nobody listens, on either side, when it ends.
fn talk(
    mut from: PipeReader,
    mut console: Console,
    mut keyboard: ChildStdin,
    out: &Sender<Message>,
) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let (said, typed) = console.take(buffer.get(..count).unwrap_or_default());
        let _ = keyboard.write_all(typed.as_bytes());
        if out.send(Message::Said(said)).is_err() {
            return;
        }
    }
    let _ = out.send(Message::Ended);
}
