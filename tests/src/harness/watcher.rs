// SPDX-License-Identifier: MIT OR Apache-2.0
//! Somebody who sees every change of pads of a simulated chip, as `vgpioctl monitor` does.

use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde::de::IgnoredAny;
use vgpio_backend::control::api::{Event, LineName};
use vgpio_backend::control::{Command, Notice};

use super::{DEADLINE, Daemon};

/// The changes of some pads, as they come.
pub struct Watcher(Receiver<Event>);

impl Watcher {
    /// Watches pads from now on.
    pub fn start(daemon: &Daemon, lines: Vec<LineName>) -> Self {
        let mut control = daemon.control();
        let answer = control.ask::<IgnoredAny>(&Command::Monitor { lines });
        answer.expect("the pads are there");
        let (to, changes) = channel();
        thread::spawn(move || {
            // Ends with the daemon, or when nobody wants to know any more.
            while let Ok(notice) = control.notice() {
                let Notice::Event(event) = notice else {
                    panic!("{notice:?}: changes were dropped");
                };
                if to.send(event).is_err() {
                    return;
                }
            }
        });
        Self(changes)
    }

    /// Waits for the next change.
    pub fn change(&mut self) -> Event {
        self.0.recv_timeout(DEADLINE).expect("a pad changes in time")
    }
}
