// SPDX-License-Identifier: MIT OR Apache-2.0
//! Listening sockets: made, found stale, and removed at the end.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use mio::net::UnixListener;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc::mode_t;
use nix::sys::stat::{Mode, umask};
use thiserror::Error;

/// How long a daemon may take to make a socket. It takes microseconds.
const STARTS: Duration = Duration::from_secs(1);

/// How long to wait between looks at a lock.
const LOOK: Duration = Duration::from_millis(5);

/// A listening Unix socket; its file is removed with it.
pub struct Socket {
    pub listener: UnixListener,
    file: Option<PathBuf>,
}

/// Why a socket cannot be listened on.
#[derive(Debug, Error)]
pub enum SocketError {
    /// Another daemon listens there.
    #[error(
        "another vgpiod already listens on {path}; end it, or give this one another --socket-path and --control"
    )]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something that is no socket is in the way.
    #[error("{path} exists and is no socket; remove it, or choose another path")]
    NoSocket {
        /// The file.
        path: PathBuf,
    },
    /// The host failed.
    #[error("cannot listen on {path}")]
    Host {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Socket {
    /// Listens on `path` for its owner and its group. A file that a dead daemon left there is replaced.
    ///
    /// # Errors
    /// [`SocketError`].
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        Self::bind_without(0o117, path)
    }

    /// As [`bind`](Self::bind), for its owner alone.
    ///
    /// # Errors
    /// [`SocketError`].
    pub fn bind_private(path: &Path) -> Result<Self, SocketError> {
        Self::bind_without(0o177, path)
    }

    /// `denied`: permissions that the file does not have.
    fn bind_without(denied: mode_t, path: &Path) -> Result<Self, SocketError> {
        let host = |source| SocketError::Host { path: path.to_owned(), source };
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(dir).map_err(host)?;
        // Two daemons that start at once must not take each other's new socket for a stale one.
        let dir = File::open(dir).map_err(host)?;
        let _one_at_a_time = lock(dir).map_err(host)?;
        remove_stale(path)?;
        // From its first moment it is for nobody else.
        let before = umask(Mode::from_bits_truncate(denied));
        let listener = UnixListener::bind(path);
        umask(before);
        let listener = listener.map_err(host)?;
        Ok(Self { listener, file: Some(path.to_owned()) })
    }

    /// The socket for another process, which listens from now on; its file stays.
    ///
    /// # Errors
    /// [`SocketError::Host`] when there is no descriptor left.
    pub fn give_away(mut self) -> Result<OwnedFd, SocketError> {
        let path = self.file.take().unwrap_or_default();
        let given = self.listener.as_fd().try_clone_to_owned();
        given.map_err(|source| SocketError::Host { path, source })
    }

    /// Listens on a socket that somebody else made.
    #[must_use]
    pub fn inherited(listener: std::os::unix::net::UnixListener) -> Self {
        Self { listener: UnixListener::from_std(listener), file: None }
    }
}

/// Connects, and does not wait for a listener that lets nobody in: it may be of another user.
///
/// # Errors
/// Those of `connect(2)` for a socket with `O_NONBLOCK`.
pub fn connect(path: &Path) -> io::Result<UnixStream> {
    mio::net::UnixStream::connect(path).map(UnixStream::from)
}

/// Waits until no other daemon starts in this folder, for so long as that can take. Whoever may read the folder
/// can hold its lock for ever, so it is not more than a precaution.
fn lock(mut dir: File) -> io::Result<Option<Flock<File>>> {
    let until = Instant::now() + STARTS;
    loop {
        dir = match Flock::lock(dir, FlockArg::LockExclusiveNonblock) {
            Ok(locked) => return Ok(Some(locked)),
            Err((dir, Errno::EWOULDBLOCK)) => dir,
            Err((_, errno)) => return Err(errno.into()),
        };
        if Instant::now() > until {
            log::warn!("somebody holds the lock of the folder of sockets; started without it");
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}

/// Removes a socket that nobody listens on.
fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let host = |source| SocketError::Host { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(host(error)),
        Ok(file) if !file.file_type().is_socket() => {
            return Err(SocketError::NoSocket { path: path.to_owned() });
        }
        Ok(_) => {}
    }
    match connect(path) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(SocketError::InUse { path: path.to_owned() })
        }
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            log::warn!("{} was left by a daemon that died; it is replaced", path.display());
            fs::remove_file(path).map_err(host)
        }
        Err(error) => Err(host(error)),
        Ok(_) => Err(SocketError::InUse { path: path.to_owned() }),
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(path) = &self.file
            && let Err(error) = fs::remove_file(path)
        {
            log::warn!("cannot remove {}: {error}", path.display());
        }
    }
}
