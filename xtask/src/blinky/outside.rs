// SPDX-License-Identifier: MIT OR Apache-2.0
//! The world around the chip, through the daemon's control socket: eyes on the LEDs, a finger on
//! the button.

use std::path::Path;
use std::sync::mpsc::{Sender, SyncSender, sync_channel};
use std::thread;

use serde_json::Value;
use vgpio_backend::control::api::{LineName, OffsetOrName, Pull};
use vgpio_backend::control::{Client, Command, Notice, PadPull, PressLevel};

use super::board::{self, BUTTON, LABEL, Line};
use super::error::{Error, Result};
use super::message::{Message, Pad};

/// How long a press lasts, in milliseconds.
const PRESS_MS: u32 = 200;

/// Puts the resistor on the button and looks at all pads from now on.
///
/// # Errors
/// The daemon refuses.
pub fn watch(control: &Path, out: Sender<Message>) -> Result<()> {
    let mut client = Client::connect(control)?;
    let resistor = PadPull { pad: name(&BUTTON), pull: Pull::Up };
    client.ask::<Value>(&Command::Pull { pads: vec![resistor] })?;
    client.ask::<Value>(&Command::Monitor { lines: board::lines().map(name).collect() })?;
    thread::spawn(move || {
        loop {
            let message = look(&mut client);
            let is_last = matches!(message, Message::Failed(_));
            // Nobody listens when it ends.
            if out.send(message).is_err() || is_last {
                return;
            }
        }
    });
    Ok(())
}

fn look(client: &mut Client) -> Message {
    match client.notice() {
        Ok(Notice::Event(event)) => Message::Pad(Pad {
            at_ns: event.timestamp_ns,
            name: event.name,
            high: event.level == 1,
        }),
        Ok(Notice::Dropped(changes)) => Message::Failed(Error::Unseen(changes)),
        Err(error) => Message::Failed(error.into()),
    }
}

/// A finger: each `()` presses the button. Takes no order while it presses.
///
/// # Errors
/// The daemon is not there.
pub fn finger(control: &Path, out: Sender<Message>) -> Result<SyncSender<()>> {
    let mut client = Client::connect(control)?;
    let (sender, orders) = sync_channel(0);
    thread::spawn(move || {
        for () in orders {
            let press = Command::Press {
                pad: name(&BUTTON),
                level: Some(PressLevel::Low),
                for_ms: PRESS_MS,
            };
            if let Err(error) = client.ask::<Value>(&press) {
                let _ = out.send(Message::Failed(error.into()));
                return;
            }
        }
    });
    Ok(sender)
}

fn name(line: &Line) -> LineName {
    let chip = Some(LABEL.to_owned());
    LineName { chip, line: OffsetOrName::Offset(line.gpio), by_name: false }
}
