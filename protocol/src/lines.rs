// SPDX-License-Identifier: MIT OR Apache-2.0
//! ATTACHED and LINES: what the lines of an attachment are.

use std::fmt;

use crate::bytes::{Reader, cut, put_u16, put_u32};
use crate::error::DecodeError;
use crate::limits::{MAX_LINES, MAX_NAME};
use crate::settings::{Bias, Drive, EdgeDetection};

/// The lines of an attachment, in order.
#[derive(Clone, Copy)]
pub struct Lines<'a> {
    count: u16,
    repr: Repr<'a>,
}

#[derive(Clone, Copy)]
enum Repr<'a> {
    Given(&'a [LineEntry<'a>]),
    /// Checked on decoding, entry by entry.
    Wire(&'a [u8]),
}

/// One line of an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineEntry<'a> {
    /// The guest controller's line.
    pub vgpio: u16,
    /// The line's offset on its host chip.
    pub offset: u32,
    /// What is true of it.
    pub flags: LineFlags,
    /// Debounce period in microseconds, 0 for none.
    pub debounce_us: u32,
    /// Period at which a polled line is read, in microseconds, else 0.
    pub poll_us: u32,
    /// Its bias.
    pub bias: Bias,
    /// Its drive.
    pub drive: Drive,
    /// The changes reported.
    pub edges: EdgeDetection,
    /// Its name; may be empty.
    pub name: &'a str,
    /// Its chip's label.
    pub chip: &'a str,
}

/// Facts about a line, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineFlags(pub u32);

impl LineFlags {
    /// The line is an output.
    pub const OUTPUT: u32 = 1 << 0;
    /// Active is the low voltage.
    pub const ACTIVE_LOW: u32 = 1 << 1;
    /// Other sessions may read it too.
    pub const SHARED: u32 = 1 << 2;
    /// Its level is polled.
    pub const POLLED: u32 = 1 << 3;
    /// Its chip is gone for now.
    pub const LOST: u32 = 1 << 4;

    /// Whether all of `bits` are set.
    #[must_use]
    pub fn has(self, bits: u32) -> bool {
        self.0 & bits == bits
    }
}

const ENTRY_SIZE: usize = 28;

impl<'a> Lines<'a> {
    /// For sending; more than 64 entries are left out.
    #[must_use]
    pub fn new(entries: &'a [LineEntry<'a>]) -> Self {
        let entries = entries.get(..MAX_LINES).unwrap_or(entries);
        Self { count: u16::try_from(entries.len()).unwrap_or(0), repr: Repr::Given(entries) }
    }

    /// How many lines there are, 1 to 64.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.into()
    }

    /// Whether there are none; never so in a decoded message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The lines, in order.
    pub fn iter(&self) -> impl Iterator<Item = LineEntry<'a>> + use<'a> {
        let (given, wire) = match self.repr {
            Repr::Given(entries) => (entries, &[][..]),
            Repr::Wire(bytes) => (&[][..], bytes),
        };
        let mut r = Reader::new(wire);
        let decoded = std::iter::from_fn(move || LineEntry::decode(&mut r).ok());
        given.iter().copied().chain(decoded.take(self.len()))
    }

    pub(crate) fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = r.u16()?;
        r.reserved(2)?;
        if count == 0 || usize::from(count) > MAX_LINES {
            return Err(DecodeError::BadValue("count of lines"));
        }
        let bytes = r.rest();
        for _ in 0..count {
            LineEntry::decode(r)?;
        }
        Ok(Self { count, repr: Repr::Wire(bytes) })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_u16(out, self.count);
        put_u16(out, 0);
        self.iter().for_each(|entry| entry.encode(out));
    }
}

impl PartialEq for Lines<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Lines<'_> {}

impl fmt::Debug for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> LineEntry<'a> {
    fn decode(outer: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let size = usize::from(outer.u16()?);
        let body = size.checked_sub(2).ok_or(DecodeError::BadLength)?;
        let mut r = Reader::new(outer.take(body)?);
        let (vgpio, offset, flags) = (r.u16()?, r.u32()?, LineFlags(r.u32()?));
        let (debounce_us, poll_us) = (r.u32()?, r.u32()?);
        let bias = Bias::from_wire(r.u8()?).ok_or(DecodeError::BadValue("bias"))?;
        let drive = Drive::from_wire(r.u8()?).ok_or(DecodeError::BadValue("drive"))?;
        let edges = EdgeDetection::from_wire(r.u8()?).ok_or(DecodeError::BadValue("edges"))?;
        let (name_len, chip_len) = (r.u8()?.into(), r.u8()?.into());
        r.reserved(3)?;
        let name = r.text(name_len, MAX_NAME, "line name, above 64 bytes")?;
        let chip = r.text(chip_len, MAX_NAME, "chip label, above 64 bytes")?;
        Ok(Self { vgpio, offset, flags, debounce_us, poll_us, bias, drive, edges, name, chip })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let (name, chip) = (cut(self.name, MAX_NAME), cut(self.chip, MAX_NAME));
        let byte = |text: &str| u8::try_from(text.len()).unwrap_or(0);
        put_u16(out, u16::try_from(ENTRY_SIZE + name.len() + chip.len()).unwrap_or(u16::MAX));
        put_u16(out, self.vgpio);
        for word in [self.offset, self.flags.0, self.debounce_us, self.poll_us] {
            put_u32(out, word);
        }
        let settings = [self.bias.to_wire(), self.drive.to_wire(), self.edges.to_wire()];
        out.extend_from_slice(&settings);
        out.extend_from_slice(&[byte(name), byte(chip), 0, 0, 0]);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(chip.as_bytes());
    }
}
