// SPDX-License-Identifier: MIT OR Apache-2.0
//! The crate understands and makes the messages of `vectors/messages.json`.

mod common;

use std::collections::BTreeSet;

use common::{From, Message, Vector, vectors};
use serde_json::{Value, json};
use vgpio_protocol::{
    Attach, Configure, DecodeError, Edge, ErrorCode, Event, Frame, LineEntry, LineSet, Lines,
    Reason, Request,
};

#[test]
fn every_vector_decodes_as_stated() {
    for vector in vectors() {
        assert_eq!(decode(&vector), vector.expected, "{}", vector.name);
    }
}

#[test]
fn every_canonical_vector_is_what_encoding_makes() {
    for vector in vectors() {
        let Some((frame, message)) = whole_message(&vector) else {
            continue;
        };
        let same = message.encode(frame.seq) == vector.bytes;
        assert_eq!(same, vector.canonical, "{}", vector.name);
    }
}

#[test]
fn a_following_message_is_left_alone() {
    for vector in vectors().iter().filter(|v| v.expected.is_ok()) {
        let both = [&vector.bytes[..], &[0xff; 40]].concat();
        let frame = Frame::split(&both).expect("valid").expect("whole");
        assert_eq!(frame.size(), vector.bytes.len(), "{}", vector.name);
    }
}

#[test]
fn names_of_vectors_are_unique() {
    let all = vectors();
    let names: BTreeSet<_> = all.iter().map(|v| &v.name).collect();
    assert_eq!(names.len(), all.len());
}

/// A type or an error that is new in the crate is not in these lists, and so fails here.
#[test]
fn vectors_cover_every_type_and_every_error() {
    const TYPES: [&str; 21] = [
        "ATTACH",
        "ATTACHED",
        "CONFIGURE",
        "EDGES",
        "ERROR",
        "GET",
        "HELLO",
        "HELLO reply",
        "INFO",
        "LINES",
        "LOST",
        "PING",
        "PONG",
        "RESTORED",
        "RING",
        "ROOM",
        "SET",
        "SYNC",
        "SYNCED",
        "VALUES",
        "skipped",
    ];
    let all = vectors();
    let got: Vec<_> = all.iter().map(decode).collect();
    for kind in TYPES {
        let of_kind = |v: &&Result<Value, String>| matches!(v, Ok(m) if m["type"] == kind);
        assert!(got.iter().filter(of_kind).count() >= 2, "{kind}");
    }
    let seen: BTreeSet<_> = got.iter().flatten().map(|m| m["type"].as_str()).collect();
    assert_eq!(seen, TYPES.into_iter().map(Some).collect());

    let errors: BTreeSet<_> = got.iter().filter_map(|v| v.as_ref().err()).collect();
    for error in ["incomplete", "too-long", "unknown-type", "bad-length", "bad-value"] {
        assert!(errors.contains(&error.to_owned()), "{error}");
    }
    assert_eq!(errors.len(), 5, "{errors:?}");

    for &code in ErrorCode::ALL {
        let reports = |v: &Result<Value, String>| matches!(v, Ok(m) if m["code"] == code.name());
        assert!(got.iter().any(reports), "{}", code.name());
    }
}

fn whole_message(vector: &Vector) -> Option<(Frame<'_>, Message<'_>)> {
    let frame = Frame::split(&vector.bytes).ok()??;
    Some((frame, vector.from.decode(&frame).ok()??))
}

/// The message in the words of the vectors, or the name of the error.
fn decode(vector: &Vector) -> Result<Value, String> {
    let name = |error: DecodeError| error.code().name().to_owned();
    let frame = Frame::split(&vector.bytes).map_err(name)?;
    let frame = frame.ok_or("incomplete")?;
    let mut value = match vector.from.decode(&frame).map_err(name)? {
        Some(Message::Request(request)) => request_json(&request),
        Some(Message::Event(event)) => event_json(&event),
        None => json!({"type": "skipped"}),
    };
    value["seq"] = frame.seq.into();
    Ok(value)
}

fn hex(set: u64) -> String {
    format!("{set:#x}")
}

fn request_json(request: &Request<'_>) -> Value {
    match request {
        Request::Hello(h) => json!({"type": "HELLO", "version_min": h.version_min,
            "version_max": h.version_max, "features": hex(h.features), "name": h.name}),
        Request::Attach(Attach::Export(text)) => {
            json!({"type": "ATTACH", "kind": "export", "text": text})
        }
        Request::Attach(Attach::Map(text)) => {
            json!({"type": "ATTACH", "kind": "map", "text": text})
        }
        Request::Info => json!({"type": "INFO"}),
        Request::Configure(configure) => configure_json(configure),
        Request::Set(LineSet { mask, bits }) => {
            json!({"type": "SET", "mask": hex(*mask), "bits": hex(*bits)})
        }
        Request::Get(mask) => json!({"type": "GET", "mask": hex(*mask)}),
        Request::Sync => json!({"type": "SYNC"}),
        Request::Ring => json!({"type": "RING"}),
        Request::Pong => json!({"type": "PONG"}),
    }
}

fn configure_json(c: &Configure) -> Value {
    let mut value = json!({"type": "CONFIGURE", "mask": hex(c.mask)});
    let mut put = |name: &str, field: Option<Value>| {
        if let Some(field) = field {
            value[name] = field;
        }
    };
    put("outputs", c.direction.map(|d| hex(d.outputs).into()));
    put("bits", c.direction.map(|d| hex(d.bits).into()));
    put("bias", c.bias.map(|b| b.word().into()));
    put("drive", c.drive.map(|d| d.word().into()));
    put("active_low", c.active_low.map(Value::from));
    put("edges", c.edges.map(|e| e.word().into()));
    put("debounce_us", c.debounce_us.map(Value::from));
    value
}

fn event_json(event: &Event<'_>) -> Value {
    match event {
        Event::Hello(h) => json!({"type": "HELLO reply", "version": h.version,
            "max_lines": h.max_lines, "max_payload": h.max_payload, "session": h.session,
            "features": hex(h.features), "name": h.name}),
        Event::Attached(lines) => json!({"type": "ATTACHED", "entries": lines_json(lines)}),
        Event::Lines(lines) => json!({"type": "LINES", "entries": lines_json(lines)}),
        Event::Values(v) => json!({"type": "VALUES", "mask": hex(v.mask), "bits": hex(v.bits),
            "timestamp_ns": hex(v.timestamp_ns), "lost_edges": v.lost_edges,
            "reason": reason_json(v.reason)}),
        Event::Synced => json!({"type": "SYNCED"}),
        Event::Edges(edges) => {
            assert!(!edges.is_empty());
            let entries: Vec<_> = edges.iter().map(edge_json).collect();
            assert_eq!(entries.len(), edges.len());
            json!({"type": "EDGES", "entries": entries})
        }
        Event::Lost(l) => json!({"type": "LOST", "mask": hex(l.mask), "text": l.text}),
        Event::Restored(mask) => json!({"type": "RESTORED", "mask": hex(*mask)}),
        Event::Room => json!({"type": "ROOM"}),
        Event::Ping => json!({"type": "PING"}),
        Event::Error(e) => json!({"type": "ERROR", "mask": hex(e.mask),
            "code": code_json(e.code), "errno": e.errno, "text": e.text}),
    }
}

fn lines_json(lines: &Lines<'_>) -> Value {
    let entry = |e: LineEntry<'_>| {
        json!({"vgpio": e.vgpio, "offset": e.offset, "flags": e.flags.0,
            "debounce_us": e.debounce_us, "poll_us": e.poll_us, "bias": e.bias.word(),
            "drive": e.drive.word(), "edges": e.edges.word(), "name": e.name, "chip": e.chip})
    };
    assert!(!lines.is_empty());
    let entries: Vec<_> = lines.iter().map(entry).collect();
    assert_eq!(entries.len(), lines.len());
    entries.into()
}

fn edge_json(e: Edge) -> Value {
    json!({"line": e.line, "level": u8::from(e.active), "line_seqno": e.line_seqno,
        "timestamp_ns": hex(e.timestamp_ns)})
}

fn reason_json(reason: Reason) -> Value {
    match reason {
        Reason::Reply => "reply".into(),
        Reason::Attached => "attached".into(),
        Reason::Resync => "resync".into(),
        Reason::Restored => "restored".into(),
        Reason::Configured => "configured".into(),
        Reason::Other(code) => code.into(),
    }
}

fn code_json(code: ErrorCode) -> Value {
    match code {
        ErrorCode::Other(code) => code.into(),
        known => known.name().into(),
    }
}

#[test]
fn both_sides_have_vectors() {
    for side in [From::Frontend, From::Backend] {
        assert!(vectors().iter().any(|v| v.from == side));
    }
}
