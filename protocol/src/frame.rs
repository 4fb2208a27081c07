// SPDX-License-Identifier: MIT OR Apache-2.0
//! The header that every message starts with.

use crate::bytes::{put_u16, put_u32, put_u64};
use crate::error::DecodeError;
use crate::limits::MAX_PAYLOAD;

/// Size of the header, in bytes.
pub const HEADER_SIZE: usize = 16;

/// Header flag: a receiver that does not know the type skips the message.
pub const FLAG_OPTIONAL: u16 = 1;

/// One whole message as it stands in the receiver's buffer, its payload not yet looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Message type.
    pub kind: u16,
    /// Whether a receiver that does not know `kind` may skip the message.
    pub optional: bool,
    /// Sequence number: the sender's own, or that of the message replied to, or 0.
    pub seq: u64,
    /// What follows the header.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Cuts the first message off `received`, or returns `None` when it has not come whole.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] and [`DecodeError::BadValue`] (reserved flags) as soon as the
    /// header is there; the payload need not be, so a hostile length costs the receiver nothing.
    pub fn split(received: &'a [u8]) -> Result<Option<Self>, DecodeError> {
        let Some((header, rest)) = received.split_first_chunk::<HEADER_SIZE>() else {
            return Ok(None);
        };
        let [k0, k1, f0, f1, l0, l1, l2, l3, seq @ ..] = *header;
        let flags = u16::from_le_bytes([f0, f1]);
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        if flags & !FLAG_OPTIONAL != 0 {
            return Err(DecodeError::BadValue("reserved header flags"));
        }
        if length > MAX_PAYLOAD {
            return Err(DecodeError::TooLong(length));
        }
        Ok(rest.get(..length).map(|payload| Self {
            kind: u16::from_le_bytes([k0, k1]),
            optional: flags & FLAG_OPTIONAL != 0,
            seq: u64::from_le_bytes(seq),
            payload,
        }))
    }

    /// Bytes that this message takes in the buffer, header included.
    #[must_use]
    pub fn size(&self) -> usize {
        HEADER_SIZE + self.payload.len()
    }
}

/// Appends a message to `out`: the header, then what `payload` appends.
pub(crate) fn encode(kind: u16, seq: u64, out: &mut Vec<u8>, payload: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    put_u16(out, kind);
    put_u16(out, 0);
    put_u32(out, 0);
    put_u64(out, seq);
    payload(out);
    let length = out.len() - start - HEADER_SIZE;
    debug_assert!(length <= MAX_PAYLOAD, "payload of {length} bytes");
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    if let Some(field) = out.get_mut(start + 4..start + 8) {
        field.copy_from_slice(&length.to_le_bytes());
    }
}
