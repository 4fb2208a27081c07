// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be wrong with a configuration.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;
use vgpio_protocol::limits::MAX_LINES;
use vgpio_protocol::{MapReason, PeriodError, RateError, UnknownWord};
use vgpio_rcar::UnknownGeneration;
use vgpio_virtio::MAX_LINE;

use crate::chip::Cause;
use crate::config::Listen;

/// Something wrong, and where.
#[derive(Debug)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What.
    pub fault: Fault,
}

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the file; line and column from 1, in characters.
    File {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// On the command line: the option with its value.
    Option(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { line, column } => write!(f, "{line}:{column}"),
            Self::Option(option) => f.write_str(option),
        }
    }
}

/// What is wrong.
#[derive(Debug, Error)]
pub enum Fault {
    /// Not TOML.
    #[error("{0}")]
    Syntax(String),
    /// A key that is not known there.
    #[error("unknown key '{key}' in {section}")]
    UnknownKey {
        /// The key.
        key: String,
        /// Where it stands.
        section: &'static str,
        /// What may stand there.
        keys: Vec<&'static str>,
    },
    /// A key is not there.
    #[error("{section} has no '{key}'")]
    KeyMissing {
        /// The key.
        key: &'static str,
        /// Where it is missing.
        section: &'static str,
        /// What it is.
        what: &'static str,
    },
    /// A value of another type than the key takes.
    #[error("'{key}' is {found}")]
    WrongType {
        /// The key.
        key: String,
        /// What was given.
        found: &'static str,
        /// What may be given.
        wanted: &'static str,
    },
    /// A number beyond its range.
    #[error("'{key}' is {value}")]
    OutOfRange {
        /// The key.
        key: String,
        /// What was given.
        value: String,
        /// Least.
        min: i64,
        /// Most.
        max: i64,
    },
    /// A text without a character.
    #[error("'{0}' is empty")]
    Empty(String),
    /// A text that is too long.
    #[error("'{key}' has {bytes} bytes")]
    TooLong {
        /// The key.
        key: String,
        /// Its length.
        bytes: usize,
        /// What it may have.
        max: usize,
    },
    /// A text that a terminal would not show as it is.
    #[error("'{key}' has a control character: {text:?}")]
    Control {
        /// The key.
        key: String,
        /// What was given.
        text: String,
    },
    /// A value that is none of the key's words.
    #[error("{key}: {word}")]
    Word {
        /// The key.
        key: String,
        /// What was given, and what may be.
        word: UnknownWord,
    },
    /// A value that is no period.
    #[error("{key}: {period}")]
    Period {
        /// The key.
        key: String,
        /// What was given.
        period: PeriodError,
    },
    /// A value that is no rate.
    #[error("{key}: {rate}")]
    Rate {
        /// The key.
        key: String,
        /// What was given.
        rate: RateError,
    },
    /// A frontend would be asked all the time.
    #[error("'watchdog' is below 10ms")]
    WatchdogShort,
    /// A virtual machine monitor that would have to be asked whether it lives.
    #[error(
        "export '{0}' has a watchdog, and vhost-user has no question that a monitor would answer"
    )]
    WatchdogOfVirtio(String),
    /// A line that would be read without a pause.
    #[error("'poll' is 0")]
    PollZero,
    /// A wrong line map.
    #[error("line map: {0}")]
    Map(MapReason),
    /// An export whose lines are not given, or in both forms.
    #[error("export '{export}' has {}", if *.both { "both 'map' and 'lines'" } else { "neither 'map' nor 'lines'" })]
    MapOrLines {
        /// The export.
        export: String,
        /// Whether both are there.
        both: bool,
    },
    /// A list without an element.
    #[error("'{0}' is an empty list")]
    EmptyList(String),
    /// Too many lines.
    #[error("export '{0}' has {1} lines")]
    TooManyLines(String, usize),
    /// Two exports of one name.
    #[error("export '{name}' is there already ({first})")]
    ExportTwice {
        /// The name.
        name: String,
        /// Where the first stands.
        first: Place,
    },
    /// A line of the guest that has two lines of the host.
    #[error("vgpio {vgpio} is in export '{export}' already ({first})")]
    VgpioTwice {
        /// The line.
        vgpio: u16,
        /// The export.
        export: String,
        /// Where the first stands.
        first: Place,
    },
    /// A line of the host that has two lines of one guest.
    #[error("line {line} of {chip} is in export '{export}' already ({first})")]
    LineTwice {
        /// The line.
        line: String,
        /// Its chip.
        chip: String,
        /// The export.
        export: String,
        /// Where the first stands.
        first: Place,
    },
    /// A line of the host that two exports lend, and not both as shared.
    #[error("line {line} of {chip} is in export '{other}' too ({first}), and not both share it")]
    LineInTwoExports {
        /// The line.
        line: String,
        /// Its chip.
        chip: String,
        /// The other export.
        other: String,
        /// Where the line stands there.
        first: Place,
    },
    /// A shared line that begins as an output.
    #[error("a shared line is an input, but 'init' is {0}")]
    SharedOutput(vgpio_protocol::Init),
    /// Not a model of a simulated block.
    #[error(transparent)]
    Model(#[from] UnknownGeneration),
    /// Two simulated chips of one label, or two `[[chip]]` for one chip.
    #[error("{section} '{name}' is there already ({first})")]
    SectionTwice {
        /// `[[sim]]` or `[[chip]]`.
        section: &'static str,
        /// The label or chip.
        name: String,
        /// Where the first stands.
        first: Place,
    },
    /// Two lines of one name.
    #[error("the name '{0}' is given to two lines")]
    NameTwice(String),
    /// A wire with one end, or three.
    #[error("a wire has two ends, and they differ")]
    WireEnds,
    /// No such user.
    #[error("there is no {kind} '{name}' on this host")]
    NoAccount {
        /// `user` or `group`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// Both sockets are one.
    #[error("'socket' and 'control' are both {0}")]
    OneSocket(String),
    /// A virtio device of an export that is not there.
    #[error("no export is named '{name}'")]
    NoExport {
        /// The name.
        name: String,
        /// Those that are there.
        exports: Vec<String>,
    },
    /// A virtio device with a line that it cannot have.
    #[error(
        "vgpio {vgpio} of export '{export}' is above {MAX_LINE}, the last line of a virtio device"
    )]
    VirtioLine {
        /// The export.
        export: String,
        /// The line.
        vgpio: u16,
    },
    /// The chip or a line is not there, or cannot be read.
    #[error("gpiochip {chip}: {cause}")]
    Chip {
        /// As the user names it.
        chip: String,
        /// Why.
        cause: Cause,
    },
}

impl Fault {
    /// What to do, when the reason does not say so itself.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Syntax(_) => "the file is TOML; see docs/config.md".into(),
            Self::UnknownKey { key, keys, .. } => match similar(key, keys) {
                Some(word) => format!("did you mean '{word}'?"),
                None => format!("there are {}", keys.join(", ")),
            },
            Self::KeyMissing { key, what, .. } => format!("add {key} = {what}"),
            Self::WrongType { wanted, .. } => format!("give {wanted}"),
            Self::OutOfRange { min, max, .. } => format!("give {min} to {max}"),
            Self::Empty(_) => "give it a value or leave it out".into(),
            Self::TooLong { max, .. } => format!("use at most {max}"),
            Self::Word { word, .. } => {
                format!("did you mean '{}'?", similar(&word.word, word.words)?)
            }
            Self::Control { .. } => "leave it out".into(),
            Self::PollZero => "give a period such as 10ms".into(),
            Self::WatchdogShort => "give a period such as 500ms".into(),
            Self::WatchdogOfVirtio(_) => "leave 'watchdog' out, or make another export".into(),
            Self::MapOrLines { .. } => "give one of them".into(),
            Self::EmptyList(_) => "give at least one element".into(),
            Self::TooManyLines(..) => {
                format!("an export has at most {MAX_LINES}; make two of it")
            }
            Self::ExportTwice { .. } => "rename one".into(),
            Self::VgpioTwice { .. } => "give each line its own vgpio".into(),
            Self::LineTwice { .. } => "map each line once".into(),
            Self::LineInTwoExports { .. } => {
                "take it out of one, or set shared in both if it is an input".into()
            }
            Self::SharedOutput(_) => "leave 'init' out, or do not share the line".into(),
            Self::SectionTwice { .. } => "join them, or rename one".into(),
            Self::NameTwice(_) => "give each line its own name".into(),
            Self::WireEnds => "write [\"A\", \"B\"] or [11, 12]".into(),
            Self::NoAccount { .. } => "create it, or give a number".into(),
            Self::OneSocket(_) => "give each its own path".into(),
            Self::NoExport { exports, .. } if exports.is_empty() => "make one".into(),
            Self::NoExport { exports, .. } => format!("there are: {}", exports.join(", ")),
            Self::VirtioLine { .. } => "give the line a lower vgpio".into(),
            Self::Period { .. }
            | Self::Rate { .. }
            | Self::Map(_)
            | Self::Model(_)
            | Self::Chip { .. } => return None,
        })
    }
}

/// The word that was probably meant.
fn similar<'a>(given: &str, words: &[&'a str]) -> Option<&'a str> {
    let score = |word: &&str| strsim::jaro_winkler(given, word);
    words
        .iter()
        .map(|word| (score(word), *word))
        .filter(|&(score, _)| score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

/// Whether a text has characters that a terminal would not show as they are.
pub(super) fn has_control(text: &str) -> bool {
    text.contains(char::is_control)
}

/// Parts that come from the configuration cannot end the line, nor move the cursor.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remedy = self.fault.remedy().map(|remedy| format!("; {remedy}")).unwrap_or_default();
        let text = format!("{}: {}{remedy}", self.place, self.fault);
        for c in text.chars() {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}; name a readable file", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// All that is wrong.
    #[error("{}", lines(.file.as_deref(), .problems))]
    Wrong {
        /// The file, if there is one.
        file: Option<PathBuf>,
        /// In the order of the file, then of the command line.
        problems: Vec<Problem>,
    },
    /// Neither a line nor a simulated chip.
    #[error(
        "nothing to lend; give --gpiodev, --export, --allow-line-maps or --config (see --help)"
    )]
    Nothing,
    /// Both sockets are one.
    #[error("the sockets of frontends and of vgpioctl are both {}; give another --socket-path or --control", .0.display())]
    OneSocket(PathBuf),
    /// The socket of a virtio device is another socket too.
    #[error("{0} is the socket of a virtio device and of something else; give each its own")]
    VhostUserSocket(Listen),
    /// No place for a socket.
    #[error(transparent)]
    NoRuntimeDir(#[from] super::sockets::NoRuntimeDir),
}

/// One line per problem: `FILE:LINE:COLUMN: reason; remedy`.
fn lines(file: Option<&Path>, problems: &[Problem]) -> String {
    let line = |problem: &Problem| match (&problem.place, file) {
        (Place::File { .. }, Some(file)) => format!("{}:{problem}", file.display()),
        _ => problem.to_string(),
    };
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}
