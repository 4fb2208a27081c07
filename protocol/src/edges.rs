// SPDX-License-Identifier: MIT OR Apache-2.0
//! EDGES: changes of inputs.

use std::fmt;

use crate::bytes::{Reader, put_u16, put_u32, put_u64};
use crate::error::DecodeError;
use crate::limits::MAX_EDGES;

/// One change of one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Index of the line, 0 to 63.
    pub line: u16,
    /// The level after the edge: active or not.
    pub active: bool,
    /// The count of this line's edges; wraps. A jump means that edges were lost.
    pub line_seqno: u32,
    /// When it happened, in nanoseconds of the host's `CLOCK_MONOTONIC`.
    pub timestamp_ns: u64,
}

/// Edges, oldest first.
#[derive(Clone, Copy)]
pub struct Edges<'a>(Repr<'a>);

#[derive(Clone, Copy)]
enum Repr<'a> {
    Given(&'a [Edge]),
    Wire(&'a [[u8; EDGE_SIZE]]),
}

const EDGE_SIZE: usize = 16;

impl<'a> Edges<'a> {
    /// For sending; more than 512 are left out.
    #[must_use]
    pub fn new(edges: &'a [Edge]) -> Self {
        Self(Repr::Given(edges.get(..MAX_EDGES).unwrap_or(edges)))
    }

    /// How many there are, 1 to 512.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.0 {
            Repr::Given(edges) => edges.len(),
            Repr::Wire(entries) => entries.len(),
        }
    }

    /// Whether there are none; never so in a decoded message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The edges, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Edge> + use<'a> {
        let (given, wire) = match self.0 {
            Repr::Given(edges) => (edges, &[][..]),
            Repr::Wire(entries) => (&[][..], entries),
        };
        given.iter().copied().chain(wire.iter().filter_map(|entry| Edge::decode(entry).ok()))
    }

    pub(crate) fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = usize::from(r.u16()?);
        r.reserved(6)?;
        if count == 0 || count > MAX_EDGES {
            return Err(DecodeError::BadValue("count of edges"));
        }
        let (entries, _) = r.take(count * EDGE_SIZE)?.as_chunks();
        entries.iter().try_for_each(|entry| Edge::decode(entry).map(drop))?;
        Ok(Self(Repr::Wire(entries)))
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_u16(out, u16::try_from(self.len()).unwrap_or(0));
        out.extend_from_slice(&[0; 6]);
        for edge in self.iter() {
            put_u16(out, edge.line);
            out.extend_from_slice(&[edge.active.into(), 0]);
            put_u32(out, edge.line_seqno);
            put_u64(out, edge.timestamp_ns);
        }
    }
}

impl PartialEq for Edges<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Edges<'_> {}

impl fmt::Debug for Edges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Edge {
    fn decode(entry: &[u8; EDGE_SIZE]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(entry);
        let (line, level) = (r.u16()?, r.u8()?);
        r.reserved(1)?;
        if line > 63 || level > 1 {
            return Err(DecodeError::BadValue("line or level of an edge"));
        }
        Ok(Self { line, active: level == 1, line_seqno: r.u32()?, timestamp_ns: r.u64()? })
    }
}
