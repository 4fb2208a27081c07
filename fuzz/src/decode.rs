// SPDX-License-Identifier: MIT OR Apache-2.0
//! A stream of bytes, as either side may send it: what decodes encodes to the same message.

use vgpio_protocol::{Event, Frame, Request};

/// The wire format.
///
/// # Panics
/// A message is not what it was when it is encoded again.
pub fn decode(input: &[u8]) {
    let mut rest = input;
    while let Ok(Some(frame)) = Frame::split(rest) {
        assert!(frame.size() <= rest.len() && frame.payload.len() < frame.size());
        rest = &rest[frame.size()..];
        request(&frame);
        event(&frame);
    }
}

fn request(frame: &Frame<'_>) {
    if let Ok(Some(request)) = Request::decode(frame) {
        let mut out = Vec::new();
        request.encode(frame.seq, &mut out);
        let again = whole(&out);
        assert_eq!((again.kind, again.seq), (frame.kind, frame.seq));
        assert_eq!(again.payload, frame.payload, "{request:?}");
    }
}

/// Line entries may be longer than this version makes them, so the bytes may differ.
fn event(frame: &Frame<'_>) {
    if let Ok(Some(event)) = Event::decode(frame) {
        let mut out = Vec::new();
        event.encode(frame.seq, &mut out);
        let again = whole(&out);
        assert_eq!((again.kind, again.seq), (frame.kind, frame.seq));
        assert_eq!(Event::decode(&again), Ok(Some(event)));
    }
}

fn whole(message: &[u8]) -> Frame<'_> {
    let frame = Frame::split(message).expect("encoded messages are valid");
    frame.expect("encoded messages are whole")
}
