// SPDX-License-Identifier: MIT OR Apache-2.0
//! As much of QEMU's machine protocol as it takes to find a device (QEMU, `docs/interop/qmp-spec.rst`).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::error::Error;
use crate::socket;

/// How long QEMU may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest line that QEMU may send, in bytes. A list of a machine's devices has some thousands.
const MAX_LINE: u64 = 1 << 20;

/// A connection that has been greeted.
pub struct Qmp {
    stream: BufReader<UnixStream>,
    path: PathBuf,
}

impl Qmp {
    /// Connects to a socket, which is waited for until `end`.
    pub fn connect(path: &Path, end: Instant) -> Result<Self, Error> {
        let connect = |source| Error::ConnectQmp { path: path.to_owned(), source };
        let stream = socket::connect(path, end).map_err(connect)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(connect)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(connect)?;
        let mut qmp = Self { stream: BufReader::new(stream), path: path.to_owned() };
        if qmp.read()?.get("QMP").is_none() {
            return Err(Error::NotQmp { path: path.to_owned() });
        }
        qmp.ask("qmp_capabilities", &json!({}))?;
        Ok(qmp)
    }

    /// Names and types of an object's properties.
    pub fn list(&mut self, path: &str) -> Result<Vec<(String, String)>, Error> {
        let answer = self.ask("qom-list", &json!({ "path": path }))?;
        let text = |property: &Value, key: &str| Some(property.get(key)?.as_str()?.to_owned());
        let properties = answer.as_array().into_iter().flatten();
        Ok(properties.filter_map(|p| Some((text(p, "name")?, text(p, "type")?))).collect())
    }

    /// A property that is a text.
    pub fn text(&mut self, path: &str, property: &str) -> Result<String, Error> {
        let value = self.get(path, property)?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    /// A property that is a whole number.
    pub fn number(&mut self, path: &str, property: &str) -> Result<u64, Error> {
        let value = self.get(path, property)?;
        value.as_u64().ok_or_else(|| Error::NotQmp { path: self.path.clone() })
    }

    fn get(&mut self, path: &str, property: &str) -> Result<Value, Error> {
        self.ask("qom-get", &json!({ "path": path, "property": property }))
    }

    fn ask(&mut self, command: &'static str, arguments: &Value) -> Result<Value, Error> {
        let request = json!({ "execute": command, "arguments": arguments });
        let sent = self.stream.get_mut().write_all(format!("{request}\n").as_bytes());
        sent.map_err(|error| self.broken(&error))?;
        loop {
            let mut line = self.read()?;
            if let Some(answer) = line.get_mut("return") {
                return Ok(answer.take());
            }
            if let Some(error) = line.get("error") {
                let text = error.get("desc").and_then(Value::as_str).unwrap_or_default();
                return Err(Error::QmpRefused { command, text: text.escape_debug().collect() });
            }
            // Events go by.
        }
    }

    fn read(&mut self) -> Result<Value, Error> {
        let mut line = Vec::new();
        let read = self.stream.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        match read {
            Err(error) => Err(self.broken(&error)),
            Ok(0) => Err(Error::QmpClosed),
            Ok(_) => {
                serde_json::from_slice(&line).map_err(|_| Error::NotQmp { path: self.path.clone() })
            }
        }
    }

    fn broken(&self, error: &io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                Error::QmpSilent { path: self.path.clone() }
            }
            _ => Error::QmpClosed,
        }
    }
}
