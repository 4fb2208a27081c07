// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client's end of the control socket.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use super::api::{Event, Refusal};
use super::request::Command;

/// A connection to the daemon that waits for each answer.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
    id: u64,
}

/// Why there is no answer, or no good one.
#[derive(Debug, Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error(
        "cannot reach vgpiod at {}; start it, or name its socket with --control or VGPIO_CONTROL",
        .path.display()
    )]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It listens for others.
    #[error("{} is for the user of vgpiod; become that user, or root", .path.display())]
    Denied {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The connection broke.
    #[error("the connection to vgpiod broke; its log says why")]
    Broken(#[source] io::Error),
    /// The daemon closed the connection.
    #[error("vgpiod closed the connection; its log says why")]
    Closed,
    /// An answer that is not understood.
    #[error("vgpiod answered what is not understood; use vgpioctl and vgpiod of one version")]
    Garbled(#[source] serde_json::Error),
    /// The daemon refused the command.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// What a monitoring client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A line changed.
    Event(Event),
    /// At most so many events were dropped: they came too fast, or this client did not read.
    Dropped(u64),
}

/// Any line that the daemon sends.
#[derive(Deserialize)]
struct Reply {
    id: Option<u64>,
    ok: Option<Value>,
    error: Option<Refusal>,
    event: Option<Event>,
    dropped: Option<u64>,
}

impl Client {
    /// Connects to a control socket.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] when nobody listens there, [`ClientError::Denied`] when it is for others.
    pub fn connect(path: &Path) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(path).map_err(|source| not_connected(path, source))?;
        Ok(Self { stream: BufReader::new(stream), id: 0 })
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the daemon refuses it; the others when the connection fails.
    pub fn ask<T: DeserializeOwned>(&mut self, command: &Command) -> Result<T, ClientError> {
        self.id += 1;
        let mut request = serde_json::to_value(command).map_err(ClientError::Garbled)?;
        request["id"] = self.id.into();
        let line = format!("{request}\n");
        if let Err(error) = self.stream.get_mut().write_all(line.as_bytes()) {
            return Err(self.farewell().map_or(ClientError::Broken(error), Into::into));
        }
        loop {
            let reply = self.read()?;
            match (reply.error, reply.ok) {
                (Some(refusal), _) => return Err(refusal.into()),
                (None, Some(ok)) if reply.id == Some(self.id) => {
                    return serde_json::from_value(ok).map_err(ClientError::Garbled);
                }
                _ => {}
            }
        }
    }

    /// Waits for the next notice of a `monitor`.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn notice(&mut self) -> Result<Notice, ClientError> {
        loop {
            let reply = self.read()?;
            match (reply.event, reply.dropped) {
                (Some(event), _) => return Ok(Notice::Event(event)),
                (None, Some(dropped)) => return Ok(Notice::Dropped(dropped)),
                (None, None) => {}
            }
        }
    }

    /// What the daemon said before it closed the connection.
    fn farewell(&mut self) -> Option<Refusal> {
        self.read().ok()?.error
    }

    fn read(&mut self) -> Result<Reply, ClientError> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => Err(ClientError::Closed),
            Ok(_) => serde_json::from_str(&line).map_err(ClientError::Garbled),
            Err(e) => Err(ClientError::Broken(e)),
        }
    }
}

fn not_connected(path: &Path, source: io::Error) -> ClientError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::PermissionDenied => ClientError::Denied { path, source },
        _ => ClientError::Unreachable { path, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_let_in_is_told_who_is() {
        let denied = not_connected(Path::new("c.sock"), io::ErrorKind::PermissionDenied.into());
        assert_eq!(
            denied.to_string(),
            "c.sock is for the user of vgpiod; become that user, or root"
        );
    }
}
