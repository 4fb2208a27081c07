// SPDX-License-Identifier: MIT OR Apache-2.0
//! What waits to be sent to a frontend.

use std::io::{self, Write};

use vgpio_protocol::Event;

/// Above this many bytes a frontend counts as one that does not read
/// (`docs/protocol.md`, "Limits").
const FULL: usize = 256 * 1024;

/// What an idle session may keep allocated, in bytes.
const KEPT: usize = 4 * 1024;

/// Messages on their way to a frontend.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    sent: usize,
    messages: u64,
}

impl Outbox {
    /// Adds a message.
    pub fn push(&mut self, event: &Event<'_>, seq: u64) {
        event.encode(seq, &mut self.bytes);
        self.messages += 1;
    }

    /// Adds the messages of another one, which has none then.
    pub fn append(&mut self, other: &mut Self) {
        let Self { bytes, sent, messages } = std::mem::take(other);
        self.bytes.extend_from_slice(bytes.get(sent..).unwrap_or_default());
        self.messages += messages;
    }

    /// Messages that were added, ever.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Bytes that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Bytes of memory taken for what waits.
    #[must_use]
    pub fn room(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the frontend is too slow for more edges, and for more replies.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() >= FULL
    }

    /// Whether enough has drained to catch up.
    #[must_use]
    pub fn is_low(&self) -> bool {
        self.len() < FULL / 2
    }

    /// Writes until all is written or `to` would block.
    ///
    /// # Errors
    /// Those of `to`, but for [`io::ErrorKind::WouldBlock`] and [`io::ErrorKind::Interrupted`].
    pub fn write(&mut self, mut to: impl Write) -> io::Result<()> {
        while let Some(rest) = self.bytes.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match to.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => self.sent += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.drop_sent();
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.drop_sent();
        self.bytes.shrink_to(KEPT);
        Ok(())
    }

    /// Frees the room of what has been sent.
    fn drop_sent(&mut self) {
        self.bytes.drain(..self.sent);
        self.sent = 0;
    }
}
