// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ring of `docs/protocol.md`: a stream of bytes from a frontend to its backend, in memory that
//! both have mapped. A set that goes through it costs the virtual CPU no system call, unless the
//! backend sleeps.
//!
//! ```
//! use std::os::fd::AsFd;
//! use vgpio_ring::{Reader, Writer};
//!
//! let (mut reader, memory) = Reader::new()?; // the backend
//! let mut writer = Writer::open(memory.as_fd())?; // the frontend, to which the descriptor was sent
//! assert!(reader.sleep(), "nothing has been written");
//! assert_eq!(writer.write(b"set"), 3);
//! assert!(writer.rings(), "the backend sleeps: wake it up by the socket");
//!
//! let mut bytes = [0; 8];
//! assert_eq!(reader.read(&mut bytes)?, 3);
//! assert_eq!(&bytes[..3], b"set");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`Reader`] is the backend's end. The frontend may write whatever it likes into the memory: the
//!   reader keeps its own place, checks the other's, and copies what it reads.
//! - [`Writer`] is the frontend's end.
//! - [`send`] and [`receive`] pass the descriptor of the memory along with bytes of a socket.

mod memory;
mod pass;
mod reader;
mod writer;

pub use memory::{OpenError, SIZE};
pub use pass::{receive, send};
pub use reader::{Reader, Torn};
pub use writer::Writer;
