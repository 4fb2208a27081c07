// SPDX-License-Identifier: MIT OR Apache-2.0
//! The vectors of `vectors/messages.json`, and decoding for either side.

#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "each test program uses part of this; a wrong vector shall stop it"
)]

use serde_json::Value;
use vgpio_protocol::{DecodeError, Event, Frame, Request};

/// Who sends a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    Frontend,
    Backend,
}

/// A message of either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    Request(Request<'a>),
    Event(Event<'a>),
}

impl From {
    pub fn decode<'a>(self, frame: &Frame<'a>) -> Result<Option<Message<'a>>, DecodeError> {
        Ok(match self {
            Self::Frontend => Request::decode(frame)?.map(Message::Request),
            Self::Backend => Event::decode(frame)?.map(Message::Event),
        })
    }
}

impl Message<'_> {
    pub fn encode(&self, seq: u64) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Request(request) => request.encode(seq, &mut out),
            Self::Event(event) => event.encode(seq, &mut out),
        }
        out
    }
}

pub struct Vector {
    pub name: String,
    pub from: From,
    pub bytes: Vec<u8>,
    /// Fields by name, or the name of the error.
    pub expected: Result<Value, String>,
    /// Whether the message encodes to these bytes.
    pub canonical: bool,
}

pub fn vectors() -> Vec<Vector> {
    let file: Value = serde_json::from_str(include_str!("../../vectors/messages.json")).unwrap();
    let list = file["vectors"].as_array().unwrap();
    list.iter().map(vector).collect()
}

fn vector(v: &Value) -> Vector {
    let hex = v["hex"].as_str().unwrap();
    let byte = |digits| u8::from_str_radix(digits, 16).unwrap();
    Vector {
        name: v["name"].as_str().unwrap().to_owned(),
        from: match v["from"].as_str().unwrap() {
            "frontend" => From::Frontend,
            "backend" => From::Backend,
            other => panic!("from is {other}"),
        },
        bytes: hex.split_ascii_whitespace().map(byte).collect(),
        expected: match (v.get("message"), v.get("error")) {
            (Some(message), None) => Ok(message.clone()),
            (None, Some(error)) => Err(error.as_str().unwrap().to_owned()),
            _ => panic!("{v}: either a message or an error"),
        },
        canonical: v.get("canonical") != Some(&Value::Bool(false)),
    }
}
