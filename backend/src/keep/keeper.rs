// SPDX-License-Identifier: MIT OR Apache-2.0
//! The keeper: a process that does nothing but hold descriptors while there is no daemon.
//!
//! It serves one daemon at a time, of its own user; it knows neither lines nor chips. It ends when it has
//! nothing to hold and no daemon, or when none has come for as long as the last one has said.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_name;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::{close, geteuid, setsid};

use super::message::{Message, timeout};
use super::{PATIENCE, Part};

/// Requests that a keeper holds at most, each with its record.
pub const MOST: usize = 2048;

/// How long it waits for the daemon that has started it.
const FIRST: Duration = Duration::from_secs(10);

/// What is held.
struct Kept {
    part: Part,
    number: u64,
    fd: OwnedFd,
}

/// Holds what daemons give that connect to the socket at standard input, until it is no longer needed.
///
/// # Errors
/// When that is no listening socket, or the host fails it.
pub fn run() -> io::Result<()> {
    // For ps(1), which would show how it was started.
    let _ = set_name(c"vgpio-keeper");
    // It fails for the leader of a group, which is in nobody's way.
    let _ = setsid();
    std::env::set_current_dir("/")?;
    // What whoever started the daemon has let it inherit would live as long as the keeper.
    close_all_but_standard();
    let most = match descriptors() {
        Ok(most) => usize::try_from(most).unwrap_or(usize::MAX).saturating_sub(OWN) / 2,
        Err(_) => MOST,
    };
    let listener = io::stdin().as_fd().try_clone_to_owned()?;
    serve(&UnixListener::from(listener), most.min(MOST))
}

/// Descriptors that a keeper needs for itself.
const OWN: usize = 8;

/// How many descriptors this process may have, once it has raised that as far as it may.
fn descriptors() -> nix::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(hard)
}

/// Closes descriptors from 3 on.
fn close_all_but_standard() {
    let names = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let all: Vec<RawFd> =
        names.filter_map(|name| name.file_name().to_str()?.parse().ok()).collect();
    // The one that the folder was read by is closed already.
    for fd in all.into_iter().filter(|fd| *fd > 2) {
        let _ = close(fd);
    }
}

/// Serves daemons by a socket, one after the other, and holds so many requests.
fn serve(listener: &UnixListener, most: usize) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let (mut kept, mut grace, mut came) = (Vec::new(), FIRST, None);
    loop {
        let daemon = match came.take() {
            Some(daemon) => daemon,
            None => match next(listener, Instant::now() + grace)? {
                Some(daemon) => daemon,
                None => return Ok(()),
            },
        };
        // One that breaks off has gone like any other.
        came = attend(&daemon, listener, &mut kept, &mut grace, most).unwrap_or_default();
        if kept.is_empty() && came.is_none() {
            return Ok(());
        }
    }
}

/// Waits for a daemon. Whoever else connects is turned away, and gains no time.
fn next(listener: &UnixListener, until: Instant) -> io::Result<Option<UnixStream>> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout(left)) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(nix::errno::Errno::EINTR) => continue,
            Err(errno) => return Err(errno.into()),
        }
        if let Some(daemon) = accept(listener)? {
            return Ok(Some(daemon));
        }
        if left.is_zero() {
            return Ok(None);
        }
    }
}

/// A daemon that has connected, if one has.
fn accept(listener: &UnixListener) -> io::Result<Option<UnixStream>> {
    match listener.accept() {
        Ok((stream, _)) => Ok(Some(stream).filter(is_own)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the other side is of this process's user.
#[must_use]
pub fn is_own(stream: &UnixStream) -> bool {
    let peer = getsockopt(&stream.as_fd(), PeerCredentials);
    peer.is_ok_and(|peer| peer.uid() == geteuid().as_raw())
}

/// Tells a daemon what is held, and does what it asks until it has gone, or another one has come: there is one
/// at a time, and one that is stopped does not say so. Returns that one.
fn attend(
    daemon: &UnixStream,
    listener: &UnixListener,
    kept: &mut Vec<Kept>,
    grace: &mut Duration,
    most: usize,
) -> io::Result<Option<UnixStream>> {
    let socket = daemon.as_fd();
    for Kept { part, number, fd } in &*kept {
        Message::Keep(*part, *number).send(socket, Some(fd.as_fd()), PATIENCE)?;
    }
    Message::End.send(socket, None, PATIENCE)?;
    loop {
        let mut fds = [socket, listener.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let [has_said, has_come] = fds.map(|fd| fd.any().unwrap_or(false));
        if has_said {
            let Some((message, passed)) = Message::receive(socket, PATIENCE)? else {
                return Ok(None);
            };
            match (message, passed) {
                (Message::Grace(ms), _) => *grace = Duration::from_millis(ms),
                (Message::Forget(gone), _) => kept.retain(|kept| kept.number != gone),
                (Message::Keep(part, number), Some(fd)) if kept.len() < 2 * most => {
                    kept.push(Kept { part, number, fd });
                }
                // The kernel drops descriptors that a process may not have.
                (Message::Keep(_, number), _) => {
                    Message::Refused(number).send(socket, None, PATIENCE)?;
                }
                _ => {}
            }
        } else if has_come && let Some(next) = accept(listener)? {
            return Ok(Some(next));
        }
    }
}

#[cfg(test)]
mod tests;
