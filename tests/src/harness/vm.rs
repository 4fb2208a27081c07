// SPDX-License-Identifier: MIT OR Apache-2.0
//! A real guest: the patched QEMU with the distribution's kernel, seen through its serial console
//! and moved through QMP.

mod console;
mod device_tree;
mod machine;
mod qmp;
mod snapshots;

use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

use console::Console;
pub use console::Ran;
pub use machine::{Machine, Refusal};
use qmp::Qmp;

use super::eventually;

/// A boot takes some seconds, within user-mode Linux on a busy machine a minute.
const BOOT: Duration = Duration::from_secs(180);
/// What a command in the guest may take.
const COMMAND: Duration = Duration::from_secs(30);

/// A guest that runs. When it goes out of scope its QEMU is killed.
pub struct Vm {
    child: Child,
    console: Console,
    qmp: Qmp,
    folder: TempDir,
}

impl Vm {
    /// Runs a command, which must succeed. Returns what it wrote, without the last newline.
    pub fn run(&mut self, command: &str) -> String {
        self.run_within(COMMAND, command)
    }

    /// As [`run`](Self::run), for a command that may take so long.
    pub fn run_within(&mut self, time: Duration, command: &str) -> String {
        let Ran { status, output } = self.console.run(command, time);
        assert_eq!(status, 0, "'{command}' in the guest: {output}");
        output
    }

    /// Runs a command, whatever comes of it.
    pub fn try_run(&mut self, command: &str) -> Ran {
        self.console.run(command, COMMAND)
    }

    /// Runs a command in the background, and has what it writes in a file of the guest.
    pub fn spawn(&mut self, command: &str, file: &str) {
        // A group, so that a redirection of the command's own still holds.
        self.run(&format!("{{ {command}; }} >{file} 2>&1 </dev/null & echo $!"));
    }

    /// Waits until a command writes this, without the last newline.
    pub fn wait_for(&mut self, command: &str, output: &str) {
        if !self.becomes(command, output) {
            let last = self.try_run(command).output;
            let lines = self.monitor("info gpio");
            panic!("'{command}' says '{last}', not '{output}'\n{lines}");
        }
    }

    /// As [`wait_for`](Self::wait_for), but false if it does not happen.
    pub fn becomes(&mut self, command: &str, output: &str) -> bool {
        let end = Instant::now() + COMMAND;
        loop {
            if self.try_run(command).output == output {
                return true;
            }
            if Instant::now() > end {
                return false;
            }
        }
    }

    /// Types a line as a user does, and waits until it has been done.
    pub fn type_line(&mut self, line: &str) {
        self.console.type_line(line, COMMAND);
    }

    /// Waits until the guest has booted, again or for the first time.
    pub fn wait_for_boot(&mut self) {
        self.console.wait_for_boot(BOOT);
    }

    /// Has the guest boot again by itself; it does not wait for it.
    pub fn type_reboot(&mut self) {
        self.console.type_only("reboot");
    }

    /// Presses the machine's reset button, and waits until the guest has booted again.
    pub fn reset(&mut self) {
        self.qmp("system_reset", &json!({}));
        self.wait_for_boot();
    }

    /// Asks QEMU, which must do it.
    pub fn qmp(&mut self, command: &str, arguments: &Value) -> Value {
        let answer = self.qmp.execute(command, arguments);
        answer.unwrap_or_else(|error| panic!("{command}: {error}\n{}", self.console.tail()))
    }

    /// QEMU's refusal of a command.
    pub fn qmp_refusal(&mut self, command: &str, arguments: &Value) -> String {
        match self.qmp.execute(command, arguments) {
            Ok(answer) => panic!("{command} was not refused: {answer}"),
            Err(error) => error,
        }
    }

    /// What a command of the human monitor prints.
    pub fn monitor(&mut self, command: &str) -> String {
        let answer = self.qmp("human-monitor-command", &json!({ "command-line": command }));
        answer.as_str().expect("a text").replace("\r\n", "\n")
    }

    /// Waits for the next QMP event of this name, and returns its data. Those of other names stay.
    pub fn event(&mut self, name: &str) -> Value {
        self.qmp.event(name)
    }

    /// Forgets the QMP events that were not yet asked for.
    pub fn forget_events(&mut self) {
        self.qmp.forget();
    }

    /// What `query-gpiodevs` says of the only gpiodev.
    pub fn gpiodev(&mut self) -> Value {
        let mut all = self.qmp("query-gpiodevs", &json!({}));
        let list = all.as_array_mut().expect("a list");
        assert_eq!(list.len(), 1, "{list:?}");
        list.remove(0)
    }

    /// Waits until the only gpiodev has its lines.
    pub fn wait_for_attachment(&mut self) {
        eventually("the gpiodev is attached", || {
            (self.gpiodev()["state"] == "attached").then_some(())
        });
    }

    /// What QEMU has written to its standard error.
    pub fn errors(&self) -> String {
        machine::errors(self.folder.path())
    }

    /// The process.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process number"))
    }

    /// Ends QEMU by SIGKILL.
    pub fn kill(mut self) {
        self.end();
    }

    /// Ends QEMU by its monitor.
    pub fn quit(mut self) -> ExitStatus {
        self.qmp("quit", &json!({}));
        self.console.wait_for_end(COMMAND);
        self.child.wait().expect("it is a child")
    }

    fn end(&mut self) {
        // Fails only if it has ended by itself.
        let _ = self.child.kill();
        self.child.wait().expect("it is a child");
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        self.end();
        if thread::panicking() {
            eprintln!("--- QEMU:\n{}", machine::errors(self.folder.path()));
            eprintln!("--- console:\n{}---", self.console.tail());
        }
    }
}
