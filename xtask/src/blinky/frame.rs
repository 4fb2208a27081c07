// SPDX-License-Identifier: MIT OR Apache-2.0
//! The live view as text: what stands where, on a screen of any size.

use super::board::{BUTTON, LABEL, LEDS, Line};
use super::picture::{Picture, is_edge, stamp};

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// As the terminal has it.
    Plain,
    /// Bold.
    Strong,
    /// Dark.
    Faint,
    /// The light of an LED.
    Red,
    /// The same.
    Yellow,
    /// The same.
    Green,
    /// The button.
    Blue,
}

/// A row of the screen: pieces of text from left to right, never wider than the screen.
pub type Row = Vec<(Ink, String)>;

/// The light of each LED.
const LIGHTS: [Ink; LEDS.len()] = [Ink::Red, Ink::Yellow, Ink::Green];
/// Columns of the left log; with fewer than `BESIDE` in all, the other is below it.
const LEFT: usize = 30;
const BESIDE: usize = 64;

/// The whole screen: as many rows as it has, or fewer.
pub fn frame(picture: &Picture, width: usize, height: usize) -> Vec<Row> {
    let mut rows = vec![
        vec![
            (Ink::Strong, " vgpio blinky".to_owned()),
            (Ink::Faint, format!(": Linux in QEMU, on lines of a simulated {LABEL}")),
        ],
        Row::new(),
    ];
    rows.extend(LEDS.iter().zip(picture.leds).zip(LIGHTS).map(|((led, on), light)| {
        let (bulb, word) = if on { (light, "\u{25cf}") } else { (Ink::Faint, "\u{25cb}") };
        lamp(led, (bulb, word), if on { "on" } else { "off" }, "")
    }));
    rows.push(button(picture));
    rows.push(Row::new());
    let help = " space: press the button   q: quit";
    let rounds = format!("   rounds: {}", picture.rounds());
    let below = vec![Row::new(), vec![(Ink::Faint, help.to_owned() + &rounds)]];
    let room = height.saturating_sub(rows.len() + below.len());
    rows.extend(logs(picture, width, room));
    rows.extend(below);
    rows.truncate(height);
    for row in &mut rows {
        cut(row, width);
    }
    rows
}

fn lamp(line: &Line, bulb: (Ink, &str), state: &str, more: &str) -> Row {
    let place = format!("vgpio {} = gpio {:<2} {more}", line.vgpio, line.gpio);
    vec![
        (bulb.0, format!("  {} ", bulb.1)),
        (Ink::Strong, format!("{:<7}", line.name)),
        (Ink::Plain, format!("{state:<9}")),
        (Ink::Faint, place),
    ]
}

fn button(picture: &Picture) -> Row {
    let more = match (picture.presses, picture.edges) {
        (0, 0) => String::new(),
        (presses, edges) => format!(" presses: {presses}, edges in the guest: {edges}"),
    };
    if picture.pressed {
        lamp(&BUTTON, (Ink::Blue, "\u{25a0}"), "pressed", &more)
    } else {
        lamp(&BUTTON, (Ink::Faint, "\u{25a1}"), "released", &more)
    }
}

/// Both logs in so many rows.
fn logs(picture: &Picture, width: usize, room: usize) -> Vec<Row> {
    const TITLES: [&str; 2] = ["  Pads, from outside", "  Console of the guest"];
    let pads = picture.outside.iter().map(|entry| {
        vec![(Ink::Faint, format!("{:>12}  ", stamp(entry.at))), (Ink::Plain, entry.text.clone())]
    });
    let console = picture.console.iter().chain([&picture.last]).map(|line| {
        let ink = if is_edge(line) { Ink::Blue } else { Ink::Plain };
        vec![(ink, format!("  {line}"))]
    });
    if width < BESIDE {
        let first = room / 2;
        let mut rows = log(TITLES[0], pads, first);
        rows.extend(log(TITLES[1], console, room - first));
        return rows;
    }
    let left = log(TITLES[0], pads, room);
    let right = log(TITLES[1], console, room);
    left.into_iter()
        .zip(right)
        .map(|(mut row, right)| {
            cut(&mut row, LEFT);
            let used: usize = row.iter().map(|(_, text)| text.chars().count()).sum();
            row.push((Ink::Plain, " ".repeat(LEFT - used)));
            row.extend(right);
            row
        })
        .collect()
}

/// A title and the newest entries: so many rows exactly.
fn log(title: &str, entries: impl DoubleEndedIterator<Item = Row>, rows: usize) -> Vec<Row> {
    let Some(room) = rows.checked_sub(1) else {
        return Vec::new();
    };
    let mut log = vec![vec![(Ink::Strong, title.to_owned())]];
    log.extend(entries.rev().take(room));
    log[1..].reverse();
    log.resize(rows, Row::new());
    log
}

/// Cuts what is too wide.
fn cut(row: &mut Row, width: usize) {
    let mut room = width;
    for (_, text) in row.iter_mut() {
        let end = text.char_indices().nth(room).map_or(text.len(), |(end, _)| end);
        text.truncate(end);
        room -= text.chars().count();
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{Pad, Said};
    use super::*;

    fn busy() -> Picture {
        let mut picture = Picture::new(0);
        for i in 0..100 {
            let name = LEDS[i / 2 % 3].name.to_owned();
            let at_ns = 123_456_789_000 + i as u64;
            picture.pad(&Pad { at_ns, name, high: i % 2 == 0 }).expect("in turn");
            picture
                .said(Said { lines: vec!["7.5 falling \"BUTTON\"".into()], last: String::new() });
        }
        picture.pad(&Pad { at_ns: 0, name: "BUTTON".into(), high: false }).expect("a press");
        picture.said(Said { lines: Vec::new(), last: "guest# ".into() });
        picture
    }

    fn text(rows: &[Row]) -> Vec<String> {
        let text = |row: &Row| row.iter().map(|(_, text)| text.as_str()).collect();
        rows.iter().map(text).collect()
    }

    #[test]
    fn it_fits_on_every_screen() {
        let picture = busy();
        for width in 0..100 {
            for height in 0..40 {
                let rows = text(&frame(&picture, width, height));
                assert!(rows.len() <= height, "{width}x{height}");
                assert!(rows.iter().all(|row| row.chars().count() <= width), "{width}x{height}");
            }
        }
    }

    #[test]
    fn an_ordinary_terminal_shows_all_of_it() {
        let rows = text(&frame(&busy(), 80, 24));
        assert_eq!(rows.len(), 24);
        assert_eq!(
            rows[5],
            "  \u{25a0} BUTTON pressed  vgpio 4 = gpio 14  presses: 1, edges in the guest: 100"
        );
        assert_eq!(rows[7], "  Pads, from outside            Console of the guest");
        assert_eq!(rows[20], "  123.456789  LED2 off          7.5 falling \"BUTTON\"");
        assert_eq!(rows[23], " space: press the button   q: quit   rounds: 16");
    }

    #[test]
    fn a_narrow_terminal_has_the_logs_one_below_the_other() {
        let rows = text(&frame(&busy(), 40, 24));
        assert_eq!(rows[7], "  Pads, from outside");
        assert_eq!(rows[14], "  Console of the guest");
    }
}
