// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's qtest protocol (QEMU, `system/qtest.c`): a line each way, answers in the order of commands, and
//! `IRQ` lines in between.

use std::fmt::{self, Write as _};

use thiserror::Error;

/// Longest line that QEMU may send, in bytes. Its answers to what is asked here are shorter, but for a
/// refusal that repeats the command.
pub const MAX_LINE: usize = 4096;
/// How much of a line an error shows, in characters.
const SHOWN: usize = 100;

/// A line from QEMU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// The oldest command that has no answer yet is carried out; the value is what it asked for.
    Ok(Option<u64>),
    /// That command is refused, with this text, made fit to be shown.
    Fail(String),
    /// An output of the intercepted device has changed.
    Irq {
        /// Its number in the device's list of outputs.
        line: u32,
        /// Its level.
        high: bool,
    },
}

/// Why bytes are no line of the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WireError {
    /// The line is too long.
    #[error("a line of more than {MAX_LINE} bytes")]
    Long,
    /// The line is none that QEMU sends.
    #[error("'{0}'")]
    Unknown(String),
}

/// A command for QEMU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// Tell of the changes of all unnamed outputs of the device at this QOM path.
    InterceptOutputs(&'a str),
    /// Set an unnamed input of the device at this QOM path. QEMU ends if there is no such input.
    SetInput(&'a str, u8, bool),
    /// Read a byte of the guest's memory.
    Read(u64),
}

impl fmt::Display for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InterceptOutputs(path) => write!(f, "irq_intercept_out {path}"),
            Self::SetInput(path, line, high) => {
                write!(f, "set_irq_in {path} unnamed-gpio-in {line} {}", u8::from(*high))
            }
            Self::Read(address) => write!(f, "readb {address:#x}"),
        }
    }
}

/// Makes lines of bytes, in a buffer of fixed size.
#[derive(Debug)]
pub struct Reader {
    buffer: Box<[u8]>,
    /// Where the first byte not yet used is.
    start: usize,
    /// Where the bytes end.
    end: usize,
}

impl Default for Reader {
    fn default() -> Self {
        Self { buffer: vec![0; 2 * MAX_LINE].into_boxed_slice(), start: 0, end: 0 }
    }
}

impl Reader {
    /// Room for more bytes; never empty when [`message`](Self::message) has given `None`.
    pub fn space(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        self.buffer.get_mut(self.end..).unwrap_or_default()
    }

    /// So many bytes have been put there.
    pub fn received(&mut self, count: usize) {
        self.end = (self.end + count).min(self.buffer.len());
    }

    /// The next message, or `None` until more bytes have come.
    ///
    /// # Errors
    /// [`WireError`]: whoever sends this is no qtest server.
    pub fn message(&mut self) -> Result<Option<Message>, WireError> {
        let bytes = self.buffer.get(self.start..self.end).unwrap_or_default();
        let Some(length) = bytes.iter().take(MAX_LINE + 1).position(|byte| *byte == b'\n') else {
            return if bytes.len() > MAX_LINE { Err(WireError::Long) } else { Ok(None) };
        };
        let line = bytes.get(..length).unwrap_or_default();
        self.start += length + 1;
        parse(line).map(Some).ok_or_else(|| WireError::Unknown(shown(line)))
    }
}

fn parse(line: &[u8]) -> Option<Message> {
    let text = std::str::from_utf8(line).ok()?.trim_end_matches('\r');
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match word {
        "OK" if rest.is_empty() => Some(Message::Ok(None)),
        "OK" => {
            let value = u64::from_str_radix(rest.strip_prefix("0x")?, 16).ok()?;
            Some(Message::Ok(Some(value)))
        }
        "FAIL" | "ERR" => Some(Message::Fail(shown(rest.as_bytes()))),
        "IRQ" => {
            let (change, line) = rest.split_once(' ')?;
            let high = match change {
                "raise" => true,
                "lower" => false,
                _ => return None,
            };
            Some(Message::Irq { line: line.parse().ok()?, high })
        }
        _ => None,
    }
}

/// The start of a line, without what a terminal would take for an order.
fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut shown = String::new();
    for character in text.chars().take(SHOWN) {
        // Memory takes it.
        let _ = match character {
            '\'' | '"' => write!(shown, "{character}"),
            _ => write!(shown, "{}", character.escape_debug()),
        };
    }
    if text.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    shown
}
