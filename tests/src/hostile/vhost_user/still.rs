// SPDX-License-Identifier: MIT OR Apache-2.0
//! Monitors that stop, do not read, or come and go.

use fastrand::Rng;

use super::super::Held;
use super::Target;
use super::monitor::{GET_FEATURES, Message, Monitor};

/// How many do so at once, where several may have a device.
const STILL: usize = 50;
/// More questions than are answered one who does not read.
const QUESTIONS: usize = 50_000;
/// Connections that come and go.
const KNOCKS: usize = 200;

fn crowd(target: &Target, mut each: impl FnMut(&mut Monitor)) -> Held {
    let count = if target.is_shared { STILL } else { 1 };
    let monitors = (0..count).map_while(|_| Monitor::begin(&target.socket));
    let each = |mut monitor: Monitor| {
        each(&mut monitor);
        Box::new(monitor) as _
    };
    monitors.map(each).collect()
}

/// So many connections at once, which say nothing.
pub fn hold(target: &Target, count: usize) -> Vec<Monitor> {
    (0..count).map_while(|_| Monitor::try_connect(&target.socket)).collect()
}

pub fn stalled(target: &Target, rng: &mut Rng) -> Held {
    crowd(target, |monitor| {
        let messages = monitor.conversation();
        let last = rng.usize(..messages.len());
        monitor.say(&messages[..last]);
        let bytes = messages[last].bytes();
        monitor.send_bytes(&bytes[..rng.usize(1..bytes.len())], &messages[last].fds);
    })
}

pub fn silent(target: &Target, _: &mut Rng) -> Held {
    let count = if target.is_shared { STILL } else { 1 };
    hold(target, count).into_iter().map(|monitor| Box::new(monitor) as _).collect()
}

pub fn unread(target: &Target, _: &mut Rng) -> Held {
    crowd(target, |monitor| {
        let question = Message::new(GET_FEATURES, &[]);
        let all = (0..QUESTIONS).all(|_| monitor.send(&question));
        assert!(!all, "the daemon never stopped one who does not read");
    })
}

pub fn come_and_go(target: &Target, rng: &mut Rng) -> Held {
    for _ in 0..KNOCKS {
        let Some(mut monitor) = Monitor::try_connect(&target.socket) else { break };
        let messages = monitor.conversation();
        if rng.bool() {
            for message in &messages[..rng.usize(..messages.len())] {
                monitor.send(message);
            }
        }
    }
    Held::new()
}
