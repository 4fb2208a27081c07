// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest: a shell loop on sysfs, on the driver.
//!
//! ```sh
//! while true; do for i in 0 1 2; do echo 1 > gpio$i/value; sleep 0.3; echo 0 > gpio$i/value; done; done
//! ```

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use vgpio::client::{self, Event, Lines, Options, State};
use vgpio::controller::{Notice, Pl061Controller};

use super::board::{self, BUTTON, LEDS};
use super::driver::Driver;
use super::error::{Error, Result};
use super::message::Message;

/// How long an LED is on.
const ON: Duration = Duration::from_millis(300);
/// How long the daemon may take to lend its lines.
const PATIENCE: Duration = Duration::from_secs(10);

/// Blinks so many rounds, or until it is to stop. Its lines are given back when the guest that
/// this returns is dropped.
///
/// # Errors
/// The daemon does not lend the lines, or takes them away.
pub fn run(
    socket: PathBuf,
    rounds: Option<u64>,
    stop: &AtomicBool,
    log: Sender<Message>,
) -> Result<Driver> {
    let mut driver = Driver::probe(attach(socket)?, log);
    for led in &LEDS {
        driver.direction_output(led.vgpio, false);
    }
    driver.direction_input(BUTTON.vgpio);
    driver.irq_type_both(BUTTON.vgpio);
    driver.irq_unmask(BUTTON.vgpio);
    let mut round = 0;
    while rounds.is_none_or(|rounds| round < rounds) {
        for led in &LEDS {
            driver.set_value(led.vgpio, true);
            let mut outcome = Ok(());
            driver.sleep(Instant::now() + ON, &mut |event| {
                if let Err(error) = check(event) {
                    outcome = Err(error);
                }
            });
            outcome?;
            driver.set_value(led.vgpio, false);
            if stop.load(Ordering::Relaxed) {
                return Ok(driver);
            }
        }
        round += 1;
    }
    Ok(driver)
}

/// A controller on the daemon's lines.
fn attach(socket: PathBuf) -> Result<Pl061Controller> {
    let mut gpio = Pl061Controller::new(Options {
        socket,
        name: "blinky".to_owned(),
        reconnect: None,
        ..Options::new(Lines::Map(board::map()))
    })?;
    gpio.connect()?;
    let deadline = Instant::now() + PATIENCE;
    while gpio.client().state() != State::Attached {
        let mut outcome = Ok(());
        let happened = gpio.wait(deadline, &mut |notice| {
            if let Notice::Client(event) = notice
                && let Err(error) = check(event)
            {
                outcome = Err(error);
            }
        });
        outcome?;
        if !happened {
            return Err(Error::NotAttached(PATIENCE));
        }
    }
    Ok(gpio)
}

/// Whether the guest can go on.
fn check(event: Event) -> Result<()> {
    match event {
        Event::Disconnected { error, .. } => Err(error.into()),
        Event::Lost { .. } => Err(client::Error::Closed.into()),
        Event::Error(report) => Err(Error::Store(report)),
        _ => Ok(()),
    }
}
