// SPDX-License-Identifier: MIT OR Apache-2.0
//! A PL061 on the daemon's lines, with the register accesses of Linux's driver
//! (`drivers/gpio/gpio-pl061.c`) in its order.

use std::os::fd::AsFd;
use std::thread;
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use vgpio::controller::{Notice, Pl061Controller};
use vgpio_protocol::Direction;
use vgpio_tests::harness::{DEADLINE, Outside, deadline, eventually, map, options};

use super::Bench;

const DIR: u64 = 0x400;
const IS: u64 = 0x404;
const IBE: u64 = 0x408;
const IEV: u64 = 0x40c;
const IE: u64 = 0x410;
const MIS: u64 = 0x418;
const IC: u64 = 0x41c;

/// A guest with Linux's driver.
struct Linux {
    gpio: Pl061Controller,
    irq: bool,
}

impl Linux {
    /// `pl061_probe`: interrupts off.
    fn boot(bench: &Bench, lines: &str) -> Self {
        let options = options(bench.daemon.socket(), map(lines));
        let mut gpio = Pl061Controller::new(options).expect("the map is right");
        gpio.connect().expect("the daemon listens");
        let mut linux = Self { gpio, irq: false };
        linux.store(IE, 0);
        linux
    }

    fn store(&mut self, offset: u64, value: u8) {
        let outcome = self.gpio.write(offset, 1, value.into());
        assert_eq!(outcome.guest_error, None);
        self.irq = outcome.irq.unwrap_or(self.irq);
    }

    fn load(&mut self, offset: u64) -> u8 {
        let (value, outcome) = self.gpio.read(offset, 1);
        assert_eq!(outcome.guest_error, None);
        u8::try_from(value).expect("a register of 8 bits")
    }

    /// `pl061_set_value`
    fn set_value(&mut self, line: u8, high: bool) {
        self.store(4 << line, u8::from(high) << line);
    }

    /// `pl061_get_value`
    fn get_value(&mut self, line: u8) -> bool {
        self.load(4 << line) != 0
    }

    /// `pl061_direction_output`: the value, the direction, the value again.
    fn direction_output(&mut self, line: u8, high: bool) {
        self.set_value(line, high);
        let dir = self.load(DIR);
        self.store(DIR, dir | 1 << line);
        self.set_value(line, high);
    }

    /// `pl061_direction_input`
    fn direction_input(&mut self, line: u8) {
        let dir = self.load(DIR);
        self.store(DIR, dir & !(1 << line));
    }

    /// `pl061_irq_type` for both edges, `pl061_irq_unmask`
    fn request_irq(&mut self, line: u8) {
        let bit = 1 << line;
        let (event, sense, both) = (self.load(IEV), self.load(IS), self.load(IBE));
        self.store(IS, sense & !bit);
        self.store(IBE, both | bit);
        self.store(IEV, event);
        let enabled = self.load(IE);
        self.store(IE, enabled | bit);
    }

    /// `pl061_irq_handler`, `pl061_irq_ack`
    fn handle_irq(&mut self) -> u8 {
        let pending = self.load(MIS);
        self.store(IC, pending);
        pending
    }

    /// The VMM's main loop, until something is true of the guest.
    fn run_until(&mut self, what: &str, done: impl Fn(&mut Self) -> bool) {
        let end = deadline();
        loop {
            let Self { gpio, irq } = self;
            gpio.process(&mut |notice| {
                if let Notice::Irq(level) = notice {
                    *irq = level;
                }
            });
            if done(self) {
                return;
            }
            assert!(Instant::now() < end, "not in time: {what}");
            let fd = self.gpio.client().as_fd().expect("it is connected");
            let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
            let timeout = PollTimeout::try_from(DEADLINE).expect("it fits");
            poll(&mut fds, timeout).expect("the socket can be watched");
        }
    }
}

/// Waits until the outside sees a level: a guest cannot wait for it.
fn wait_for_level(bench: &mut Bench, offset: u32, high: bool) {
    eventually("the outside sees the level", || {
        thread::yield_now();
        (bench.world.level(offset) == high).then_some(())
    });
}

#[test]
fn linux_drives_its_leds() {
    let mut bench = Bench::open();
    let mut linux = Linux::boot(&bench, "e6055400.gpio,vgpios=0:1:2,gpios=11:12:13");
    for (line, offset) in [(0, 11), (1, 12), (2, 13)] {
        linux.direction_output(line, true);
        linux.run_until("lines", |linux| !linux.gpio.client().lines().is_empty());
        wait_for_level(&mut bench, offset, true);
        for high in [false, true].repeat(50) {
            linux.set_value(line, high);
            assert_eq!(linux.get_value(line), high);
            wait_for_level(&mut bench, offset, high);
        }
    }
    assert_eq!(bench.world.levels(&[11, 12, 13]), 0b111);
}

#[test]
fn linux_is_interrupted_by_its_button() {
    let mut bench = Bench::open();
    let mut linux = Linux::boot(&bench, "e6055400.gpio,vgpios=3:0,gpios=21:11");
    linux.run_until("lines", |linux| !linux.gpio.client().lines().is_empty());
    linux.direction_input(3);
    linux.request_irq(3);
    for high in [true, false].repeat(50) {
        bench.world.pull(21, high);
        linux.run_until("interrupt", |linux| linux.irq);
        assert_eq!(linux.handle_irq(), 1 << 3);
        assert!(!linux.irq);
        assert_eq!(linux.get_value(3), high);
    }
}

#[test]
fn linux_turns_a_line_to_and_fro() {
    let mut bench = Bench::open();
    let mut linux = Linux::boot(&bench, "e6055400.gpio,vgpios=4,gpios=9");
    linux.run_until("lines", |linux| !linux.gpio.client().lines().is_empty());
    for _ in 0..5 {
        linux.direction_output(4, true);
        wait_for_level(&mut bench, 9, true);
        linux.set_value(4, false);
        wait_for_level(&mut bench, 9, false);
        linux.direction_input(4);
        bench.becomes(9, Direction::Input);
        bench.world.pull(9, true);
        linux.run_until("the level from outside", |linux| linux.get_value(4));
        bench.world.pull(9, false);
        linux.run_until("the level from outside", |linux| !linux.get_value(4));
    }
}
