// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is said to the session.

use vgpio_protocol::{Attach, Hello, Request, VERSION};

/// Sequence numbers of HELLO and ATTACH.
const GREETING: [u64; 2] = [1, 2];

/// Messages on their way to the session.
#[derive(Debug)]
pub(crate) struct Posts {
    bytes: Vec<u8>,
    seq: u64,
}

impl Posts {
    /// After the [`greeting`].
    pub fn new() -> Self {
        let [_, seq] = GREETING;
        Self { bytes: Vec::new(), seq }
    }

    /// Adds a message; returns its sequence number.
    pub fn post(&mut self, message: &Request<'_>) -> u64 {
        self.seq += 1;
        message.encode(self.seq, &mut self.bytes);
        self.seq
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn drop_sent(&mut self, sent: usize) {
        self.bytes.drain(..sent.min(self.bytes.len()));
    }
}

/// Appends the messages that ask a session for the lines of an export. `name` is that of the guest, for
/// logs and as consumer of its lines.
pub fn greeting(name: &str, export: &str, out: &mut Vec<u8>) {
    let hello = Hello { version_min: VERSION, version_max: VERSION, features: 0, name };
    let messages = [Request::Hello(hello), Request::Attach(Attach::Export(export))];
    for (seq, message) in GREETING.into_iter().zip(messages) {
        message.encode(seq, out);
    }
}
