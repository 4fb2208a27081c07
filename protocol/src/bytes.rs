// SPDX-License-Identifier: MIT OR Apache-2.0
//! Little-endian integers and text in and out of byte slices; every read is checked.

use crate::error::DecodeError;

/// Reads a payload from front to back.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(payload: &'a [u8]) -> Self {
        Self(payload)
    }

    pub fn take(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or(DecodeError::BadLength)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(DecodeError::BadLength)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[b]| b)
    }

    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    pub fn reserved(&mut self, n: usize) -> Result<(), DecodeError> {
        if self.take(n)?.iter().all(|&b| b == 0) {
            Ok(())
        } else {
            Err(DecodeError::BadValue("reserved bytes"))
        }
    }

    /// UTF-8 text of `len` bytes, of which at most `max` are allowed.
    pub fn text(
        &mut self,
        len: usize,
        max: usize,
        what: &'static str,
    ) -> Result<&'a str, DecodeError> {
        if len > max {
            return Err(DecodeError::BadValue(what));
        }
        let text = str::from_utf8(self.take(len)?);
        let text = text.map_err(|_| DecodeError::BadValue("text, which is not UTF-8"))?;
        if text.contains('\0') {
            return Err(DecodeError::BadValue("text, which has a NUL"));
        }
        Ok(text)
    }

    /// The payload must have been read to its end.
    pub fn end(self) -> Result<(), DecodeError> {
        if self.0.is_empty() { Ok(()) } else { Err(DecodeError::BadLength) }
    }

    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}

pub(crate) fn put_u16(out: &mut Vec<u8>, v: u16) {
    out.extend_from_slice(&v.to_le_bytes());
}

pub(crate) fn put_u32(out: &mut Vec<u8>, v: u32) {
    out.extend_from_slice(&v.to_le_bytes());
}

pub(crate) fn put_u64(out: &mut Vec<u8>, v: u64) {
    out.extend_from_slice(&v.to_le_bytes());
}

/// Text with its length in two bytes before it, cut to `max` bytes.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str, max: usize) {
    let text = cut(text, max);
    put_u16(out, u16::try_from(text.len()).unwrap_or(u16::MAX));
    out.extend_from_slice(text.as_bytes());
}

/// The longest start of `text` that is at most `max` bytes and still UTF-8.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let end = (0..=max).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text.get(..end).unwrap_or(text)
}
