// SPDX-License-Identifier: MIT OR Apache-2.0
//! A stand-in for systemd's store of file descriptors (`sd_notify(3)`, `sd_listen_fds(3)`).

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tempfile::TempDir;

/// Places descriptors that come on standard input as systemd does, and runs a program.
const PASS: &str = "
import fcntl, os, socket, sys
count, program = int(sys.argv[1]), sys.argv[2:]
stream = socket.socket(fileno=0)
passed = [socket.recv_fds(stream, 1, 1)[1][0] for _ in range(count)]
passed = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in passed]
for i, fd in enumerate(passed):
    os.dup2(fd, 3 + i)
    os.close(fd)
os.dup2(os.open('/dev/null', os.O_RDONLY), 0)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(count))
os.execvp(program[0], program)
";

/// Bytes of a message.
const MESSAGE: usize = 1024;

/// What has been stored, and whether the service is ready.
#[derive(Default)]
struct Stored {
    fds: Vec<(String, OwnedFd)>,
    is_ready: bool,
}

/// A service manager.
pub struct Manager {
    folder: TempDir,
    stored: Arc<Mutex<Stored>>,
}

impl Manager {
    /// One that has stored nothing.
    pub fn new() -> Self {
        let folder = super::folder();
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a new folder");
        let stored = Arc::new(Mutex::new(Stored::default()));
        let store = Arc::clone(&stored);
        thread::spawn(move || {
            loop {
                let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
                poll(&mut fds, PollTimeout::NONE).expect("a socket can be waited for");
                let mut bytes = [0; MESSAGE];
                let received = vgpio_ring::receive(socket.as_fd(), &mut bytes);
                let (count, fd) = received.expect("it is readable");
                let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
                store.lock().expect("nobody panics with it").take(&text, fd);
            }
        });
        Self { folder, stored }
    }

    /// Names of what is stored.
    pub fn names(&self) -> Vec<String> {
        let stored = self.stored.lock().expect("nobody panics with it");
        stored.fds.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Whether the service has said that it is ready.
    pub fn is_ready(&self) -> bool {
        self.stored.lock().expect("nobody panics with it").is_ready
    }

    /// What starts a service by this command, with what is stored, and room for so many descriptors.
    pub fn start(&self, command: &Command, room: usize) -> Command {
        let stored = self.stored.lock().expect("nobody panics with it");
        let (own, other) = UnixStream::pair().expect("a socket");
        for (_, fd) in &stored.fds {
            vgpio_ring::send(own.as_fd(), &[0], fd.as_fd()).expect("it has room");
        }
        let names: Vec<_> = stored.fds.iter().map(|(name, _)| name.as_str()).collect();
        let mut python = Command::new("python3");
        python.args(["-c", PASS, &stored.fds.len().to_string()]);
        python.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => python.env(name, value),
                None => python.env_remove(name),
            };
        }
        python
            .env("NOTIFY_SOCKET", self.folder.path().join("notify"))
            .env("FDSTORE", room.to_string())
            .env("LISTEN_FDNAMES", names.join(":"))
            .stdin(OwnedFd::from(other));
        python
    }
}

impl Stored {
    fn take(&mut self, text: &str, fd: Option<OwnedFd>) {
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
        self.is_ready |= value("READY=") == Some("1");
        let name = value("FDNAME=").unwrap_or("stored").to_owned();
        if value("FDSTOREREMOVE=") == Some("1") {
            self.fds.retain(|(other, _)| *other != name);
        } else if let Some(fd) = fd.filter(|_| value("FDSTORE=") == Some("1")) {
            self.fds.push((name, fd));
        }
    }
}
