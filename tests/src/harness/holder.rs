// SPDX-License-Identifier: MIT OR Apache-2.0
//! A frontend in a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::Daemon;

/// A process that holds lines until it is killed.
pub struct Holder(Child);

impl Holder {
    /// Starts `program`, which is `line-holder`, and waits until it has the lines of `map`.
    pub fn start(program: &str, daemon: &Daemon, map: &str) -> Self {
        let mut child = Command::new(program)
            .arg(daemon.socket())
            .arg(map)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cargo builds it with the tests");
        let mut said = String::new();
        let stdout = child.stdout.as_mut().expect("it is piped");
        BufReader::new(stdout).read_line(&mut said).expect("a pipe can be read");
        assert_eq!(said, "READY\n", "line-holder says on its standard error why it failed");
        Self(child)
    }

    /// Ends it by SIGKILL.
    pub fn kill(mut self) {
        self.end();
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    fn end(&mut self) {
        self.0.kill().expect("it is a child");
        self.0.wait().expect("it is a child");
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.end();
        }
    }
}
