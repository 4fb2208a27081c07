// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has been seen so far, and whether it is right.

use std::collections::VecDeque;
use std::time::Duration;

use super::board::{BUTTON, LEDS};
use super::error::{Error, Result};
use super::message::{Pad, Said};

/// Entries kept of a log.
const LOG: usize = 200;
/// Lines of the console that an error shows.
const TAIL: usize = 20;
/// How long the guest may take to its first light; on a busy host it boots in a minute.
const BOOT: Duration = Duration::from_secs(180);
/// How long each further change may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// What the guest's first process says when it starts the shell.
const BOOTED: &str = "guest ready: ";
/// What gpiomon says at the end of a line, of the button by its name and by its number.
const EDGES: [&str; 4] =
    [" falling \"BUTTON\"", " rising \"BUTTON\"", " falling gpiochip0 4", " rising gpiochip0 4"];

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Since the start.
    pub at: Duration,
    /// What happened.
    pub text: String,
}

/// What has been seen so far.
#[derive(Debug, Default)]
pub struct Picture {
    start_ns: u64,
    /// Whether each LED is on.
    pub leds: [bool; LEDS.len()],
    /// Whether the button is pressed.
    pub pressed: bool,
    /// How often it was pressed.
    pub presses: u64,
    /// Edges of the button that the guest has told of.
    pub edges: u64,
    /// Changes of LEDs, all in order.
    pub changes: usize,
    /// What the outside world saw; the newest last.
    pub outside: VecDeque<Entry>,
    /// Whether the guest has booted.
    pub booted: bool,
    /// What is on the guest's console; the newest last.
    pub console: VecDeque<String>,
    /// The line of the console that is not yet whole.
    pub last: String,
}

impl Picture {
    /// Nothing yet.
    pub fn new(start_ns: u64) -> Self {
        Self { start_ns, ..Self::default() }
    }

    /// A pad has changed.
    ///
    /// # Errors
    /// Another LED should have changed.
    pub fn pad(&mut self, pad: &Pad) -> Result<Entry> {
        let text = if pad.name == BUTTON.name {
            self.pressed = !pad.high;
            self.presses += u64::from(self.pressed);
            format!("{} {}", pad.name, if self.pressed { "pressed" } else { "released" })
        } else {
            let text = change(&pad.name, pad.high);
            let expected = self.expected();
            if text != expected {
                return Err(Error::OutOfOrder { expected, found: text });
            }
            self.leds = [false; LEDS.len()];
            if let Some(led) = self.leds.get_mut(self.changes / 2 % LEDS.len()) {
                *led = pad.high;
            }
            self.changes += 1;
            text
        };
        let entry = self.entry(pad.at_ns, text);
        push(&mut self.outside, entry.clone());
        Ok(entry)
    }

    /// The guest's console has changed.
    pub fn said(&mut self, said: Said) {
        for line in said.lines {
            self.booted |= line.starts_with(BOOTED);
            self.edges += u64::from(is_edge(&line));
            push(&mut self.console, line);
        }
        self.last = said.last;
    }

    /// How long the next change may take.
    pub fn patience(&self) -> Duration {
        if self.changes == 0 { BOOT } else { PATIENCE }
    }

    /// What is wrong when it takes longer.
    pub fn overdue(&self) -> Error {
        let (within, console) = (self.patience(), self.tail());
        if self.booted {
            Error::Missing { expected: self.expected(), within, console }
        } else {
            Error::NotBooted { within, console }
        }
    }

    /// The end of the guest's console.
    pub fn tail(&self) -> String {
        let whole = self.console.iter().skip(self.console.len().saturating_sub(TAIL));
        let lines: Vec<_> = whole.chain([&self.last]).map(String::as_str).collect();
        match lines.join("\n").trim() {
            "" => "(nothing)".to_owned(),
            text => text.to_owned(),
        }
    }

    /// The change of an LED that comes next: each goes on and off, in turn.
    pub fn expected(&self) -> String {
        let led = LEDS.iter().cycle().nth(self.changes / 2 % LEDS.len());
        change(led.map_or("", |led| led.name), self.changes.is_multiple_of(2))
    }

    /// How often all LEDs have been on and off.
    pub fn rounds(&self) -> u64 {
        u64::try_from(self.changes / (2 * LEDS.len())).unwrap_or(u64::MAX)
    }

    fn entry(&self, at_ns: u64, text: String) -> Entry {
        Entry { at: Duration::from_nanos(at_ns.saturating_sub(self.start_ns)), text }
    }
}

/// Whether a line of the console tells of an edge of the button.
pub fn is_edge(line: &str) -> bool {
    EDGES.iter().any(|edge| line.ends_with(edge))
}

fn change(name: &str, on: bool) -> String {
    format!("{name} {}", if on { "on" } else { "off" })
}

fn push<T>(log: &mut VecDeque<T>, entry: T) {
    if log.len() == LOG {
        log.pop_front();
    }
    log.push_back(entry);
}

/// `12.345678`, as the kernel's log has it.
pub fn stamp(at: Duration) -> String {
    format!("{}.{:06}", at.as_secs(), at.subsec_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pad(name: &str, high: bool) -> Pad {
        Pad { at_ns: 1_500_000_999, name: name.to_owned(), high }
    }

    #[test]
    fn leds_go_on_and_off_in_turn() {
        let mut picture = Picture::new(1_000_000_000);
        for name in ["LED1", "LED2", "LED3", "LED1"] {
            let entry = picture.pad(&pad(name, true)).expect("it is its turn");
            assert_eq!(
                (stamp(entry.at), entry.text),
                ("0.500000".to_owned(), format!("{name} on"))
            );
            assert_eq!(picture.leds.iter().filter(|on| **on).count(), 1);
            assert_eq!(picture.expected(), format!("{name} off"));
            picture.pad(&pad(name, false)).expect("it is its turn");
            assert_eq!(picture.leds, [false; 3]);
        }
        assert_eq!(picture.rounds(), 1);
    }

    #[test]
    fn an_led_out_of_turn_is_an_error() {
        for wrong in [pad("LED1", false), pad("LED2", true), pad("", true)] {
            let error = Picture::new(0).pad(&wrong).expect_err("LED1 is first");
            assert!(error.to_string().starts_with("LED1 on should have come next"), "{error}");
        }
    }

    #[test]
    fn the_guest_tells_of_its_buttons_edges() {
        let mut picture = Picture::new(0);
        let lines = ["gpiomon BUTTON &", "9.2 falling \"BUTTON\"", "9.3 rising \"BUTTON\""];
        picture.said(Said { lines: lines.map(str::to_owned).into(), last: String::new() });
        assert_eq!(picture.edges, 2);
    }

    #[test]
    fn what_does_not_come_is_told_with_the_console() {
        let mut picture = Picture::new(0);
        let silent = picture.overdue().to_string();
        assert_eq!(silent, "the guest did not boot within 180 s; its console:\n(nothing)");
        picture.said(Said { lines: vec!["Kernel panic".into()], last: "---".into() });
        assert!(picture.overdue().to_string().ends_with("console:\nKernel panic\n---"));
        picture.said(Said { lines: vec!["guest ready: Linux".into()], last: "guest# ".into() });
        let stuck = picture.overdue().to_string();
        assert!(stuck.starts_with("LED1 on did not come within 180 s;"), "{stuck}");
        assert!(stuck.ends_with("guest ready: Linux\nguest#"), "{stuck}");
    }

    #[test]
    fn the_button_is_pressed_when_its_pad_is_low() {
        let mut picture = Picture::new(0);
        for high in [false, true, false] {
            picture.pad(&pad("BUTTON", high)).expect("it may be pressed at any time");
        }
        assert_eq!((picture.pressed, picture.presses, picture.changes), (true, 2, 0));
    }
}
