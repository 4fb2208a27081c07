// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's serial console: what a user types there, and what comes back.

use std::mem::take;

use super::message::Said;

/// The lines that are typed, each when the shell asks for one.
pub type Typed = [&'static str; 6];

/// Where the guest knows its lines by the names of the host's pads.
pub const BY_NAME: Typed = [
    "gpioinfo",
    "gpiomon BUTTON &",
    "while true; do",
    "for led in LED1 LED2 LED3; do",
    "  gpioset --toggle 300ms,0 $led=1",
    "done; done",
];
/// Where it knows only their numbers.
pub const BY_NUMBER: Typed = [
    "gpioinfo",
    "gpiomon --chip 0 4 &",
    "while true; do",
    "for led in 0 1 2; do",
    "  gpioset --chip 0 --toggle 300ms,0 $led=1",
    "done; done",
];
/// How the shell asks, for a command and for the rest of one.
const PROMPTS: [&[u8]; 2] = [b"guest# ", b"> "];
/// Longer lines are taken for more than one.
const LONGEST: usize = 500;

/// A terminal that keeps what is written, as plain text, with somebody who types.
pub struct Console {
    lines: Typed,
    line: Vec<u8>,
    /// Within an escape sequence, such as the shell's question for the place of the cursor.
    escape: bool,
    typed: usize,
}

impl Console {
    /// A terminal at which these lines are typed.
    pub fn new(lines: Typed) -> Self {
        Self { lines, line: Vec::new(), escape: false, typed: 0 }
    }

    /// Takes what the guest writes. Returns what there is to show, and what is typed now.
    pub fn take(&mut self, bytes: &[u8]) -> (Said, String) {
        let mut said = Said::default();
        let mut typed = String::new();
        for byte in bytes {
            match byte {
                b'\n' => said.lines.push(self.end()),
                // Ends with its letter.
                _ if self.escape => self.escape = !byte.is_ascii_alphabetic(),
                0x1b => self.escape = true,
                b'\t' => self.line.push(b' '),
                _ if byte.is_ascii_control() => {}
                _ => {
                    self.line.push(*byte);
                    typed.extend(self.answer());
                }
            }
            if self.line.len() == LONGEST {
                said.lines.push(self.end());
            }
        }
        said.last = text(&self.line);
        (said, typed)
    }

    /// What is typed if this was the last character of a prompt.
    fn answer(&mut self) -> [&'static str; 2] {
        match self.lines.get(self.typed) {
            Some(line) if PROMPTS.contains(&self.line.as_slice()) => {
                self.typed += 1;
                [line, "\n"]
            }
            _ => [""; 2],
        }
    }

    fn end(&mut self) -> String {
        self.escape = false;
        text(&take(&mut self.line))
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_prompt_gets_one_line() {
        let mut console = Console::new(BY_NAME);
        let (_, typed) = console.take(b"guest ready\r\nguest#");
        assert_eq!(typed, "");
        for line in BY_NAME {
            let (said, typed) = console.take(b" \x1b[6n");
            assert_eq!((said.last.as_str(), typed), ("guest# ", format!("{line}\n")));
            console.take(b"what is typed\r\nguest#");
        }
        let (_, typed) = console.take(b" ");
        assert_eq!(typed, "");
    }

    #[test]
    fn the_rest_of_a_command_is_asked_for_in_another_way() {
        let mut console = Console::new(BY_NAME);
        assert_eq!(console.take(b"> ").1, "gpioinfo\n");
        assert_eq!(console.take(b"echo 1 > value\r\n").1, "");
    }

    #[test]
    fn lines_are_plain_text_of_bounded_length() {
        let mut console = Console::new(BY_NAME);
        let (said, _) = console.take(b"\x1b[1;31ma\tb\x07\x1b[0m\r\n\x1b[\nc");
        assert_eq!((said.lines, said.last), (vec!["a b".into(), String::new()], "c".to_owned()));
        let (said, _) = console.take(&[b'x'; 1000]);
        assert_eq!(said.lines.len(), 2);
    }
}
