// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any stream of bytes: nothing panics, and what decodes encodes to the same message.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vgpio_protocol::{Event, Frame, Request};

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    while let Ok(Some(frame)) = Frame::split(rest) {
        rest = &rest[frame.size()..];
        request(&frame);
        event(&frame);
    }
});

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
