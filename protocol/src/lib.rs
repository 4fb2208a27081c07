// SPDX-License-Identifier: MIT OR Apache-2.0
//! The wire protocol of vgpio, without I/O.
//!
//! `docs/protocol.md` is the authority; this crate is its Rust form, and
//! `vectors/messages.json` holds both to it. The two commonest tasks:
//!
//! Sending: encode a [`Request`] (or, as a backend, an [`Event`]) into a buffer.
//!
//! ```
//! use vgpio_protocol::{LineSet, Request};
//!
//! let mut out = Vec::new();
//! Request::Set(LineSet { mask: 0b11, bits: 0b01 }).encode(4, &mut out);
//! assert_eq!(out.len(), 32);
//! ```
//!
//! Receiving: cut one message off the bytes that came, then decode it. Decoding is
//! the only way from bytes to a message, borrows from the buffer and allocates nothing.
//!
//! ```
//! use vgpio_protocol::{Frame, Request};
//! # let mut received = Vec::new();
//! # Request::Sync.encode(9, &mut received);
//! let frame = Frame::split(&received)?.expect("a whole message has come");
//! assert_eq!(frame.seq, 9);
//! assert_eq!(Request::decode(&frame)?, Some(Request::Sync));
//! let rest = &received[frame.size()..];
//! # assert!(rest.is_empty());
//! # Ok::<(), vgpio_protocol::DecodeError>(())
//! ```
//!
//! [`socket`] says where both sides meet by default; [`LineMap`] reads
//! `CHIP,vgpios=0:1:2,gpios=11:12:13[,key=value...]`.

#![forbid(unsafe_code)]

mod allowance;
mod bytes;
mod configure;
mod edges;
mod error;
mod event;
pub mod features;
mod frame;
pub mod limits;
mod linemap;
mod lines;
mod reports;
mod request;
mod settings;
pub mod socket;

pub use allowance::{Limits, RateError, ToggleRate};
pub use configure::{Configure, Directions};
pub use edges::{Edge, Edges};
pub use error::{DecodeError, ErrorCode};
pub use event::Event;
pub use frame::{FLAG_OPTIONAL, Frame, HEADER_SIZE};
pub use linemap::{LineMap, LineRef, MapError, MapLine, MapReason};
pub use lines::{LineEntry, LineFlags, Lines};
pub use reports::{ErrorReport, HelloReply, Lost, Reason, Values};
pub use request::{Attach, Hello, LineSet, Request};
pub use settings::{
    Bias, Direction, Drive, EdgeDetection, Init, LineSettings, Period, PeriodError, Safe,
    UnknownWord,
};

/// The only version of the protocol so far.
pub const VERSION: u16 = 1;

/// First bytes of every HELLO and of its reply.
pub const MAGIC: [u8; 4] = *b"VGPI";
