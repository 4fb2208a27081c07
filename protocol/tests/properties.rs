// SPDX-License-Identifier: MIT OR Apache-2.0
//! What holds for any bytes, any message and any way a stream is cut.

mod common;

use common::{From, Message};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use vgpio_protocol::{
    Attach, Bias, Configure, Directions, Drive, Edge, EdgeDetection, Edges, ErrorCode, ErrorReport,
    Event, Frame, Hello, HelloReply, LineEntry, LineFlags, LineSet, Lines, Lost, Reason, Request,
    Values,
};

/// What messages are made of: owned, so that any message can borrow from it.
#[derive(Clone, Debug)]
struct Parts {
    mask: u64,
    bits: u64,
    wide: u64,
    word: u32,
    half: u16,
    byte: u8,
    flag: bool,
    present: u8,
    settings: (Bias, Drive, EdgeDetection),
    /// At most 64 bytes.
    name: String,
    /// 1 to 512 bytes.
    text: String,
    edges: Vec<Edge>,
    lines: usize,
}

fn parts() -> impl Strategy<Value = Parts> {
    let numbers = any::<(u64, u64, u64, u32, u16, u8, bool, u8)>();
    let setting = |word: &'static [&'static str]| select(word);
    let settings = (
        setting(Bias::WORDS).prop_map(|w| w.parse().expect("one of the words")),
        setting(Drive::WORDS).prop_map(|w| w.parse().expect("one of the words")),
        setting(EdgeDetection::WORDS).prop_map(|w| w.parse().expect("one of the words")),
    );
    let edge = (0..64_u16, any::<(bool, u32, u64)>()).prop_map(|(line, (active, seqno, time))| {
        Edge { line, active, line_seqno: seqno, timestamp_ns: time }
    });
    let texts = ("\\PC{0,16}", "\\PC{1,128}");
    (numbers, settings, texts, vec(edge, 1..20), 1..=64_usize).prop_map(
        |(n, settings, (name, text), edges, lines)| Parts {
            mask: n.0,
            bits: n.1,
            wide: n.2,
            word: n.3,
            half: n.4,
            byte: n.5,
            flag: n.6,
            present: n.7,
            settings,
            name,
            text,
            edges,
            lines,
        },
    )
}

impl Parts {
    fn entries(&self) -> Vec<LineEntry<'_>> {
        let (bias, drive, edges) = self.settings;
        let entry = |vgpio| LineEntry {
            vgpio,
            offset: self.word,
            flags: LineFlags(self.word),
            debounce_us: self.word,
            poll_us: self.word,
            bias,
            drive,
            edges,
            name: &self.name,
            chip: &self.name,
        };
        (0..).map(entry).take(self.lines).collect()
    }

    fn configure(&self) -> Configure {
        let outputs = self.bits & self.mask;
        let bits = self.wide & outputs;
        let has = |bit: u8| self.present & 1 << bit != 0;
        let (bias, drive, edges) = self.settings;
        Configure {
            mask: self.mask,
            direction: has(0).then_some(Directions { outputs, bits }),
            bias: has(1).then_some(bias),
            drive: has(2).then_some(drive),
            active_low: has(3).then_some(self.flag),
            edges: has(4).then_some(edges),
            debounce_us: has(5).then_some(self.word),
        }
    }

    fn hello(&self) -> Hello<'_> {
        Hello {
            version_min: self.half.max(1),
            version_max: u16::MAX,
            features: self.wide,
            name: &self.name,
        }
    }

    fn hello_reply(&self) -> HelloReply<'_> {
        HelloReply {
            version: self.half,
            max_lines: u16::from(self.byte) % 65,
            max_payload: self.word.max(4_100),
            session: self.word,
            features: self.wide,
            name: &self.name,
        }
    }

    fn values(&self) -> Values {
        const REASONS: [Reason; 5] =
            [Reason::Reply, Reason::Attached, Reason::Resync, Reason::Restored, Reason::Configured];
        let known = REASONS.get(usize::from(self.byte)).copied();
        Values {
            mask: self.mask,
            bits: self.bits & self.mask,
            timestamp_ns: self.wide,
            lost_edges: self.word,
            reason: known.unwrap_or(Reason::Other(self.byte)),
        }
    }

    /// One message of every type.
    fn messages<'a>(&'a self, entries: &'a [LineEntry<'a>]) -> Vec<Message<'a>> {
        let (mask, bits) = (self.mask, self.bits & self.mask);
        let (name, text) = (&self.name, &self.text);
        let report = ErrorReport {
            mask,
            code: ErrorCode::from_wire(self.half % 32),
            errno: self.half,
            text,
        };
        let requests = [
            Request::Hello(self.hello()),
            Request::Attach(Attach::Export(text)),
            Request::Attach(Attach::Map(text)),
            Request::Info,
            Request::Configure(self.configure()),
            Request::Set(LineSet { mask, bits }),
            Request::Get(mask),
            Request::Sync,
            Request::Ring,
            Request::Pong,
        ];
        let events = [
            Event::Hello(self.hello_reply()),
            Event::Attached(Lines::new(entries)),
            Event::Lines(Lines::new(entries)),
            Event::Values(self.values()),
            Event::Synced,
            Event::Edges(Edges::new(&self.edges)),
            Event::Lost(Lost { mask, text: name }),
            Event::Restored(mask),
            Event::Room,
            Event::Ping,
            Event::Error(report),
        ];
        let requests = requests.into_iter().map(Message::Request);
        requests.chain(events.into_iter().map(Message::Event)).collect()
    }
}

fn side(message: &Message<'_>) -> From {
    match message {
        Message::Request(_) => From::Frontend,
        Message::Event(_) => From::Backend,
    }
}

fn whole(bytes: &[u8]) -> Frame<'_> {
    let frame = Frame::split(bytes).expect("a valid header");
    frame.expect("a whole message")
}

/// Decodes as either side; what decodes must encode to the same message.
fn check(bytes: &[u8]) {
    let Ok(Some(frame)) = Frame::split(bytes) else {
        return;
    };
    for from in [From::Frontend, From::Backend] {
        if let Ok(Some(message)) = from.decode(&frame) {
            let out = message.encode(frame.seq);
            let again = whole(&out);
            assert_eq!((again.kind, again.seq), (frame.kind, frame.seq));
            assert_eq!(from.decode(&again), Ok(Some(message)));
            if from == From::Frontend {
                assert_eq!(again.payload, frame.payload);
            }
        }
    }
}

/// A receiver: bytes come in pieces, messages come out encoded anew.
fn receive<'a>(from: From, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let (mut buffer, mut messages) = (Vec::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        let mut done = 0;
        while let Some(frame) = Frame::split(&buffer[done..]).expect("a valid stream") {
            done += frame.size();
            let message = from.decode(&frame).expect("valid").expect("of known type");
            messages.push(message.encode(frame.seq));
        }
        buffer.drain(..done);
    }
    assert!(buffer.is_empty());
    messages
}

proptest! {
    #[test]
    fn any_bytes_are_safe(bytes in vec(any::<u8>(), 0..200)) {
        check(&bytes);
    }

    #[test]
    fn any_payload_under_a_good_header_is_safe(
        kind in select(&[1_u16, 2, 3, 4, 5, 6, 7, 8, 0x8001, 0x8002, 0x8003, 0x8006, 0x8007,
            0xc001, 0xc002, 0xc003, 0xffff][..]),
        flags in 0..2_u16,
        seq: u64,
        payload in vec(prop_oneof![0..4_u8, any::<u8>()], 0..80),
    ) {
        let length = u32::try_from(payload.len()).expect("short");
        let bytes = [&kind.to_le_bytes()[..], &flags.to_le_bytes(), &length.to_le_bytes(),
            &seq.to_le_bytes(), &payload].concat();
        check(&bytes);
    }

    #[test]
    fn a_valid_message_with_some_bytes_changed_is_safe(
        parts in parts(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        seq: u64,
    ) {
        for message in parts.messages(&parts.entries()) {
            let mut bytes = message.encode(seq);
            for (at, byte) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            check(&bytes);
        }
    }

    #[test]
    fn any_message_comes_back_as_it_was(parts in parts(), seq: u64) {
        for message in parts.messages(&parts.entries()) {
            let bytes = message.encode(seq);
            let frame = whole(&bytes);
            prop_assert_eq!((frame.seq, frame.optional), (seq, false));
            prop_assert_eq!(frame.size(), bytes.len());
            prop_assert_eq!(side(&message).decode(&frame), Ok(Some(message)));
            prop_assert_eq!(message.encode(seq), bytes, "encoding is a function");
        }
    }

    #[test]
    fn a_message_cut_short_is_not_there_yet(parts in parts(), cut: prop::sample::Index) {
        for message in parts.messages(&parts.entries()) {
            let bytes = message.encode(1);
            prop_assert_eq!(Frame::split(&bytes[..cut.index(bytes.len())]), Ok(None));
        }
    }

    #[test]
    fn a_stream_gives_the_same_messages_wherever_it_is_cut(
        parts in parts(),
        mut cuts in vec(any::<prop::sample::Index>(), 0..20),
    ) {
        for from in [From::Frontend, From::Backend] {
            let sent: Vec<_> = parts
                .messages(&parts.entries())
                .iter()
                .zip(1..)
                .filter(|(message, _)| side(message) == from)
                .map(|(message, seq)| message.encode(seq))
                .collect();
            let stream = sent.concat();
            cuts.sort_by_key(|cut| cut.index(stream.len()));
            let ends = cuts.iter().map(|cut| cut.index(stream.len())).chain([stream.len()]);
            let mut start = 0;
            let pieces = ends.map(|end| {
                let piece = &stream[start..end];
                start = end;
                piece
            });
            prop_assert_eq!(receive(from, pieces), sent);
        }
    }

    #[test]
    fn texts_beyond_their_limit_are_cut_or_refused(name in "\\PC{60,200}", over in "\\PC{1,8}") {
        let hello = Hello { version_min: 1, version_max: 1, features: 0, name: &name };
        let bytes = Message::Request(Request::Hello(hello)).encode(1);
        let decoded = Request::decode(&whole(&bytes));
        prop_assert!(matches!(decoded, Ok(Some(Request::Hello(h))) if name.starts_with(h.name)));

        // A line map must not be shortened: it would mean other lines.
        let text = "m".repeat(4_096) + &over;
        let bytes = Message::Request(Request::Attach(Attach::Map(&text))).encode(1);
        prop_assert!(Request::decode(&whole(&bytes)).is_err());
    }
}
