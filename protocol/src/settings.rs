// SPDX-License-Identifier: MIT OR Apache-2.0
//! Settings of a line: their words in options and configuration, their numbers on the wire.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::allowance::Limits;

/// A word that is none of those a setting takes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("'{word}' is not one of {}", .words.join(", "))]
pub struct UnknownWord {
    /// What was given.
    pub word: String,
    /// What may be given.
    pub words: &'static [&'static str],
}

macro_rules! setting {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal, $word:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant = $code,)* }

        impl $name {
            /// The words that [`FromStr`] takes.
            pub const WORDS: &[&str] = &[$($word),*];

            /// The word for it in options and configuration.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The number for it on the wire.
            #[must_use]
            pub fn to_wire(self) -> u8 {
                self as u8
            }

            /// The setting of that number, if there is one.
            #[must_use]
            pub fn from_wire(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(UnknownWord { word: word.to_owned(), words: Self::WORDS }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

setting! {
    /// Direction of a line, seen from the host chip.
    Direction {
        /// The chip reads the line.
        #[default] Input = 0, "input";
        /// The chip drives the line.
        Output = 1, "output";
    }
}

setting! {
    /// Internal bias of a line (`linux/gpio.h`, `GPIO_V2_LINE_FLAG_BIAS_*`).
    Bias {
        /// Left as it is.
        #[default] AsIs = 1, "as-is";
        /// Switched off.
        Disabled = 2, "disabled";
        /// Pulled high.
        PullUp = 3, "pull-up";
        /// Pulled low.
        PullDown = 4, "pull-down";
    }
}

setting! {
    /// How an output drives its line (`linux/gpio.h`, `GPIO_V2_LINE_FLAG_OPEN_*`).
    Drive {
        /// Both levels driven.
        #[default] PushPull = 1, "push-pull";
        /// Only the low level driven.
        OpenDrain = 2, "open-drain";
        /// Only the high level driven.
        OpenSource = 3, "open-source";
    }
}

setting! {
    /// The changes of an input that are reported.
    EdgeDetection {
        /// None.
        None = 0, "none";
        /// Becoming active.
        Rising = 1, "rising";
        /// Becoming inactive.
        Falling = 2, "falling";
        /// Both.
        #[default] Both = 3, "both";
    }
}

setting! {
    /// What a line is made when it is attached.
    Init {
        /// An input.
        #[default] Input = 0, "input";
        /// What it was: an output stays one, at its level.
        AsIs = 1, "as-is";
        /// An output, inactive.
        Low = 2, "low";
        /// An output, active.
        High = 3, "high";
    }
}

setting! {
    /// What an output becomes when its frontend goes.
    Safe {
        /// Given back to the host, which decides.
        #[default] Release = 0, "release";
        /// Kept at its level.
        Hold = 1, "hold";
        /// Kept, inactive.
        Low = 2, "low";
        /// Kept, active.
        High = 3, "high";
        /// Kept as an input.
        Input = 4, "input";
    }
}

/// How a line is taken and given back: what a line map or an export says of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineSettings {
    /// What it is made when it is attached.
    pub init: Init,
    /// What it becomes, as an output, when the frontend goes.
    pub safe: Safe,
    /// Its bias.
    pub bias: Bias,
    /// How it is driven as an output.
    pub drive: Drive,
    /// Whether active is the low voltage.
    pub active_low: bool,
    /// The changes reported while it is an input.
    pub edges: EdgeDetection,
    /// Debounce period; `None` for none.
    pub debounce: Option<Period>,
    /// Whether other sessions may read it too, as an input.
    pub shared: bool,
    /// How often it is read on a chip that cannot detect edges; `None` for 10 ms.
    pub poll: Option<Period>,
    /// How often a guest may change what it drives.
    pub limits: Limits,
}

impl fmt::Display for LineSettings {
    /// As keys of a line map.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { init, safe, bias, drive, active_low, edges, debounce, shared, poll, limits } =
            self;
        let switch = |on: bool| if on { "on" } else { "off" };
        let (active_low, shared) = (switch(*active_low), switch(*shared));
        write!(f, "init={init},safe={safe},bias={bias},drive={drive},edges={edges}")?;
        write!(f, ",active-low={active_low},shared={shared}")?;
        for (key, period) in [("debounce", debounce), ("poll", poll)] {
            if let Some(period) = period {
                write!(f, ",{key}={period}")?;
            }
        }
        if limits.are_any() {
            write!(f, ",{limits}")?;
        }
        Ok(())
    }
}

/// A time in options and configuration: a number and `us`, `ms` or `s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period(pub Duration);

/// Why text is no [`Period`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("'{0}' is no period; say a number with its unit, 500us, 10ms or 1s, of at most 4000s")]
pub struct PeriodError(String);

impl Period {
    /// In microseconds, as on the wire.
    #[must_use]
    pub fn as_us(self) -> u32 {
        u32::try_from(self.0.as_micros()).unwrap_or(u32::MAX)
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let bad = || PeriodError(text.to_owned());
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let factor: u32 = match unit {
            "us" => 1,
            "ms" => 1_000,
            "s" => 1_000_000,
            _ => return Err(bad()),
        };
        let number: u32 = number.parse().map_err(|_| bad())?;
        let us = number.checked_mul(factor).filter(|&us| us <= 4_000_000_000).ok_or_else(bad)?;
        Ok(Self(Duration::from_micros(us.into())))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_us() {
            us if us % 1_000_000 == 0 => write!(f, "{}s", us / 1_000_000),
            us if us % 1_000 == 0 => write!(f, "{}ms", us / 1_000),
            us => write!(f, "{us}us"),
        }
    }
}
