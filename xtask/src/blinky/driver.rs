// SPDX-License-Identifier: MIT OR Apache-2.0
//! The register accesses of Linux's PL061 driver (`drivers/gpio/gpio-pl061.c`), in its order.

use std::sync::mpsc::Sender;
use std::time::Instant;

use vgpio::client::Event;
use vgpio::controller::{Notice, Outcome, Pl061Controller};
use vgpio::regs::Register;

use super::message::{Act, Message, What, now_ns};

/// The driver, and the controller that it drives.
pub struct Driver {
    gpio: Pl061Controller,
    log: Sender<Message>,
    irq: bool,
}

impl Driver {
    /// `pl061_probe`: all interrupts off.
    pub fn probe(gpio: Pl061Controller, log: Sender<Message>) -> Self {
        let mut driver = Self { gpio, log, irq: false };
        driver.store(Register::Enable, 0);
        driver
    }

    /// `pl061_direction_output`: the value is stored before, and again after, for the controller
    /// takes none while the line is an input.
    pub fn direction_output(&mut self, line: u8, high: bool) {
        self.set_value(line, high);
        let outputs = self.load(Register::Direction);
        self.store(Register::Direction, outputs | bit(line));
        self.set_value(line, high);
    }

    /// `pl061_direction_input`
    pub fn direction_input(&mut self, line: u8) {
        let outputs = self.load(Register::Direction);
        self.store(Register::Direction, outputs & !bit(line));
    }

    /// `pl061_set_value`: the address chooses the line.
    pub fn set_value(&mut self, line: u8, high: bool) {
        self.store_at(data(line), u32::from(high) << line);
    }

    /// `pl061_get_value`
    pub fn get_value(&mut self, line: u8) -> bool {
        self.load_at(data(line)) != 0
    }

    /// `pl061_irq_type` for `IRQ_TYPE_EDGE_BOTH`
    pub fn irq_type_both(&mut self, line: u8) {
        let event = self.load(Register::Event);
        let sense = self.load(Register::Sense);
        let both = self.load(Register::BothEdges);
        self.store(Register::Sense, sense & !bit(line));
        self.store(Register::BothEdges, both | bit(line));
        self.store(Register::Event, event);
    }

    /// `pl061_irq_unmask`
    pub fn irq_unmask(&mut self, line: u8) {
        let enabled = self.load(Register::Enable);
        self.store(Register::Enable, enabled | bit(line));
    }

    /// `pl061_irq_handler`: acknowledges each line (`pl061_irq_ack`), whose user then reads it.
    fn irq_handler(&mut self) {
        let pending = self.load(Register::MaskedStatus);
        for line in (0..8).filter(|line| pending & bit(*line) != 0) {
            self.store(Register::Clear, bit(line));
            self.get_value(line);
        }
    }

    /// Sleeps until then, but for interrupts, or until the lines are gone for good. What else
    /// happened to the lines is handed over.
    pub fn sleep(&mut self, until: Instant, on_event: &mut impl FnMut(Event)) {
        let mut happened = true;
        while happened {
            let mut levels = Vec::new();
            happened = self.gpio.wait(until, &mut |notice| match notice {
                Notice::Irq(level) => levels.push(level),
                Notice::Client(event) => on_event(event),
            });
            for level in levels {
                self.irq(level);
            }
            while self.irq {
                self.irq_handler();
            }
        }
    }

    fn load(&mut self, register: Register) -> u32 {
        self.load_at(register.entry().offset.into())
    }

    fn load_at(&mut self, offset: u64) -> u32 {
        let at_ns = now_ns();
        let (value, outcome) = self.gpio.read(offset, 1);
        self.log(at_ns, What::Load(offset, value));
        self.follow(outcome);
        value
    }

    fn store(&mut self, register: Register, value: u32) {
        self.store_at(register.entry().offset.into(), value);
    }

    fn store_at(&mut self, offset: u64, value: u32) {
        self.log(now_ns(), What::Store(offset, value));
        let outcome = self.gpio.write(offset, 1, value);
        self.follow(outcome);
    }

    fn follow(&mut self, outcome: Outcome) {
        if let Some(level) = outcome.irq {
            self.irq(level);
        }
    }

    fn irq(&mut self, level: bool) {
        self.irq = level;
        self.log(now_ns(), What::Irq(level));
    }

    fn log(&self, at_ns: u64, what: What) {
        // Nobody looks any more when it ends.
        let _ = self.log.send(Message::Act(Act { at_ns, what }));
    }
}

/// The word of the data register that touches one line: bits 9 to 2 of the address are the lines.
fn data(line: u8) -> u64 {
    4 << line
}

fn bit(line: u8) -> u32 {
    1 << line
}
