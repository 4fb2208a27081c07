// SPDX-License-Identifier: MIT OR Apache-2.0
//! The line map `CHIP,vgpios=0:1:2,gpios=11:12:13[,key=value...]`.

mod error;
mod list;
mod text;

use std::str::FromStr;
use std::time::Duration;

use crate::limits::MAX_LINES;
use crate::settings::{LineSettings, Period, UnknownWord};

pub use error::{MapError, MapReason};
use text::Piece;

/// Which lines of a host chip a guest gets, and how.
///
/// ```
/// use vgpio_protocol::{LineMap, LineRef};
///
/// let map: LineMap = "e6055400.gpio,vgpios=0:1:2,gpios=11:12:LED".parse()?;
/// assert_eq!(map.chip, "e6055400.gpio");
/// assert_eq!(map.lines[0].vgpio, 0);
/// assert_eq!(map.lines[2].line, LineRef::Name("LED".into()));
///
/// let error = "e6055400.gpio,vgpios=0:one".parse::<LineMap>().unwrap_err();
/// assert_eq!(error.column, 24);
/// # Ok::<(), vgpio_protocol::MapError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineMap {
    /// Label, name, number or path of the host chip.
    pub chip: String,
    /// The lines, in order: 1 to 64, no vgpio and no host line twice.
    pub lines: Vec<MapLine>,
    /// What holds for all of them.
    pub settings: LineSettings,
}

/// A line of the guest's controller and the host line behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapLine {
    /// The guest controller's line.
    pub vgpio: u16,
    /// The host line.
    pub line: LineRef,
}

/// A host line, as a user names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LineRef {
    /// By its offset on the chip.
    Offset(u32),
    /// By its name.
    Name(String),
}

impl std::fmt::Display for LineRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Offset(offset) => offset.fmt(f),
            Self::Name(name) => write!(f, "'{name}'"),
        }
    }
}

/// The keys of a line map.
const KEYS: &[&str] = &[
    "chip",
    "vgpios",
    "gpios",
    "init",
    "safe",
    "bias",
    "drive",
    "active-low",
    "edges",
    "debounce",
    "shared",
    "poll",
    "max-toggle-rate",
    "min-hold",
];

impl FromStr for LineMap {
    type Err = MapError;

    fn from_str(text: &str) -> Result<Self, MapError> {
        let mut draft = Draft::default();
        for (i, field) in text::fields(text).into_iter().enumerate() {
            match field.split_once('=') {
                Some((key, value)) => draft.set(&key, &value)?,
                None if i == 0 => draft.set_known("chip", &field)?,
                None => return Err(field.error(MapReason::NotKeyValue(field.text()))),
            }
        }
        draft.finish(text.chars().count() + 1)
    }
}

/// What has been read of a map so far.
#[derive(Default)]
struct Draft {
    chip: Option<String>,
    vgpios: Option<Vec<u16>>,
    gpios: Option<Vec<LineRef>>,
    settings: LineSettings,
    seen: Vec<&'static str>,
}

impl Draft {
    fn set(&mut self, key: &Piece, value: &Piece) -> Result<(), MapError> {
        let word = key.text();
        let Some(&known) = KEYS.iter().find(|&&known| known == word) else {
            return Err(key.error(MapReason::UnknownKey { key: word, keys: KEYS }));
        };
        if self.seen.contains(&known) {
            return Err(key.error(MapReason::KeyTwice(known)));
        }
        self.set_known(known, value)
    }

    fn set_known(&mut self, key: &'static str, value: &Piece) -> Result<(), MapError> {
        self.seen.push(key);
        if value.is_empty() {
            return Err(value.error(match key {
                "chip" => MapReason::NoChip,
                _ => MapReason::NoValue(key),
            }));
        }
        let settings = &mut self.settings;
        match key {
            "chip" => self.chip = Some(value.text()),
            "vgpios" => self.vgpios = Some(list::vgpios(value)?),
            "gpios" => self.gpios = Some(list::gpios(value)?),
            "init" => settings.init = value.parse()?,
            "safe" => settings.safe = value.parse()?,
            "bias" => settings.bias = value.parse()?,
            "drive" => settings.drive = value.parse()?,
            "active-low" => settings.active_low = on_off(value)?,
            "edges" => settings.edges = value.parse()?,
            "debounce" => settings.debounce = Some(value.parse()?),
            "shared" => settings.shared = on_off(value)?,
            "max-toggle-rate" => settings.limits.max_toggle_rate = Some(value.parse()?),
            "min-hold" => settings.limits.min_hold = Some(value.parse()?),
            _ => settings.poll = Some(poll(value)?),
        }
        Ok(())
    }

    /// `end` is the column behind the last character: where something is missing.
    fn finish(self, end: usize) -> Result<LineMap, MapError> {
        let at_end = |reason| MapError { column: end, reason };
        let chip = self.chip.ok_or(MapError { column: 1, reason: MapReason::NoChip })?;
        let (vgpios, gpios) = match (self.vgpios, self.gpios) {
            (Some(vgpios), Some(gpios)) => (vgpios, gpios),
            (None, Some(gpios)) => ((0..).take(gpios.len()).collect(), gpios),
            (Some(vgpios), None) => {
                let gpios = vgpios.iter().map(|&v| LineRef::Offset(v.into())).collect();
                (vgpios, gpios)
            }
            (None, None) => return Err(at_end(MapReason::NoLines)),
        };
        if vgpios.len() != gpios.len() {
            let (vgpios, gpios) = (vgpios.len(), gpios.len());
            return Err(at_end(MapReason::UnequalLengths { vgpios, gpios }));
        }
        debug_assert!(vgpios.len() <= MAX_LINES);
        let lines = vgpios.into_iter().zip(gpios).map(|(vgpio, line)| MapLine { vgpio, line });
        Ok(LineMap { chip, lines: lines.collect(), settings: self.settings })
    }
}

/// Lines are not read without a pause.
fn poll(value: &Piece) -> Result<Period, MapError> {
    match value.parse()? {
        Period(Duration::ZERO) => Err(value.error(MapReason::PollZero)),
        period => Ok(period),
    }
}

fn on_off(value: &Piece) -> Result<bool, MapError> {
    match value.text().as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(value
            .error(MapReason::Word(UnknownWord { word: other.to_owned(), words: &["on", "off"] }))),
    }
}
