// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages with other descriptors than belong to them.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::channel;
use std::thread;

use fastrand::Rng;

use super::super::Held;
use super::super::unsent::{A_MOMENT, unsent};
use super::Target;
use super::messages::each;
use super::monitor::{Message, Monitor, SET_VRING_CALL};

/// More than a message of this protocol may have, and as many as the kernel passes at all.
const MANY: [usize; 4] = [2, 9, 33, 253];

pub fn missing(target: &Target, rng: &mut Rng) -> Held {
    each(target, |monitor| {
        for mut message in monitor.conversation() {
            if rng.u8(..3) == 0 {
                message.fds.clear();
            }
            monitor.say(&[message]);
        }
    })
}

pub fn wrong(target: &Target, rng: &mut Rng) -> Held {
    let (socket, _other) = UnixStream::pair().expect("sockets");
    let files = [File::open("/dev/null"), File::open("/proc/self/exe"), File::open("/")];
    let files = files.map(|file| file.expect("it is there"));
    let [null, program, folder] = files.each_ref().map(File::as_raw_fd);
    each(target, |monitor| {
        let kinds = [
            null,
            program,
            folder,
            socket.as_raw_fd(),
            monitor.memory.as_raw_fd(),
            monitor.eventfds[0].as_raw_fd(),
        ];
        for mut message in monitor.conversation() {
            if !message.fds.is_empty() && rng.u8(..3) == 0 {
                message.fds = vec![kinds[rng.usize(..kinds.len())]];
            }
            monitor.say(&[message]);
        }
    })
}

pub fn too_many(target: &Target, rng: &mut Rng) -> Held {
    each(target, |monitor| {
        for mut message in monitor.conversation() {
            if rng.u8(..3) == 0 {
                let fd = monitor.eventfds[0].as_raw_fd();
                message.fds = vec![fd; MANY[rng.usize(..MANY.len())]];
            }
            monitor.say(&[message]);
        }
    })
}

/// Each of them keeps whoever closes it last waiting: in place of an eventfd, and behind a message that is refused.
pub fn slow_to_close(target: &Target, _: &mut Rng) -> Held {
    let mut held = Held::new();
    for [has_device, behind] in
        [[true, false], [true, true], [false, false], [false, true]].repeat(3)
    {
        let connect = if has_device { Monitor::begin } else { Monitor::try_connect };
        let Some(mut monitor) = connect(&target.socket) else { continue };
        let (socket, other) = unsent();
        let before = if behind { vec![0xff; 12] } else { Vec::new() };
        let (done, sent) = channel();
        thread::spawn(move || {
            let message = Message::new(SET_VRING_CALL, &[0]).with(&[socket.as_raw_fd()]);
            monitor.send_bytes(&before, &[]);
            monitor.send(&message);
            // Nobody waits for it who does not want it.
            let _ = done.send(monitor);
            drop(socket);
        });
        held.push(Box::new((sent.recv_timeout(A_MOMENT).ok(), other)));
    }
    held
}
