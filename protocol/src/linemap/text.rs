// SPDX-License-Identifier: MIT OR Apache-2.0
//! The text of a line map in pieces that know their column.

use std::str::FromStr;

use super::error::{MapError, MapReason};

/// Part of a line map, `,,` read as one comma.
pub(super) struct Piece {
    chars: Vec<(usize, char)>,
    /// Column at which it starts, also when it is empty.
    column: usize,
}

/// Cuts a line map at its single commas.
pub(super) fn fields(text: &str) -> Vec<Piece> {
    let mut fields = Vec::new();
    let mut field = Piece::at(1);
    let mut chars = (1..).zip(text.chars()).peekable();
    while let Some((column, c)) = chars.next() {
        if c != ',' || chars.next_if(|&(_, next)| next == ',').is_some() {
            field.chars.push((column, c));
        } else {
            fields.push(std::mem::replace(&mut field, Piece::at(column + 1)));
        }
    }
    fields.push(field);
    fields
}

impl Piece {
    /// One that is empty so far.
    fn at(column: usize) -> Self {
        Self { chars: Vec::new(), column }
    }

    pub fn is_empty(&self) -> bool {
        self.chars.is_empty()
    }

    pub fn text(&self) -> String {
        self.chars.iter().map(|&(_, c)| c).collect()
    }

    pub fn error(&self, reason: impl Into<MapReason>) -> MapError {
        MapError { column: self.column, reason: reason.into() }
    }

    /// Reads the whole piece as one value.
    pub fn parse<T: FromStr>(&self) -> Result<T, MapError>
    where
        MapReason: From<T::Err>,
    {
        self.text().parse().map_err(|error: T::Err| self.error(error))
    }

    /// What stands before and behind the first `separator`.
    pub fn split_once(&self, separator: char) -> Option<(Self, Self)> {
        let at = self.chars.iter().position(|&(_, c)| c == separator)?;
        let (before, behind) = self.chars.split_at(at);
        let (&(column, _), behind) = behind.split_first()?;
        Some((
            Self { chars: before.to_vec(), column: self.column },
            Self { chars: behind.to_vec(), column: column + 1 },
        ))
    }

    /// What stands between the `separator`s.
    pub fn split(&self, separator: char) -> Vec<Self> {
        let mut pieces = Vec::new();
        let mut piece = Self::at(self.column);
        for &(column, c) in &self.chars {
            if c == separator {
                pieces.push(std::mem::replace(&mut piece, Self::at(column + 1)));
            } else {
                piece.chars.push((column, c));
            }
        }
        pieces.push(piece);
        pieces
    }
}
