// SPDX-License-Identifier: MIT OR Apache-2.0
//! The live view on a terminal, and its keys.

use std::io::{self, Write, stdout};
use std::panic;
use std::sync::mpsc::Sender;
use std::thread;

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use crossterm::{execute, queue};

use super::Output;
use super::frame::{Ink, frame};
use super::message::Message;
use super::picture::{Entry, Picture};

/// The terminal, until dropped.
pub struct View;

impl View {
    /// Takes the terminal over; keys come as messages.
    ///
    /// # Errors
    /// It is no terminal that can do this.
    pub fn open(keys: Sender<Message>) -> io::Result<Self> {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            restore();
            report(info);
        }));
        enable_raw_mode()?;
        let view = Self;
        execute!(stdout(), EnterAlternateScreen, Hide)?;
        // Ends with the program: nothing can wake a thread that waits for a key.
        thread::spawn(move || while read_key(&keys) {});
        Ok(view)
    }
}

impl Drop for View {
    fn drop(&mut self) {
        restore();
    }
}

impl Output for View {
    fn pad(&mut self, _: &Entry) -> io::Result<()> {
        Ok(())
    }

    fn draw(&mut self, picture: &Picture) -> io::Result<()> {
        let (width, height) = size()?;
        let rows = frame(picture, width.into(), height.into());
        let mut out = stdout().lock();
        queue!(out, BeginSynchronizedUpdate)?;
        for (y, row) in (0..height).zip(rows.iter().map(Some).chain(std::iter::repeat(None))) {
            queue!(out, MoveTo(0, y))?;
            for (ink, text) in row.into_iter().flatten() {
                put(&mut out, *ink, text)?;
            }
            queue!(out, Clear(ClearType::UntilNewLine))?;
        }
        queue!(out, EndSynchronizedUpdate)?;
        out.flush()
    }
}

/// Colours are left out by crossterm where `NO_COLOR` is set.
fn put(out: &mut impl Write, ink: Ink, text: &str) -> io::Result<()> {
    match ink {
        Ink::Plain => {}
        Ink::Strong => queue!(out, SetAttribute(Attribute::Bold))?,
        Ink::Faint => queue!(out, SetAttribute(Attribute::Dim))?,
        Ink::Red => queue!(out, SetForegroundColor(Color::Red))?,
        Ink::Yellow => queue!(out, SetForegroundColor(Color::Yellow))?,
        Ink::Green => queue!(out, SetForegroundColor(Color::Green))?,
        Ink::Blue => queue!(out, SetForegroundColor(Color::Blue))?,
    }
    queue!(out, Print(text), SetAttribute(Attribute::Reset), ResetColor)
}

/// The terminal as it was. A terminal that is gone needs nothing.
fn restore() {
    let _ = execute!(stdout(), Show, LeaveAlternateScreen);
    let _ = disable_raw_mode();
}

/// Waits for a key; false when there is nobody to tell, or no terminal any more.
fn read_key(keys: &Sender<Message>) -> bool {
    let message = match event::read() {
        Ok(Event::Key(key)) if key.kind == KeyEventKind::Press => meaning(key),
        Ok(Event::Resize(..)) => Some(Message::Redraw),
        Ok(_) => None,
        Err(_) => {
            let _ = keys.send(Message::Stop);
            return false;
        }
    };
    message.is_none_or(|message| keys.send(message).is_ok())
}

fn meaning(key: KeyEvent) -> Option<Message> {
    match key.code {
        KeyCode::Char(' ' | 'b') => Some(Message::Press),
        KeyCode::Char('q') | KeyCode::Esc => Some(Message::Stop),
        KeyCode::Char('c') if key.modifiers == KeyModifiers::CONTROL => Some(Message::Stop),
        _ => None,
    }
}
