// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands, and how a line of JSON becomes one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::api::{Code, LineName, Pull, Refusal};

/// What a client may ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Which chips there are.
    Detect {
        /// Only this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        chip: Option<String>,
    },
    /// What lines are.
    Info {
        /// Only of this chip.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        chip: Option<String>,
        /// Only these; all if empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lines: Vec<LineName>,
    },
    /// Present levels.
    Get {
        /// Of these.
        lines: Vec<LineName>,
    },
    /// Changes, as they happen, until the connection ends.
    Monitor {
        /// Of these.
        lines: Vec<LineName>,
    },
    /// What the daemon does.
    Status {},
    /// Drives pads from outside.
    Set {
        /// Which, and how.
        pads: Vec<PadSet>,
    },
    /// Puts pulls on pads.
    Pull {
        /// Which, and how.
        pads: Vec<PadPull>,
    },
    /// Drives a pad for a time: a button.
    Press {
        /// Which.
        pad: LineName,
        /// To what; without it, to the opposite of the present level.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        level: Option<PressLevel>,
        /// How long, in milliseconds, 1 to 3600000; 100 without it.
        #[serde(default = "default_press_ms")]
        for_ms: u32,
    },
    /// Joins two pads.
    Wire {
        /// One.
        a: LineName,
        /// The other.
        b: LineName,
    },
    /// Takes the wire between two pads away.
    Unwire {
        /// One.
        a: LineName,
        /// The other.
        b: LineName,
    },
}

/// The words of `command`.
const COMMANDS: &[&str] =
    &["detect", "info", "get", "monitor", "status", "set", "pull", "press", "wire", "unwire"];

fn default_press_ms() -> u32 {
    super::DEFAULT_PRESS_MS
}

/// How a pad is driven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PadSet {
    /// Which.
    pub pad: LineName,
    /// To what.
    pub level: PadLevel,
}

/// What pull a pad has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PadPull {
    /// Which.
    pub pad: LineName,
    /// Which pull.
    pub pull: Pull,
}

/// How the outside drives a pad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PadLevel {
    /// High.
    High,
    /// Low.
    Low,
    /// Not at all.
    None,
}

impl PadLevel {
    /// True for high, `None` when it is let go.
    #[must_use]
    pub fn driven(self) -> Option<bool> {
        match self {
            Self::High => Some(true),
            Self::Low => Some(false),
            Self::None => None,
        }
    }
}

/// The level of a pressed pad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PressLevel {
    /// High.
    High,
    /// Low.
    Low,
}

/// Reads one command and its number. The number of a wrong command is there if the line has one.
pub(super) fn parse(line: &str) -> Result<(u64, Command), (Option<u64>, Refusal)> {
    let mut object: Map<String, Value> = serde_json::from_str(line).map_err(|e| {
        let message = format!("{e}; a command is one JSON object on one line");
        (None, Refusal::new(Code::BadJson, message))
    })?;
    let id = object.remove("id").as_ref().and_then(Value::as_u64).ok_or_else(|| {
        let message = "'id' is not an unsigned number; number the commands, {\"id\":1,...}";
        (None, Refusal::new(Code::BadRequest, message))
    })?;
    let command = command(object).map_err(|refusal| (Some(id), refusal))?;
    Ok((id, command))
}

fn command(object: Map<String, Value>) -> Result<Command, Refusal> {
    let Some(word) = object.get("command").and_then(Value::as_str) else {
        let message = format!("'command' is not one of {}", COMMANDS.join(", "));
        return Err(Refusal::new(Code::BadRequest, message));
    };
    if !COMMANDS.contains(&word) {
        let message = format!("'{word}' is not one of {}", COMMANDS.join(", "));
        return Err(Refusal::new(Code::UnknownCommand, message));
    }
    let word = word.to_owned();
    Command::deserialize(Value::Object(object)).map_err(|e| {
        let message = format!("{word}: {e}; docs/control.md has the fields");
        Refusal::new(Code::BadRequest, message)
    })
}
