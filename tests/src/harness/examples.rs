// SPDX-License-Identifier: MIT OR Apache-2.0
//! The examples of `docs/errors.md` that are messages of the wire.
//!
//! A line of an example is a message as [`encode`] reads it, a condition (`# ...`), or bytes in hex.

use vgpio_protocol::{Attach, Configure, Hello, LineSet, Request};

use super::Told;

/// Messages, and the error that they give.
pub struct Example {
    /// The headline above it.
    pub title: String,
    /// What is sent, line by line.
    pub input: Vec<String>,
    /// What must come of it.
    pub output: String,
}

/// The examples in the section `## SECTION`.
pub fn examples(section: &str) -> Vec<Example> {
    let page = include_str!("../../../docs/errors.md");
    let (_, text) = page
        .split_once(&format!("\n## {section}\n"))
        .unwrap_or_else(|| panic!("docs/errors.md has no section '{section}'"));
    let text = text.split_once("\n## ").map_or(text, |(text, _)| text);
    text.split("\n### ").skip(1).map(example).collect()
}

/// An example is a headline, a block that is sent, and a block that must come of it.
fn example(text: &str) -> Example {
    let (title, text) = text.split_once('\n').expect("more than a headline");
    let mut blocks = text.split("```").skip(1).step_by(2).map(|block| {
        let (_kind, block) = block.split_once('\n').expect("more than a kind");
        block.trim_end().to_owned()
    });
    let input = blocks.next().expect("what is sent").lines().map(str::to_owned).collect();
    let output = blocks.next().expect("what comes of it");
    Example { title: title.to_owned(), input, output }
}

/// An error as the examples write it. Numbers of sessions,
/// processes, users and chips differ from run to run.
pub fn written(told: Option<Told>, ends: bool) -> String {
    let Some(Told { seq, mask, code, errno, text }) = told else {
        return "no error".to_owned();
    };
    let lines = if mask == 0 { String::new() } else { format!(", lines {mask:#x}") };
    let errno = if errno == 0 { String::new() } else { format!(", errno {errno}") };
    let end = if ends { ", the session ends" } else { "" };
    let words = ["session ", "pid ", "user ", "of group ", "gpiochip"];
    let text = words.iter().fold(text, |text, word| without_numbers(&text, word));
    format!("{} ({}), seq {seq}{lines}{errno}{end}\n{text}", code.name(), code.to_wire())
}

/// Puts `N` in the place of the number behind each `word`.
fn without_numbers(text: &str, word: &str) -> String {
    let mut parts = text.split(word);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = if rest.len() == part.len() { "" } else { "N" };
        all + word + number + rest
    })
}

/// The bytes of a line of an example; `seq` is that of the message unless the line says `seq=N`.
pub fn encode(line: &str, seq: u64) -> Vec<u8> {
    let (seq, line) = match line.strip_prefix("seq=").and_then(|rest| rest.split_once(' ')) {
        Some((seq, line)) => (seq.parse().expect("a sequence number"), line),
        None => (seq, line),
    };
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let mut bytes = Vec::new();
    let request = match word {
        "HELLO" => Request::Hello(hello(rest)),
        "ATTACH" => Request::Attach(attach(rest)),
        "INFO" => Request::Info,
        "CONFIGURE" => Request::Configure(configure(rest)),
        "SET" => {
            let (mask, bits) = rest.split_once(' ').expect("SET MASK BITS");
            Request::Set(LineSet { mask: number(mask), bits: number(bits) })
        }
        "GET" => Request::Get(number(rest)),
        "SYNC" => Request::Sync,
        "PONG" => Request::Pong,
        _ => return hex(line),
    };
    request.encode(seq, &mut bytes);
    bytes
}

/// `VERSION_MIN-VERSION_MAX NAME`
fn hello(text: &str) -> Hello<'_> {
    let (versions, name) = text.split_once(' ').expect("HELLO VERSIONS NAME");
    let (min, max) = versions.split_once('-').expect("a range");
    let version = |text: &str| text.parse().expect("a version");
    Hello { version_min: version(min), version_max: version(max), features: 0, name }
}

/// `export NAME` or `map MAP`
fn attach(text: &str) -> Attach<'_> {
    match text.split_once(' ').expect("ATTACH KIND TEXT") {
        ("export", name) => Attach::Export(name),
        ("map", map) => Attach::Map(map),
        (kind, _) => panic!("ATTACH {kind}"),
    }
}

/// `MASK OUTPUTS BITS`
fn configure(text: &str) -> Configure {
    let numbers: Vec<u64> = text.split(' ').map(number).collect();
    let [mask, outputs, bits] = numbers.try_into().expect("CONFIGURE MASK OUTPUTS BITS");
    Configure::directions(mask, outputs, bits)
}

fn number(text: &str) -> u64 {
    let digits = text.strip_prefix("0x").expect("a line set in hex");
    u64::from_str_radix(digits, 16).expect("a line set in hex")
}

fn hex(line: &str) -> Vec<u8> {
    let byte = |word| u8::from_str_radix(word, 16).unwrap_or_else(|_| panic!("what is '{line}'?"));
    line.split_whitespace().map(byte).collect()
}
