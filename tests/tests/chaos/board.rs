// SPDX-License-Identifier: MIT OR Apache-2.0
//! A guest that is no machine: a PL061 whose registers are written and read here.

use std::time::{Duration, Instant};

use fastrand::Rng;
use vgpio::client::State;
use vgpio::controller::Pl061Controller;
use vgpio_tests::harness::{Daemon, GpioSim, Outside, deadline, eventually, export, options};

/// Its data register; bits 2 to 9 of the address are a mask of the lines (PL061 manual, section 3.3.1).
const DATA: u64 = 0x000;
/// Its direction register.
const DIR: u64 = 0x400;
/// Lines that are outputs; the other four are inputs.
const OUTPUTS: u8 = 0x0f;
/// How long it waits for news before it is looked at again.
const A_MOMENT: Duration = Duration::from_millis(1);

pub struct Board {
    number: usize,
    gpio: Pl061Controller,
    /// The levels that it has last written.
    set: u8,
    /// The levels that the world beyond gives its inputs.
    pulled: u8,
}

/// The chip that a board has lines of.
pub fn chip(number: usize) -> usize {
    number % 2
}

/// The first of its eight lines.
pub fn first(number: usize) -> u32 {
    u32::try_from(number / 2 * 8).expect("there are few")
}

impl Board {
    pub fn new(number: usize, daemon: &Daemon, random: &mut Rng) -> Self {
        let mut board = Self { number, gpio: gpio(number, daemon), set: 0, pulled: 0 };
        board.boot(random);
        board
    }

    pub fn chip(&self) -> usize {
        chip(self.number)
    }

    fn offset(&self, line: u32) -> u32 {
        first(self.number) + line
    }

    fn boot(&mut self, random: &mut Rng) {
        let outcome = self.gpio.write(DIR, 1, OUTPUTS.into());
        assert_eq!(outcome.guest_error, None);
        self.set(random.u8(..));
    }

    /// Dies, and is replaced by another that knows nothing of it.
    pub fn die(&mut self, daemon: &Daemon, chip: &mut GpioSim, random: &mut Rng) {
        let gpio = gpio(self.number, daemon);
        drop(std::mem::replace(&mut self.gpio, gpio));
        let offsets = [0, 1, 2, 3].map(|line| self.offset(line));
        eventually("its outputs are in their safe state", || {
            (chip.levels(&offsets) == 0).then_some(())
        });
        self.boot(random);
    }

    /// Sets its outputs. What it writes to inputs does nothing.
    pub fn set(&mut self, levels: u8) {
        let outcome = self.gpio.write(DATA | u64::from(OUTPUTS) << 2, 1, levels.into());
        assert_eq!(outcome.guest_error, None);
        self.set = levels & OUTPUTS;
    }

    /// Pulls its inputs, from outside.
    pub fn pull(&mut self, chip: &mut GpioSim, levels: u8) {
        self.pulled = levels & !OUTPUTS;
        for line in 4..8 {
            chip.pull(self.offset(line), levels & 1 << line != 0);
        }
    }

    /// Its chip is a new one, whose lines nobody has pulled.
    pub fn meets_new_chip(&mut self) {
        self.pulled = 0;
    }

    /// Pulls its inputs up and down many times, and leaves them as they were.
    pub fn wiggle(&mut self, chip: &mut GpioSim, times: u32) {
        for line in 4..8 {
            chip.wiggle(self.offset(line), times);
        }
        self.pull(chip, self.pulled);
    }

    /// Waits until it has its lines, the outside sees what it has written, and it what the outside has pulled.
    pub fn settles(&mut self, chip: &mut GpioSim) {
        let outputs = [0, 1, 2, 3].map(|line| self.offset(line));
        let end = deadline();
        loop {
            self.gpio.wait(Instant::now() + A_MOMENT, &mut |_| {});
            let client = self.gpio.client();
            let now = (client.state(), client.lost(), client.has_unsent());
            let levels = chip.levels(&outputs);
            let sees = self.gpio.read(DATA | u64::from(!OUTPUTS) << 2, 1).0;
            let is_idle = now == (State::Attached, 0, false);
            if is_idle && sees == u32::from(self.pulled) && levels == u64::from(self.set) {
                return;
            }
            assert!(
                Instant::now() < end,
                "board {} is {now:?}; it set {:#x}, lines {outputs:?} are {levels:#x}; the world pulled {:#x}, it sees \
                 {sees:#x}",
                self.number,
                self.set,
                self.pulled
            );
        }
    }
}

fn gpio(number: usize, daemon: &Daemon) -> Pl061Controller {
    let options = options(daemon.socket(), export(&format!("board{number}")));
    let mut gpio = Pl061Controller::new(options).expect("the options are right");
    // It tries again by itself where the daemon cannot have it now.
    let _ = gpio.connect();
    gpio
}
