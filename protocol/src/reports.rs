// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the backend tells beside edges and lines: HELLO reply, VALUES, LOST, ERROR.

use crate::MAGIC;
use crate::bytes::{Reader, put_text, put_u16, put_u32, put_u64};
use crate::error::{DecodeError, ErrorCode};
use crate::limits::{MAX_ERROR_TEXT, MAX_LINES, MAX_LOST_TEXT, MAX_NAME};
use crate::request::check_magic;

/// The longest ATTACH must fit into what a backend accepts.
const LEAST_MAX_PAYLOAD: u32 = 4_100;

/// What the backend agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelloReply<'a> {
    /// Version in force.
    pub version: u16,
    /// Lines per attachment, at most 64.
    pub max_lines: u16,
    /// Longest payload the backend accepts, in bytes, at least 4100.
    pub max_payload: u32,
    /// Number of this session.
    pub session: u32,
    /// Feature bits in force.
    pub features: u64,
    /// Name of the backend.
    pub name: &'a str,
}

/// Why a snapshot was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Reply to GET.
    Reply,
    /// The lines have just been attached.
    Attached,
    /// Edges were lost.
    Resync,
    /// Lost lines are back.
    Restored,
    /// Lines have been configured.
    Configured,
    /// A reason of a later edition of the protocol.
    Other(u8),
}

impl Reason {
    fn to_wire(self) -> u8 {
        match self {
            Self::Reply => 0,
            Self::Attached => 1,
            Self::Resync => 2,
            Self::Restored => 3,
            Self::Configured => 4,
            Self::Other(code) => code,
        }
    }

    fn from_wire(code: u8) -> Self {
        match code {
            0 => Self::Reply,
            1 => Self::Attached,
            2 => Self::Resync,
            3 => Self::Restored,
            4 => Self::Configured,
            other => Self::Other(other),
        }
    }
}

/// A snapshot of levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Values {
    /// The lines whose level is stated.
    pub mask: u64,
    /// Their levels; zero outside `mask`.
    pub bits: u64,
    /// When they were read, in nanoseconds of the host's `CLOCK_MONOTONIC`.
    pub timestamp_ns: u64,
    /// Edges known to be lost since the last snapshot; `u32::MAX`: that many or more.
    pub lost_edges: u32,
    /// Why it was sent.
    pub reason: Reason,
}

/// Lines that are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost<'a> {
    /// The lines.
    pub mask: u64,
    /// Why, for people; at most 512 bytes.
    pub text: &'a str,
}

/// Why a message could not be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorReport<'a> {
    /// The lines concerned, 0 if none in particular.
    pub mask: u64,
    /// What is wrong.
    pub code: ErrorCode,
    /// The host's error number, 0 if there was none.
    pub errno: u16,
    /// For people: what failed, where, what to do; at most 2048 bytes.
    pub text: &'a str,
}

impl<'a> HelloReply<'a> {
    pub(crate) fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        check_magic(r)?;
        let (version, max_lines, max_payload) = (r.u16()?, r.u16()?, r.u32()?);
        let (session, features, len) = (r.u32()?, r.u64()?, r.u16()?.into());
        if usize::from(max_lines) > MAX_LINES || max_payload < LEAST_MAX_PAYLOAD {
            return Err(DecodeError::BadValue("max_lines or max_payload"));
        }
        let name = r.text(len, MAX_NAME, "name of the backend, above 64 bytes")?;
        Ok(Self { version, max_lines, max_payload, session, features, name })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        put_u16(out, self.version);
        put_u16(out, self.max_lines);
        put_u32(out, self.max_payload);
        put_u32(out, self.session);
        put_u64(out, self.features);
        put_text(out, self.name, MAX_NAME);
    }
}

impl Values {
    pub(crate) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (mask, bits, timestamp_ns) = (r.u64()?, r.u64()?, r.u64()?);
        let (lost_edges, reason) = (r.u32()?, Reason::from_wire(r.u8()?));
        r.reserved(3)?;
        if bits & !mask != 0 {
            return Err(DecodeError::BadValue("bits outside the mask of VALUES"));
        }
        Ok(Self { mask, bits, timestamp_ns, lost_edges, reason })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_u64(out, self.mask);
        put_u64(out, self.bits);
        put_u64(out, self.timestamp_ns);
        put_u32(out, self.lost_edges);
        out.extend_from_slice(&[self.reason.to_wire(), 0, 0, 0]);
    }
}

impl<'a> Lost<'a> {
    pub(crate) fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (mask, len) = (r.u64()?, r.u16()?.into());
        let text = r.text(len, MAX_LOST_TEXT, "text of LOST, above 512 bytes")?;
        Ok(Self { mask, text })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_u64(out, self.mask);
        put_text(out, self.text, MAX_LOST_TEXT);
    }
}

impl<'a> ErrorReport<'a> {
    pub(crate) fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (mask, code, errno) = (r.u64()?, ErrorCode::from_wire(r.u16()?), r.u16()?);
        let len = r.u16()?.into();
        let text = r.text(len, MAX_ERROR_TEXT, "text of ERROR, above 2048 bytes")?;
        Ok(Self { mask, code, errno, text })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_u64(out, self.mask);
        put_u16(out, self.code.to_wire());
        put_u16(out, self.errno);
        put_text(out, self.text, MAX_ERROR_TEXT);
    }
}
