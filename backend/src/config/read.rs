// SPDX-License-Identifier: MIT OR Apache-2.0
//! Typed values of a TOML text that know where they stand, and a list of what is wrong with them.

use std::cell::RefCell;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use vgpio_protocol::{LineMap, LineRef, Period, PeriodError, ToggleRate, UnknownWord};

use super::problem::{Fault, Place, Problem, has_control};

/// A text and what is wrong with it.
pub(super) struct Reader<'t> {
    text: &'t str,
    problems: RefCell<Vec<Problem>>,
}

/// A table whose keys are asked for one by one; what was not asked for is unknown.
pub(super) struct Section<'r> {
    reader: &'r Reader<'r>,
    table: &'r DeTable<'r>,
    at: usize,
    name: &'static str,
    keys: Vec<&'static str>,
}

/// A value and the key that it was found under.
#[derive(Clone)]
pub(super) struct Value<'r> {
    reader: &'r Reader<'r>,
    pub key: String,
    node: &'r Spanned<DeValue<'r>>,
}

impl<'t> Reader<'t> {
    pub fn new(text: &'t str) -> Self {
        Self { text, problems: RefCell::default() }
    }

    /// Notes that something is wrong at byte `at`.
    pub fn problem(&self, at: usize, fault: Fault) {
        let place = self.place(at);
        self.problems.borrow_mut().push(Problem { place, fault });
    }

    pub fn place(&self, at: usize) -> Place {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place::File {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    pub fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }
}

impl<'r> Section<'r> {
    pub fn new(reader: &'r Reader, name: &'static str, table: &'r DeTable, at: usize) -> Self {
        Self { reader, table, at, name, keys: Vec::new() }
    }

    pub fn place(&self) -> Place {
        self.reader.place(self.at)
    }

    /// Notes that something is wrong with the whole section.
    pub fn fault(&self, fault: Fault) {
        self.reader.problem(self.at, fault);
    }

    pub fn get(&mut self, key: &'static str) -> Option<Value<'r>> {
        self.keys.push(key);
        let node = self.table.get(key)?;
        Some(Value { reader: self.reader, key: key.to_owned(), node })
    }

    /// As [`get`](Self::get), and notes that it is missing; `what` is an example of it.
    pub fn need(&mut self, key: &'static str, what: &'static str) -> Option<Value<'r>> {
        let value = self.get(key);
        if value.is_none() {
            let section = self.name;
            self.fault(Fault::KeyMissing { key, section, what });
        }
        value
    }

    /// All keys, whatever they are, with their values.
    pub fn entries(&self) -> impl Iterator<Item = Value<'r>> {
        let reader = self.reader;
        self.table.iter().map(move |(key, node)| Value {
            reader,
            key: key.get_ref().to_string(),
            node,
        })
    }

    /// Notes the keys that nobody asked for.
    pub fn finish(self) {
        for key in self.table.keys() {
            if !self.keys.contains(&key.get_ref().as_ref()) {
                let fault = Fault::UnknownKey {
                    key: key.get_ref().to_string(),
                    section: self.name,
                    keys: self.keys.clone(),
                };
                self.reader.problem(key.span().start, fault);
            }
        }
    }
}

impl<'r> Value<'r> {
    pub fn place(&self) -> Place {
        self.reader.place(self.node.span().start)
    }

    /// Notes that something is wrong with it.
    pub fn fault(&self, fault: Fault) {
        self.reader.problem(self.node.span().start, fault);
    }

    fn wrong_type<T>(&self, wanted: &'static str) -> Option<T> {
        let found = match self.node.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let key = self.key.clone();
        self.fault(Fault::WrongType { key, found, wanted });
        None
    }

    /// Text of 1 to `max` bytes, without control characters.
    pub fn text(&self, max: usize) -> Option<&'r str> {
        match self.node.get_ref() {
            DeValue::String(text) if text.is_empty() => {
                self.fault(Fault::Empty(self.key.clone()));
                None
            }
            DeValue::String(text) if text.len() > max => {
                self.fault(Fault::TooLong { key: self.key.clone(), bytes: text.len(), max });
                None
            }
            DeValue::String(text) if has_control(text) => {
                self.fault(Fault::Control { key: self.key.clone(), text: text.to_string() });
                None
            }
            DeValue::String(text) => Some(text),
            _ => self.wrong_type("text in quotes"),
        }
    }

    /// A whole number within the range of `T` and `max`.
    pub fn number<T: TryFrom<i64>>(&self, min: i64, max: i64) -> Option<T> {
        let DeValue::Integer(number) = self.node.get_ref() else {
            return self.wrong_type("a whole number");
        };
        let value = i64::from_str_radix(number.as_str(), number.radix()).ok();
        let value = value.filter(|value| (min..=max).contains(value));
        let value = value.and_then(|value| T::try_from(value).ok());
        if value.is_none() {
            let (key, value) = (self.key.clone(), number.to_string());
            self.fault(Fault::OutOfRange { key, value, min, max });
        }
        value
    }

    pub fn flag(&self) -> Option<bool> {
        let flag = self.node.get_ref().as_bool();
        flag.or_else(|| self.wrong_type("true or false"))
    }

    pub fn is_flag(&self) -> bool {
        self.node.get_ref().is_bool()
    }

    pub fn is_text(&self) -> bool {
        self.node.get_ref().is_str()
    }

    pub fn is_number(&self) -> bool {
        self.node.get_ref().is_integer()
    }

    /// One of the words of `T`.
    pub fn word<T: FromStr<Err = UnknownWord>>(&self) -> Option<T> {
        self.text(usize::MAX)?
            .parse()
            .map_err(|word| {
                self.fault(Fault::Word { key: self.key.clone(), word });
            })
            .ok()
    }

    pub fn period(&self) -> Option<Period> {
        let period: Result<Period, PeriodError> = self.text(usize::MAX)?.parse();
        period
            .map_err(|period| {
                self.fault(Fault::Period { key: self.key.clone(), period });
            })
            .ok()
    }

    /// A rate: a number, or text, as in a line map.
    pub fn rate(&self) -> Option<ToggleRate> {
        let text = match self.node.get_ref() {
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            DeValue::String(_) => self.text(usize::MAX)?.to_owned(),
            _ => return self.wrong_type("a number"),
        };
        text.parse()
            .map_err(|rate| {
                self.fault(Fault::Rate { key: self.key.clone(), rate });
            })
            .ok()
    }

    /// A line: a number is an offset, text a name.
    pub fn line(&self) -> Option<LineRef> {
        match self.node.get_ref() {
            DeValue::Integer(_) => self.number(0, u32::MAX.into()).map(LineRef::Offset),
            DeValue::String(_) => Some(LineRef::Name(self.text(usize::MAX)?.to_owned())),
            _ => self.wrong_type("an offset, 11, or a line's name, \"LED1\""),
        }
    }

    /// A line map; what is wrong is noted at its column within the text.
    pub fn map(&self) -> Option<LineMap> {
        let text = self.text(usize::MAX)?;
        let error = match text.parse::<LineMap>() {
            Ok(map) => return Some(map),
            Err(error) => error,
        };
        let span = self.node.span();
        let inner = span.start + 1..span.end.max(span.start + 2) - 1;
        let has_no_escapes = self.reader.text.get(inner.clone()) == Some(text);
        let within = text.char_indices().nth(error.column - 1);
        let within = within.map_or(text.len(), |(at, _)| at);
        let at = if has_no_escapes { inner.start + within } else { span.start };
        self.reader.problem(at, Fault::Map(error.reason));
        None
    }

    /// The elements of a list, which is not empty.
    pub fn list(&self, wanted: &'static str) -> Option<Vec<Self>> {
        let Some(list) = self.node.get_ref().as_array() else {
            return self.wrong_type(wanted);
        };
        if list.is_empty() {
            self.fault(Fault::EmptyList(self.key.clone()));
        }
        let element = |node| Self { node, ..self.clone() };
        Some(list.iter().map(element).collect())
    }

    pub fn table(&self, name: &'static str, wanted: &'static str) -> Option<Section<'r>> {
        let table = self.node.get_ref().as_table();
        table
            .map(|table| Section::new(self.reader, name, table, self.node.span().start))
            .or_else(|| self.wrong_type(wanted))
    }
}
