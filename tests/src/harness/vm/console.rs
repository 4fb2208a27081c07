// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's serial console, with busybox's shell at its other end.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// What the shell says when it waits for a command.
const PROMPT: &str = "guest# ";
/// What the first process says when the shell starts.
const BOOTED: &str = "guest ready: ";
/// The shell's question for the place of the cursor, which a terminal would answer.
const WHERE: &str = "\x1b[6n";
/// The shell's line editor takes 1,023 bytes; what is put around a command needs some.
const LONGEST: usize = 900;
/// How much of the console is shown when something fails.
const TAIL: usize = 4000;

/// The console, and all that it has said.
pub struct Console {
    to: ChildStdin,
    from: Receiver<Vec<u8>>,
    said: Vec<u8>,
    /// How much of it has been used up.
    used: usize,
    /// How many commands have been run: each has marks of its own.
    commands: u32,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Its exit status.
    pub status: i32,
    /// What it wrote to standard output and error, without the last newline.
    pub output: String,
}

impl Console {
    /// The console of a QEMU that has it on its standard input and output.
    pub fn of(child: &mut Child) -> Self {
        let to = child.stdin.take().expect("it is piped");
        let mut stdout = child.stdout.take().expect("it is piped");
        let (sender, from) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { to, from, said: Vec::new(), used: 0, commands: 0 }
    }

    /// Waits until the guest has booted and its shell asks for a command.
    pub fn wait_for_boot(&mut self, time: Duration) {
        let booted = self.try_wait_for_boot(time);
        booted.unwrap_or_else(|why| panic!("the guest does not boot: {why}\n{}", self.tail()));
    }

    /// As [`wait_for_boot`](Self::wait_for_boot), of a QEMU that may have failed to start.
    pub fn try_wait_for_boot(&mut self, time: Duration) -> Result<(), RecvTimeoutError> {
        let end = Instant::now() + time;
        self.try_take_until(BOOTED, end)?;
        self.try_take_until(PROMPT, end)?;
        Ok(())
    }

    /// Types a line, and waits until the shell has done what it says.
    pub fn type_line(&mut self, line: &str, time: Duration) {
        self.send(line);
        self.run("true", time);
    }

    /// Types a line, and waits for nothing.
    pub fn type_only(&mut self, line: &str) {
        self.send(line);
    }

    /// Runs a command. Whatever else comes to the console, before or behind, is left out: only
    /// what is between two marks of this command counts. The shell shows a command as it is typed,
    /// so marks are typed in another way than they are printed. The prompt behind it is not waited
    /// for: a child that ends while the shell writes it interrupts that, and it is lost.
    pub fn run(&mut self, command: &str, time: Duration) -> Ran {
        assert!(!command.contains('\n') && command.len() < LONGEST, "not one line: {command}");
        self.commands += 1;
        let n = self.commands;
        let end = Instant::now() + time;
        self.send(&format!("echo '<'{n}'<'; {command}; echo '>'{n}'>'$?."));
        self.take_until(&format!("<{n}<"), end);
        let output = self.take_until(&format!(">{n}>"), end).replace('\r', "");
        let status = self.take_until(".", end).parse().expect("an exit status");
        let output = output.strip_prefix('\n').unwrap_or(&output);
        Ran { status, output: output.strip_suffix('\n').unwrap_or(output).to_owned() }
    }

    /// Waits until QEMU has closed the console, and so has ended.
    pub fn wait_for_end(&mut self, time: Duration) {
        let end = Instant::now() + time;
        loop {
            match self.listen(end) {
                Ok(()) => {}
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => panic!("QEMU does not end\n{}", self.tail()),
            }
        }
    }

    /// The last that it has said.
    pub fn tail(&self) -> String {
        let from = self.said.len().saturating_sub(TAIL);
        String::from_utf8_lossy(&self.said[from..]).replace(['\r', '\x1b'], "")
    }

    fn send(&mut self, line: &str) {
        let sent = self.to.write_all(format!("{line}\n").as_bytes());
        sent.unwrap_or_else(|error| panic!("QEMU has ended: {error}\n{}", self.tail()));
    }

    fn take_until(&mut self, text: &str, end: Instant) -> String {
        let before = self.try_take_until(text, end);
        before
            .unwrap_or_else(|why| panic!("the guest does not say '{text}': {why}\n{}", self.tail()))
    }

    /// Waits until it says this, and returns what it says before.
    fn try_take_until(&mut self, text: &str, end: Instant) -> Result<String, RecvTimeoutError> {
        loop {
            let rest = &self.said[self.used..];
            if let Some(at) = rest.windows(text.len()).position(|part| part == text.as_bytes()) {
                let before = String::from_utf8_lossy(&rest[..at]).replace(WHERE, "");
                self.used += at + text.len();
                return Ok(before);
            }
            self.listen(end)?;
        }
    }

    fn listen(&mut self, end: Instant) -> Result<(), RecvTimeoutError> {
        let bytes = self.from.recv_timeout(end.saturating_duration_since(Instant::now()))?;
        self.said.extend(bytes);
        Ok(())
    }
}
