// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes of any kind make messages or an error, in bounded memory.
#![allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]

use proptest::prelude::*;
use vgpio_qtest::wire::{Command, MAX_LINE, Message, Reader, WireError};

/// All messages of these bytes, which come in pieces of this size, and the error that ends them.
fn read(bytes: &[u8], piece: usize) -> (Vec<Message>, Option<WireError>) {
    let mut reader = Reader::default();
    let mut messages = Vec::new();
    for piece in bytes.chunks(piece) {
        let mut rest = piece;
        while !rest.is_empty() {
            let space = reader.space();
            assert!(!space.is_empty(), "there is room when all messages are taken");
            let count = rest.len().min(space.len());
            space[..count].copy_from_slice(&rest[..count]);
            reader.received(count);
            rest = &rest[count..];
            loop {
                match reader.message() {
                    Ok(Some(message)) => messages.push(message),
                    Ok(None) => break,
                    Err(error) => return (messages, Some(error)),
                }
            }
        }
    }
    (messages, None)
}

#[test]
fn what_qemu_says_is_understood() {
    let text = "OK\nOK 0x00000000000000ff\r\nIRQ raise 7\nIRQ lower 255\n\
                FAIL Unknown device\nERR invalid argument size\n";
    let expected = [
        Message::Ok(None),
        Message::Ok(Some(0xff)),
        Message::Irq { line: 7, high: true },
        Message::Irq { line: 255, high: false },
        Message::Fail("Unknown device".to_owned()),
        Message::Fail("invalid argument size".to_owned()),
    ];
    for piece in [1, 2, 7, 1000] {
        assert_eq!(read(text.as_bytes(), piece), (expected.to_vec(), None));
    }
}

#[test]
fn what_qemu_never_says_is_an_error_that_shows_it() {
    for line in ["", "OK 5", "OK 0x1 2", "IRQ", "IRQ raise", "IRQ raise -1", "IRQ toggle 1", "ok"] {
        let (messages, error) = read(format!("{line}\n").as_bytes(), 100);
        assert_eq!((messages, error), (vec![], Some(WireError::Unknown(line.to_owned()))));
    }
    let (_, error) = read(b"\x1b[2J\xff'\n", 100);
    assert_eq!(error, Some(WireError::Unknown("\\u{1b}[2J\u{fffd}'".to_owned())));
    let (_, error) = read(&[[b'y'; 500].as_slice(), b"\n"].concat(), 100);
    assert_eq!(error, Some(WireError::Unknown("y".repeat(100) + "...")));
}

#[test]
fn a_line_has_an_end() {
    let longest = [b"FAIL ".as_slice(), &vec![b'x'; MAX_LINE - 5], b"\n"].concat();
    assert_eq!(read(&longest, 1000).0.len(), 1);
    let longer = [b"FAIL ".as_slice(), &vec![b'x'; MAX_LINE - 4], b"\n"].concat();
    assert_eq!(read(&longer, usize::MAX), (vec![], Some(WireError::Long)));
    for piece in [1, 1000, usize::MAX] {
        assert_eq!(read(&vec![b'x'; MAX_LINE + 1], piece).1, Some(WireError::Long));
        assert_eq!(read(&vec![b'x'; 100 * MAX_LINE], piece).1, Some(WireError::Long));
    }
}

#[test]
fn commands_are_lines_without_more_lines_in_them() {
    let path = "/machine/unattached/device[6]";
    let commands = [
        (Command::InterceptOutputs(path), "irq_intercept_out /machine/unattached/device[6]"),
        (
            Command::SetInput(path, 5, true),
            "set_irq_in /machine/unattached/device[6] unnamed-gpio-in 5 1",
        ),
        (Command::Read(0x0903_03fc), "readb 0x90303fc"),
    ];
    for (command, text) in commands {
        assert_eq!(command.to_string(), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..9000), piece in 1..5000_usize) {
        read(&bytes, piece);
    }

    #[test]
    fn pieces_make_no_difference(
        lines in prop::collection::vec("(OK|OK 0x[0-9a-f]{1,16}|IRQ (raise|lower) [0-9]{1,3}|FAIL .{0,50}|x)", 0..30),
        piece in 1..300_usize,
    ) {
        let text = lines.join("\n") + "\n";
        prop_assert_eq!(read(text.as_bytes(), piece), read(text.as_bytes(), usize::MAX));
    }
}
