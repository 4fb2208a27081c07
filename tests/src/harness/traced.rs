// SPDX-License-Identifier: MIT OR Apache-2.0
//! A daemon whose system calls strace writes down.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;

use super::{Daemon, command, folder};

/// A daemon, and the file with its ioctls.
pub struct Traced {
    /// The daemon.
    pub daemon: Daemon,
    trace: PathBuf,
}

impl Traced {
    /// Starts it, and waits until it listens.
    pub fn start(options: &[impl AsRef<str>]) -> Self {
        let folder = Rc::new(folder());
        let trace = folder.path().join("trace");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-e", "trace=ioctl", "-o"]).arg(&trace);
        let inner = command(folder.path(), options);
        let daemon = Daemon::start_by(&folder, through(strace, &inner));
        Self { daemon, trace }
    }

    /// Ends it. Returns how many calls have set values of lines.
    pub fn stop(self) -> usize {
        let _folder_until_it_is_read = Rc::clone(self.daemon.folder());
        self.daemon.stop();
        let trace = fs::read_to_string(&self.trace).expect("strace writes it");
        // GPIO_V2_LINE_SET_VALUES_IOCTL, which older straces show by its number (`linux/gpio.h`).
        let is_set = |call: &&str| {
            call.contains("GPIO_V2_LINE_SET_VALUES") || call.contains("0xb4, 0xf, 0x10")
        };
        trace.lines().filter(is_set).count()
    }
}

/// `outer` with its arguments, running `inner`.
fn through(mut outer: Command, inner: &Command) -> Command {
    outer.arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    outer
}
