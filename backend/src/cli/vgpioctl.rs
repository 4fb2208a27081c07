// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line of `vgpioctl`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use vgpio_protocol::Period;

use crate::control::{MAX_PRESS_MS, PadLevel, PressLevel, api};

const EXAMPLES: &str = "\
Examples:
  vgpioctl detect                       which chips there are
  vgpioctl info -c e6055400.gpio        all lines of a chip, and who holds them
  vgpioctl get LED1 LED2                levels, by the lines' names
  vgpioctl get -c sim0 11 12            the same by offset
  vgpioctl monitor -n 2 LED1            wait for two changes
  vgpioctl press BUTTON --for 50ms      press a button of a simulated chip
  vgpioctl pull BUTTON=up               put a pull-up on a simulated pad
  vgpioctl set -c sim0 4=high 5=none    drive a pad from outside, let go of another
  vgpioctl wire LED1 BUTTON             join two pads
  vgpioctl status --json                exports, sessions and counters, for programs

Chips are named by label, name, number or path; lines by name, or by offset when the chip is
given. Periods have a unit: 500us, 10ms, 1s.

Exit status:
  0  done
  1  vgpiod refused; the message says why
  2  wrong command line
  3  vgpiod cannot be reached, or went away

Environment:
  VGPIO_CONTROL    the control socket, unless --control says otherwise
  XDG_RUNTIME_DIR  folder of the default, vgpio/control.sock; for root it is /run";

/// See and drive the GPIO lines of a running vgpiod
#[derive(Debug, Parser)]
#[command(name = "vgpioctl", version, after_help = EXAMPLES)]
pub struct Program {
    /// Where vgpiod listens
    #[arg(long, global = true, value_name = "PATH")]
    pub control: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List gpiochips: name, label, number of lines
    Detect {
        /// Only this chip
        chip: Option<String>,
    },
    /// Print what lines are, and who holds them
    Info {
        /// How lines are named.
        #[command(flatten)]
        names: Names,
        /// Only these lines; one word that is no line may be a chip
        #[arg(value_name = "LINE")]
        lines: Vec<String>,
    },
    /// Print levels of lines
    Get {
        /// How lines are named.
        #[command(flatten)]
        names: Names,
        /// The lines
        #[arg(value_name = "LINE", required = true)]
        lines: Vec<String>,
        /// Print 0 and 1
        #[arg(long)]
        numeric: bool,
    },
    /// Print changes of lines as they happen
    Monitor(Monitor),
    /// Print what vgpiod lends, to whom, and what they did
    Status,
    /// Drive simulated pads from outside
    Set {
        /// How lines are named.
        #[command(flatten)]
        names: Names,
        /// A pad and high (1), low (0), or none to let go of it
        #[arg(value_name = "LINE=VALUE", required = true)]
        pads: Vec<Assignment<PadLevel>>,
    },
    /// Put pulls on simulated pads
    Pull {
        /// How lines are named.
        #[command(flatten)]
        names: Names,
        /// A pad and up, down or none
        #[arg(value_name = "LINE=PULL", required = true)]
        pads: Vec<Assignment<api::Pull>>,
    },
    /// Press a button: drive a simulated pad for a time; returns when it is let go
    Press(Press),
    /// Join two simulated pads of a chip
    Wire(Wire),
    /// Take the wire between two pads away
    Unwire(Wire),
    /// Print a completion script
    Completions {
        /// For this shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

/// How lines are named.
#[derive(Clone, Debug, Args)]
pub struct Names {
    /// The chip of the lines; lines may then be offsets
    #[arg(short, long, value_name = "CHIP")]
    pub chip: Option<String>,
    /// Lines are names even if they look like offsets
    #[arg(long)]
    pub by_name: bool,
}

/// What to print of changes.
#[derive(Debug, Args)]
pub struct Monitor {
    /// How lines are named.
    #[command(flatten)]
    pub names: Names,
    /// The lines
    #[arg(value_name = "LINE", required = true)]
    pub lines: Vec<String>,
    /// Exit after so many changes
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub num_events: Option<u64>,
    /// Print one line when ready
    #[arg(long)]
    pub banner: bool,
    /// Print changes like this
    ///
    /// %o offset, %l line's name, %c chip's name, %e 1 rising or 2 falling, %E rising or falling,
    /// %S timestamp in seconds, %k edge, set or pad, %d who drives a pad (chip, outside or both),
    /// %% a percent sign. Anything else is printed as it stands, as gpiomon does.
    #[arg(
        short = 'F',
        long,
        value_name = "FORMAT",
        conflicts_with = "json",
        value_parser = monitor_format
    )]
    pub format: Option<String>,
}

/// Which button to press, and how.
#[derive(Debug, Args)]
pub struct Press {
    /// How lines are named.
    #[command(flatten)]
    pub names: Names,
    /// The pad
    pub line: String,
    /// How long: 1ms to 3600s
    #[arg(long = "for", value_name = "PERIOD", default_value = "100ms", value_parser = press_ms)]
    pub for_ms: u32,
    /// To what; without it, to the opposite of the present level
    #[arg(long, value_name = "high|low", value_parser = press_level)]
    pub level: Option<PressLevel>,
}

/// Which pads to join.
#[derive(Debug, Args)]
pub struct Wire {
    /// How lines are named.
    #[command(flatten)]
    pub names: Names,
    /// One pad
    pub a: String,
    /// The other
    pub b: String,
}

/// `LINE=VALUE`.
#[derive(Clone, Debug)]
pub struct Assignment<T> {
    /// The line as given.
    pub line: String,
    /// The value.
    pub value: T,
}

impl<T: FromWord> FromStr for Assignment<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = T::WORDS;
        let (line, word) = text
            .rsplit_once('=')
            .filter(|(line, _)| !line.is_empty())
            .ok_or_else(|| format!("write LINE=VALUE, with {wanted}"))?;
        let value = T::from_word(word).ok_or_else(|| format!("'{word}' is not {wanted}"))?;
        let line = line.to_owned();
        Ok(Self { line, value })
    }
}

/// A value that is given by a word.
pub trait FromWord: Sized {
    /// The words.
    const WORDS: &str;
    /// The value of a word.
    fn from_word(word: &str) -> Option<Self>;
}

impl FromWord for PadLevel {
    const WORDS: &str = "high, 1, low, 0 or none";

    fn from_word(word: &str) -> Option<Self> {
        match word {
            "high" | "1" => Some(Self::High),
            "low" | "0" => Some(Self::Low),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

impl FromWord for api::Pull {
    const WORDS: &str = "up, down or none";

    fn from_word(word: &str) -> Option<Self> {
        match word {
            "up" => Some(Self::Up),
            "down" => Some(Self::Down),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

/// What `gpiomon` knows and this program cannot print is refused, not printed as it stands.
fn monitor_format(text: &str) -> Result<String, String> {
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once('%') {
        let mut chars = behind.chars();
        match chars.next() {
            Some(time @ ('U' | 'L')) => {
                return Err(format!(
                    "%{time} is a time of day, and changes have the time since the host started; \
                     use %S"
                ));
            }
            _ => rest = chars.as_str(),
        }
    }
    Ok(text.to_owned())
}

fn press_level(word: &str) -> Result<PressLevel, String> {
    match word {
        "high" | "1" => Ok(PressLevel::High),
        "low" | "0" => Ok(PressLevel::Low),
        _ => Err("say high or low".into()),
    }
}

fn press_ms(text: &str) -> Result<u32, String> {
    let Period(period) = text.parse().map_err(|e: vgpio_protocol::PeriodError| e.to_string())?;
    let is_whole = period.subsec_nanos() % 1_000_000 == 0;
    let range = Duration::from_millis(1)..=Duration::from_millis(MAX_PRESS_MS.into());
    let ms = u32::try_from(period.as_millis()).ok();
    ms.filter(|_| is_whole && range.contains(&period))
        .ok_or_else(|| "give whole milliseconds, 1ms to 3600s".into())
}
