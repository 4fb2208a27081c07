// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events as calls back into C.

use std::ffi::{c_char, c_void};
use std::ptr;

use vgpio_protocol::Edge;

use super::handle::Extensible;
use super::text::c_string;
use crate::client::{Error, Event, Report, State};

/// Whether a client has its lines.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum vgpio_client_state {
    /// No connection.
    Disconnected = 0,
    /// Connected; the daemon has not yet given the lines.
    Connecting = 1,
    /// The lines are attached.
    Attached = 2,
}

impl From<State> for vgpio_client_state {
    fn from(state: State) -> Self {
        match state {
            State::Disconnected => Self::Disconnected,
            State::Connecting => Self::Connecting,
            State::Attached => Self::Attached,
        }
    }
}

/// What the daemon could not do. Valid during the call.
#[repr(C)]
pub struct vgpio_client_error {
    /// Sequence number of the message that caused it, 0 if none did.
    pub seq: u64,
    /// The lines concerned, 0 if none in particular.
    pub lines: u64,
    /// Error code of the protocol (docs/protocol.md, "Errors").
    pub code: u16,
    /// The host's error number, 0 if there was none.
    pub host_errno: u16,
    /// For people: what failed, on which chip and line, what to do.
    pub text: *const c_char,
}

/// What a client tells: only within `vgpio_client_process`, `_wait`, `_connect_wait` and `_sync_wait`,
/// so in the thread that calls one of these. Set all to zero, then `size` to
/// `sizeof(struct vgpio_client_callbacks)`, then what is wanted; NULL for what is not. A callback may
/// use its client, also free it, but for the four functions named, which return -EBUSY.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct vgpio_client_callbacks {
    /// Size of this structure in bytes.
    pub size: usize,
    /// Given to every callback.
    pub opaque: *mut c_void,
    /// An input changed. The timestamp is in nanoseconds of the host's `CLOCK_MONOTONIC`; `seqno`
    /// counts this line's edges, from 1, and wraps.
    pub edge: Option<
        unsafe extern "C" fn(
            opaque: *mut c_void,
            line: u32,
            active: bool,
            timestamp_ns: u64,
            seqno: u32,
        ),
    >,
    /// A snapshot showed that the lines in `changed` are not what was told before (at first, all
    /// inactive). `levels` has the levels of these lines.
    pub levels: Option<unsafe extern "C" fn(opaque: *mut c_void, changed: u64, levels: u64)>,
    /// The lines were attached (`reason` is NULL), or are not any more. `retry` says whether the
    /// client will try again by itself; once attached, it also does so, slowly, where a daemon with
    /// another configuration refuses the lines. What the file descriptor is may have changed. With
    /// an export, so may the lines: to map them, use `vgpio_client_line_of_vgpio` anew each time.
    pub connection: Option<
        unsafe extern "C" fn(
            opaque: *mut c_void,
            state: vgpio_client_state,
            reason: *const c_char,
            retry: bool,
        ),
    >,
    /// Lines are gone for now (`reason` says why), or back again (`reason` is NULL).
    pub lost: Option<unsafe extern "C" fn(opaque: *mut c_void, lines: u64, reason: *const c_char)>,
    /// The barrier `token`, and all before it, are reached.
    pub synced: Option<unsafe extern "C" fn(opaque: *mut c_void, token: u64)>,
    /// The daemon could not do what it was told.
    pub error: Option<unsafe extern "C" fn(opaque: *mut c_void, error: *const vgpio_client_error)>,
}

// SAFETY: `repr(C)`, begins with a `usize`, and holds pointers and optional functions, which may be
// zero.
unsafe impl Extensible for vgpio_client_callbacks {}

impl vgpio_client_callbacks {
    /// Tells nothing.
    pub(super) const NONE: Self = Self {
        size: size_of::<Self>(),
        opaque: ptr::null_mut(),
        edge: None,
        levels: None,
        connection: None,
        lost: None,
        synced: None,
        error: None,
    };

    /// Calls what belongs to `event`.
    ///
    /// # Safety
    /// Each function is one that C wants called with `opaque`.
    pub(super) unsafe fn deliver(&self, event: Event) {
        match event {
            // SAFETY: by the caller's word.
            Event::Edge(edge) => unsafe { self.tell_edge(edge) },
            Event::Levels { changed, values } if changed != 0 => {
                if let Some(call) = self.levels {
                    // SAFETY: by the caller's word.
                    unsafe { call(self.opaque, changed, values.bits & changed) };
                }
            }
            // SAFETY: by the caller's word.
            Event::Connected => unsafe { self.tell_connection(None, false) },
            // SAFETY: by the caller's word.
            Event::Disconnected { error, retry } => unsafe {
                self.tell_connection(Some(&error), retry);
            },
            // SAFETY: by the caller's word.
            Event::Lost { mask, text } => unsafe { self.tell_lost(mask, Some(&text)) },
            // SAFETY: by the caller's word.
            Event::Restored { mask } => unsafe { self.tell_lost(mask, None) },
            Event::Synced { token } => {
                if let Some(call) = self.synced {
                    // SAFETY: by the caller's word.
                    unsafe { call(self.opaque, token) };
                }
            }
            // SAFETY: by the caller's word.
            Event::Error(report) => unsafe { self.tell_error(&report) },
            Event::Levels { .. } | Event::Lines => {}
        }
    }

    /// # Safety
    /// As [`deliver`](Self::deliver).
    unsafe fn tell_edge(&self, edge: Edge) {
        if let Some(call) = self.edge {
            let Edge { line, active, line_seqno, timestamp_ns } = edge;
            // SAFETY: by the caller's word.
            unsafe { call(self.opaque, line.into(), active, timestamp_ns, line_seqno) };
        }
    }

    /// # Safety
    /// As [`deliver`](Self::deliver).
    unsafe fn tell_connection(&self, reason: Option<&Error>, retry: bool) {
        let Some(call) = self.connection else {
            return;
        };
        let text = reason.map(|error| c_string(&error.chain()));
        let (state, text) = match &text {
            Some(text) => (vgpio_client_state::Disconnected, text.as_ptr()),
            None => (vgpio_client_state::Attached, ptr::null()),
        };
        // SAFETY: by the caller's word; the text outlives the call.
        unsafe { call(self.opaque, state, text, retry) };
    }

    /// # Safety
    /// As [`deliver`](Self::deliver).
    unsafe fn tell_lost(&self, lines: u64, reason: Option<&str>) {
        if let Some(call) = self.lost {
            let text = reason.map(c_string);
            let start = text.as_ref().map_or(ptr::null(), |text| text.as_ptr());
            // SAFETY: by the caller's word; the text outlives the call.
            unsafe { call(self.opaque, lines, start) };
        }
    }

    /// # Safety
    /// As [`deliver`](Self::deliver).
    unsafe fn tell_error(&self, report: &Report) {
        if let Some(call) = self.error {
            let text = c_string(&report.text);
            let error = vgpio_client_error {
                seq: report.seq,
                lines: report.mask,
                code: report.code.to_wire(),
                host_errno: report.errno,
                text: text.as_ptr(),
            };
            // SAFETY: by the caller's word; the error and its text outlive the call.
            unsafe { call(self.opaque, &raw const error) };
        }
    }
}
