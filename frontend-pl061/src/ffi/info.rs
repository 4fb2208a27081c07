// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a client knows, as C structures.

use std::ffi::c_char;

use vgpio_protocol::LineFlags;
use vgpio_protocol::limits::MAX_NAME;

use super::handle::Extensible;
use crate::client::{Counters, Line};

/// Bytes of a name, its zero byte included.
pub const VGPIO_NAME_SIZE: usize = 65;

const _: () = assert!(VGPIO_NAME_SIZE == MAX_NAME + 1);

/// The line is an output.
pub const VGPIO_LINE_OUTPUT: u32 = 1;
/// Active is the low voltage.
pub const VGPIO_LINE_ACTIVE_LOW: u32 = 2;
/// Other guests may read the line too.
pub const VGPIO_LINE_SHARED: u32 = 4;
/// The daemon polls the line's level.
pub const VGPIO_LINE_POLLED: u32 = 8;
/// The line's chip is gone for now.
pub const VGPIO_LINE_LOST: u32 = 16;

const _: () = assert!(
    VGPIO_LINE_OUTPUT == LineFlags::OUTPUT
        && VGPIO_LINE_ACTIVE_LOW == LineFlags::ACTIVE_LOW
        && VGPIO_LINE_SHARED == LineFlags::SHARED
        && VGPIO_LINE_POLLED == LineFlags::POLLED
        && VGPIO_LINE_LOST == LineFlags::LOST
);

/// A line of the attachment, as the client knows it now. Set `size` to
/// `sizeof(struct vgpio_line_info)`; what the library does not know stays as it is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct vgpio_line_info {
    /// Size of this structure in bytes.
    pub size: usize,
    /// Offset on the host chip.
    pub offset: u32,
    /// `VGPIO_LINE_OUTPUT` and so on.
    pub flags: u32,
    /// Debounce period in microseconds, 0 for none.
    pub debounce_us: u32,
    /// Period at which a polled line is read, in microseconds, else 0.
    pub poll_us: u32,
    /// The guest controller's line.
    pub vgpio: u16,
    /// `VGPIO_BIAS_PULL_UP` and so on.
    pub bias: u8,
    /// `VGPIO_DRIVE_OPEN_DRAIN` and so on.
    pub drive: u8,
    /// Changes reported, `VGPIO_EDGES_BOTH` and so on.
    pub edges: u8,
    /// Name of the line; may be empty.
    pub name: [c_char; VGPIO_NAME_SIZE],
    /// Label of the host chip.
    pub chip: [c_char; VGPIO_NAME_SIZE],
}

// SAFETY: `repr(C)`, begins with a `usize`, and holds numbers.
unsafe impl Extensible for vgpio_line_info {}

impl From<&Line> for vgpio_line_info {
    fn from(line: &Line) -> Self {
        Self {
            size: size_of::<Self>(),
            offset: line.offset,
            flags: line.flags.0,
            debounce_us: line.debounce_us,
            poll_us: line.poll_us,
            vgpio: line.vgpio,
            bias: line.bias.to_wire(),
            drive: line.drive.to_wire(),
            edges: line.edges.to_wire(),
            name: name(&line.name),
            chip: name(&line.chip),
        }
    }
}

fn name(text: &str) -> [c_char; VGPIO_NAME_SIZE] {
    let mut bytes = text.bytes().take(VGPIO_NAME_SIZE - 1);
    std::array::from_fn(|_| c_char::from_ne_bytes([bytes.next().unwrap_or(0)]))
}

/// What has been counted since the client was made. Numbers wrap. Set `size` to
/// `sizeof(struct vgpio_client_counters)`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct vgpio_client_counters {
    /// Size of this structure in bytes.
    pub size: usize,
    /// Sets and configurations given to the connection.
    pub sent: u64,
    /// Sets and configurations folded into a later one, because the daemon did not keep up.
    pub coalesced: u64,
    /// Edges received.
    pub edges: u64,
    /// Edges that the daemon knows were lost.
    pub lost_edges: u64,
    /// Snapshots sent because edges were lost.
    pub resyncs: u64,
    /// Attachments after the first.
    pub reconnects: u64,
    /// Errors received.
    pub errors: u64,
}

// SAFETY: `repr(C)`, begins with a `usize`, and holds numbers.
unsafe impl Extensible for vgpio_client_counters {}

impl From<Counters> for vgpio_client_counters {
    fn from(counters: Counters) -> Self {
        Self {
            size: size_of::<Self>(),
            sent: counters.sent,
            coalesced: counters.coalesced,
            edges: counters.edges,
            lost_edges: counters.lost_edges,
            resyncs: counters.resyncs,
            reconnects: counters.reconnects,
            errors: counters.errors,
        }
    }
}
