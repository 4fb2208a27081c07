// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a frontend's messages come from: its socket, or a ring in shared memory
//! (`docs/protocol.md`, "Ring").

use vgpio_protocol::{DecodeError, features};
use vgpio_ring::Reader;

use super::{Context, Session, refusal};

/// Where messages come from.
#[derive(Debug, Default)]
pub(super) enum Inlet {
    /// The socket.
    #[default]
    Socket,
    /// The socket still; the frontend may use the ring from its next message on.
    Offered(Reader),
    /// The ring. Through the socket come doorbells.
    Ring(Reader),
}

impl Inlet {
    /// The frontend uses the ring from here on. False if none is offered.
    pub(super) fn use_ring(&mut self) -> bool {
        let Self::Offered(ring) = std::mem::take(self) else {
            return false;
        };
        *self = Self::Ring(ring);
        true
    }
}

impl Session {
    /// Makes a ring and passes it with what is sent next, if the frontend can use one and the host
    /// has memory and descriptors. It does without one else.
    pub(super) fn offer_ring(&mut self, offered: u64, cx: &mut Context<'_>) -> bool {
        if offered & features::RING == 0 {
            return false;
        }
        match Reader::new() {
            Ok((ring, memory)) => {
                self.inlet = Inlet::Offered(ring);
                self.passed = Some(memory);
                true
            }
            Err(error) => {
                if cx.log.allows_one() {
                    log::info!("session {}: no shared memory for it: {error}", self.id);
                }
                false
            }
        }
    }

    /// The ring, if the frontend uses it.
    #[must_use]
    pub fn ring(&self) -> Option<&Reader> {
        match &self.inlet {
            Inlet::Ring(ring) => Some(ring),
            _ => None,
        }
    }

    /// Moves bytes of messages from the ring into `into`; returns how many, 0 without a ring.
    pub fn read_ring(&mut self, into: &mut [u8], cx: &mut Context<'_>) -> usize {
        if self.is_closed() {
            return 0;
        }
        let Inlet::Ring(ring) = &mut self.inlet else {
            return 0;
        };
        let read = ring.read(into);
        if ring.has_room_for_one_who_waits() {
            self.outbox.push(&vgpio_protocol::Event::Room, 0);
        }
        read.unwrap_or_else(|torn| {
            log::debug!("session {}: {torn}", self.id);
            self.refuse(DecodeError::BadValue("count of bytes in the ring"), cx);
            0
        })
    }

    /// No more will be written into the ring than what is there.
    pub fn end_ring(&mut self) {
        if let Inlet::Ring(ring) = &mut self.inlet {
            ring.end();
        }
    }

    /// Takes what comes through the socket while the ring is used.
    pub fn take_doorbells(&mut self, bytes: &[u8], cx: &mut Context<'_>) {
        if bytes.iter().any(|byte| *byte != 0) {
            self.refuse(DecodeError::BadValue("doorbell, which is not 0"), cx);
        }
    }

    /// Ends the session for what belongs to no message.
    fn refuse(&mut self, error: DecodeError, cx: &mut Context<'_>) {
        if !self.is_closed() {
            self.fail(0, &refusal(error), cx);
        }
    }
}
