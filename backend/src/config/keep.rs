// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who keeps lines for the next daemon.

use std::str::FromStr;

use vgpio_protocol::UnknownWord;

/// Who keeps lines of the host's chips for the next daemon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// systemd, if it has told that it does (version 254), else a keeper.
    #[default]
    Auto,
    /// systemd, by its store of file descriptors.
    Systemd,
    /// A process that the daemon starts.
    Keeper,
    /// Nobody.
    Off,
}

impl FromStr for Keep {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "auto" => Ok(Self::Auto),
            "systemd" => Ok(Self::Systemd),
            "keeper" => Ok(Self::Keeper),
            "off" => Ok(Self::Off),
            _ => {
                let words = &["auto", "systemd", "keeper", "off"];
                Err(UnknownWord { word: word.to_owned(), words })
            }
        }
    }
}
