// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's machine protocol (QEMU, `docs/interop/qmp-spec.rst`).

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::DEADLINE;

/// A connection, and the events that came and were not yet asked for.
pub struct Qmp {
    stream: BufReader<UnixStream>,
    events: VecDeque<Event>,
}

/// What QEMU tells unasked.
#[derive(Debug)]
struct Event {
    name: String,
    data: Value,
}

/// Any line that QEMU sends.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "QMP")]
    greeting: Option<Value>,
    #[serde(rename = "return")]
    answer: Option<Value>,
    error: Option<Failure>,
    event: Option<String>,
    #[serde(default)]
    data: Value,
}

#[derive(Deserialize)]
struct Failure {
    desc: String,
}

impl Qmp {
    /// A connection that QEMU has made.
    pub fn of(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket has a timeout");
        let mut qmp = Self { stream: BufReader::new(stream), events: VecDeque::new() };
        assert!(qmp.read().greeting.is_some(), "QEMU greets");
        qmp.execute("qmp_capabilities", &json!({})).expect("QEMU has no secrets");
        qmp
    }

    /// Runs a command. The error is QEMU's text.
    pub fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value, String> {
        let request = json!({ "execute": command, "arguments": arguments });
        let sent = self.stream.get_mut().write_all(format!("{request}\n").as_bytes());
        sent.expect("QEMU runs");
        loop {
            let line = self.read();
            match line {
                Line { error: Some(error), .. } => return Err(error.desc),
                Line { answer: Some(answer), .. } => return Ok(answer),
                Line { event: Some(name), data, .. } => {
                    self.events.push_back(Event { name, data });
                }
                _ => {}
            }
        }
    }

    /// Waits for the next event of this name.
    pub fn event(&mut self, name: &str) -> Value {
        if let Some(at) = self.events.iter().position(|event| event.name == name) {
            return self.events.remove(at).expect("it is there").data;
        }
        loop {
            let line = self.read();
            let Some(came) = line.event else { continue };
            if came == name {
                return line.data;
            }
            self.events.push_back(Event { name: came, data: line.data });
        }
    }

    /// Forgets the events that came.
    pub fn forget(&mut self) {
        self.events.clear();
    }

    fn read(&mut self) -> Line {
        let mut text = String::new();
        let read = self.stream.read_line(&mut text);
        let count = read.unwrap_or_else(|e| panic!("QEMU says nothing: {e}; {:?}", self.events));
        assert!(count > 0, "QEMU has closed its monitor");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }
}
