// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages of the frontend.

use crate::MAGIC;
use crate::bytes::{Reader, put_text, put_u16, put_u64};
use crate::configure::Configure;
use crate::error::DecodeError;
use crate::frame::{self, Frame};
use crate::limits::{MAX_ATTACH_TEXT, MAX_NAME};

const HELLO: u16 = 0x0001;
const ATTACH: u16 = 0x0002;
const INFO: u16 = 0x0003;
const CONFIGURE: u16 = 0x0004;
const SET: u16 = 0x0005;
const GET: u16 = 0x0006;
const SYNC: u16 = 0x0007;
const RING: u16 = 0x0008;
const PONG: u16 = 0x0009;

/// A message that a frontend sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Agree on version and features.
    Hello(Hello<'a>),
    /// Take lines.
    Attach(Attach<'a>),
    /// Ask for the lines' present settings.
    Info,
    /// Change settings (posted).
    Configure(Configure),
    /// Set outputs (posted).
    Set(LineSet),
    /// Read the levels of the lines in this mask.
    Get(u64),
    /// Barrier.
    Sync,
    /// What follows comes through the ring ([`features::RING`](crate::features::RING)).
    Ring,
    /// The answer to PING ([`features::PING`](crate::features::PING)).
    Pong,
}

/// What a frontend is and speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    /// Lowest version spoken.
    pub version_min: u16,
    /// Highest version spoken.
    pub version_max: u16,
    /// Feature bits offered.
    pub features: u64,
    /// Name for logs and as consumer of the lines, at most 64 bytes.
    pub name: &'a str,
}

/// Which lines a frontend wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attach<'a> {
    /// Those of an export of the daemon's configuration.
    Export(&'a str),
    /// Those of a line map, see [`LineMap`](crate::LineMap).
    Map(&'a str),
}

/// Levels for a set of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineSet {
    /// The lines.
    pub mask: u64,
    /// Their levels; zero outside `mask`.
    pub bits: u64,
}

impl<'a> Request<'a> {
    /// Decodes the payload of `frame`; `None` is an optional message of unknown type, to be skipped.
    ///
    /// # Errors
    /// [`DecodeError`] when the payload is no message; the session is to be closed.
    pub fn decode(frame: &Frame<'a>) -> Result<Option<Self>, DecodeError> {
        let mut r = Reader::new(frame.payload);
        let request = match frame.kind {
            HELLO => Self::Hello(Hello::decode(&mut r)?),
            ATTACH => Self::Attach(Attach::decode(&mut r)?),
            INFO => Self::Info,
            CONFIGURE => Self::Configure(Configure::decode(&mut r)?),
            SET => Self::Set(LineSet::decode(&mut r)?),
            GET => Self::Get(r.u64()?),
            SYNC => Self::Sync,
            RING => Self::Ring,
            PONG => Self::Pong,
            _ if frame.optional => return Ok(None),
            kind => return Err(DecodeError::UnknownType(kind)),
        };
        r.end()?;
        Ok(Some(request))
    }

    /// Appends the message to `out`. Names beyond their limit are cut; a text of ATTACH beyond
    /// its limit makes a message that the backend refuses.
    pub fn encode(&self, seq: u64, out: &mut Vec<u8>) {
        let kind = match self {
            Self::Hello(_) => HELLO,
            Self::Attach(_) => ATTACH,
            Self::Info => INFO,
            Self::Configure(_) => CONFIGURE,
            Self::Set(_) => SET,
            Self::Get(_) => GET,
            Self::Sync => SYNC,
            Self::Ring => RING,
            Self::Pong => PONG,
        };
        frame::encode(kind, seq, out, |out| match self {
            Self::Hello(hello) => hello.encode(out),
            Self::Attach(attach) => attach.encode(out),
            Self::Configure(configure) => configure.encode(out),
            Self::Set(set) => {
                put_u64(out, set.mask);
                put_u64(out, set.bits);
            }
            Self::Get(mask) => put_u64(out, *mask),
            Self::Info | Self::Sync | Self::Ring | Self::Pong => {}
        });
    }
}

impl<'a> Hello<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        check_magic(r)?;
        let (version_min, version_max, features) = (r.u16()?, r.u16()?, r.u64()?);
        let len = r.u16()?.into();
        if version_min == 0 || version_max < version_min {
            return Err(DecodeError::BadValue("version range"));
        }
        let name = r.text(len, MAX_NAME, "name of the frontend, above 64 bytes")?;
        Ok(Self { version_min, version_max, features, name })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        put_u16(out, self.version_min);
        put_u16(out, self.version_max);
        put_u64(out, self.features);
        put_text(out, self.name, MAX_NAME);
    }
}

pub(crate) fn check_magic(r: &mut Reader<'_>) -> Result<(), DecodeError> {
    if r.take(MAGIC.len())? == MAGIC { Ok(()) } else { Err(DecodeError::BadValue("magic")) }
}

impl<'a> Attach<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (kind, len) = (r.u16()?, usize::from(r.u16()?));
        if len == 0 {
            return Err(DecodeError::BadValue("text of ATTACH, which is empty"));
        }
        let text = r.text(len, MAX_ATTACH_TEXT, "text of ATTACH, above 4096 bytes")?;
        match kind {
            0 => Ok(Self::Export(text)),
            1 => Ok(Self::Map(text)),
            _ => Err(DecodeError::BadValue("kind of ATTACH")),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let (kind, text) = match self {
            Self::Export(text) => (0, text),
            Self::Map(text) => (1, text),
        };
        put_u16(out, kind);
        // A map cut to its limit could name other lines. With room for one more character it stays
        // above the limit, and the backend refuses it.
        put_text(out, text, MAX_ATTACH_TEXT + 4);
    }
}

impl LineSet {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (mask, bits) = (r.u64()?, r.u64()?);
        if bits & !mask != 0 {
            return Err(DecodeError::BadValue("bits outside the mask of SET"));
        }
        Ok(Self { mask, bits })
    }
}
