// SPDX-License-Identifier: MIT OR Apache-2.0
//! A recording of the live view: an animated SVG, for the documentation.

use std::fmt::{self, Write as _};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::Output;
use super::error::{Error, Result};
use super::frame::{Ink, Row, frame};
use super::message::Message;
use super::picture::{Entry, Picture};

/// Columns and rows of the screen recorded.
const SIZE: (usize, usize) = (76, 22);
/// Width and height of a character.
const CELL: (f64, f64) = (8.4, 18.0);
/// Space around the screen.
const MARGIN: f64 = 14.0;
/// Changes closer together are one picture.
const BLINK: Duration = Duration::from_millis(40);
/// How long the last picture stays.
const LAST: Duration = Duration::from_millis(600);

/// Looks of the inks, on a dark ground.
const STYLE: &str = "text{font:14px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;\
    white-space:pre;fill:#d6d9de}.b{font-weight:bold;fill:#fff}.f{fill:#858c96}\
    .r{fill:#ff5c57}.y{fill:#f3c13a}.g{fill:#4fd06b}.u{fill:#57a8ff}\
    .p{visibility:hidden}";

/// Keeps pictures, of the booted guest, until the end.
pub struct Recorder {
    path: PathBuf,
    keys: Sender<Message>,
    start: Instant,
    frames: Vec<(Duration, Vec<Row>)>,
    pressed: bool,
}

impl Recorder {
    /// A recording to be written there. It presses the button once.
    pub fn new(path: PathBuf, keys: Sender<Message>) -> Self {
        Self { path, keys, start: Instant::now(), frames: Vec::new(), pressed: false }
    }

    fn document(&self) -> std::result::Result<String, fmt::Error> {
        let width = cells(SIZE.0, CELL.0) + 2.0 * MARGIN;
        let height = cells(SIZE.1, CELL.1) + 2.0 * MARGIN;
        let last = self.frames.last().map_or(Duration::ZERO, |(at, _)| *at);
        let total = (last + LAST).as_secs_f64();
        let mut svg = format!(
            "<!-- SPDX-License-Identifier: MIT OR Apache-2.0 -->\n\
             <svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             width=\"{width:.0}\" height=\"{height:.0}\">\n\
             <title>cargo xtask blinky</title>\n<style>{STYLE}</style>\n\
             <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16191d\"/>\n"
        );
        for (i, (at, rows)) in self.frames.iter().enumerate() {
            let next = self.frames.get(i + 1);
            let end = next.map_or(total, |(at, _)| at.as_secs_f64());
            let percent = |at: f64| 100.0 * at / total;
            let (from, to) = (percent(at.as_secs_f64()), percent(end));
            writeln!(
                svg,
                "<style>@keyframes k{i}{{0%{{visibility:hidden}}{from:.2}%{{visibility:visible}}\
                 {to:.2}%{{visibility:hidden}}}}\
                 #p{i}{{animation:k{i} {total:.2}s step-end infinite}}</style>"
            )?;
            // What does not animate shows the last light.
            let class = if i + 2 == self.frames.len() { "" } else { " class=\"p\"" };
            writeln!(svg, "<g id=\"p{i}\"{class}>")?;
            for (y, row) in rows.iter().enumerate() {
                text(&mut svg, y, row)?;
            }
            svg.push_str("</g>\n");
        }
        svg.push_str("</svg>\n");
        Ok(svg)
    }
}

impl Output for Recorder {
    fn pad(&mut self, _: &Entry) -> io::Result<()> {
        Ok(())
    }

    fn draw(&mut self, picture: &Picture) -> io::Result<()> {
        if picture.rounds() == 1 && !self.pressed {
            self.pressed = true;
            // The main loop is who calls this.
            let _ = self.keys.send(Message::Press);
        }
        if !picture.booted {
            return Ok(());
        }
        let at = self.start.elapsed();
        let rows = frame(picture, SIZE.0, SIZE.1);
        match self.frames.last_mut() {
            Some((last, old)) if at.saturating_sub(*last) < BLINK => *old = rows,
            Some((_, old)) if *old == rows => {}
            _ => self.frames.push((at, rows)),
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        // From the first picture on.
        let first = self.frames.first().map_or(Duration::ZERO, |(at, _)| *at);
        for (at, _) in &mut self.frames {
            *at -= first;
        }
        let document = self.document().expect("text in memory can be written");
        let path = self.path.clone();
        fs::write(&self.path, document).map_err(|source| Error::Record { path, source })
    }
}

/// The extent of so many cells.
fn cells(number: usize, size: f64) -> f64 {
    f64::from(u16::try_from(number).unwrap_or(u16::MAX)) * size
}

fn text(svg: &mut String, y: usize, row: &Row) -> fmt::Result {
    let baseline = MARGIN + cells(y, CELL.1) + 0.8 * CELL.1;
    let mut column = 0;
    for (ink, text) in row {
        let x = MARGIN + cells(column, CELL.0);
        column += text.chars().count();
        if text.trim().is_empty() {
            continue;
        }
        let class = match ink {
            Ink::Plain => "",
            Ink::Strong => " class=\"b\"",
            Ink::Faint => " class=\"f\"",
            Ink::Red => " class=\"r\"",
            Ink::Yellow => " class=\"y\"",
            Ink::Green => " class=\"g\"",
            Ink::Blue => " class=\"u\"",
        };
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
        writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{baseline:.1}\"{class} xml:space=\"preserve\">{escaped}</text>"
        )?;
    }
    Ok(())
}
