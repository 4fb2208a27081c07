// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's PL061 behind its qtest server, and the lines of a host, for a bridge in between.
#![allow(dead_code, clippy::unwrap_used, reason = "each test program uses a part; tests may panic")]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use vgpio_qtest::Error;
use vgpio_qtest::bridge::{Bridge, Host};
use vgpio_qtest::device::{Device, Kind, VIRT_BASE};
use vgpio_qtest::wire::Message;

pub const PATH: &str = "/machine/unattached/device[6]";
/// How often the registers are looked at.
pub const LOOK: Duration = Duration::from_millis(100);

/// The registers, and what the server has said (QEMU, `hw/gpio/pl061.c` and `system/qtest.c`).
#[derive(Debug, Default)]
pub struct Qemu {
    pub direction: u8,
    pub data: u8,
    /// Interrupts that the guest has not served: any edge of an input makes one.
    pub pending: u8,
    pins: u8,
    /// The level of an input's pin.
    idle: u8,
    /// Levels as the server knows them, if outputs are intercepted.
    told: Option<u8>,
    pub said: VecDeque<Message>,
    /// Changes of inputs that the guest has seen, and that it has not.
    pub edges: Vec<(u8, bool)>,
    pub lost: u32,
}

impl Qemu {
    pub fn new(idle: u8) -> Self {
        Self { idle, pins: idle, ..Self::default() }
    }

    fn update(&mut self) {
        let pins = self.data & self.direction | self.idle & !self.direction;
        let changed = pins ^ self.pins;
        self.pins = pins;
        let Some(told) = &mut self.told else { return };
        for line in (0..8).filter(|line| changed >> line & 1 == 1) {
            if (*told ^ pins) >> line & 1 == 1 {
                *told ^= 1 << line;
                self.said.push_back(Message::Irq { line, high: pins >> line & 1 == 1 });
            }
        }
    }

    pub fn set_direction(&mut self, direction: u8) {
        self.direction = direction;
        self.update();
    }

    pub fn write(&mut self, mask: u8, data: u8) {
        let mask = mask & self.direction;
        self.data = self.data & !mask | data & mask;
        self.update();
    }

    pub fn reset(&mut self) {
        (self.direction, self.data, self.pending) = (0, 0, 0);
        self.update();
    }

    /// The guest serves its interrupts.
    pub fn serve(&mut self) {
        self.pending = 0;
    }

    fn set_input(&mut self, line: u8, high: bool) {
        let bit = 1 << line;
        if self.direction & bit == 0 && (self.data & bit != 0) != high {
            self.data ^= bit;
            if self.pending & bit == 0 {
                self.edges.push((line, high));
            } else {
                self.lost += 1;
            }
            self.pending |= bit;
        }
    }

    pub fn command(&mut self, command: &str) {
        let words: Vec<_> = command.split(' ').collect();
        let answer = match words.as_slice() {
            ["irq_intercept_out", PATH] => {
                self.told = Some(0);
                Message::Ok(None)
            }
            ["irq_intercept_out", _] => Message::Fail("Unknown device".to_owned()),
            ["set_irq_in", PATH, "unnamed-gpio-in", line, level] => {
                self.set_input(line.parse().unwrap(), *level == "1");
                Message::Ok(None)
            }
            ["readb", address] => {
                let address = u64::from_str_radix(address.strip_prefix("0x").unwrap(), 16).unwrap();
                let value = match address.checked_sub(VIRT_BASE) {
                    Some(0x3fc) => self.data,
                    Some(0x400) => self.direction,
                    Some(0x418) => self.pending,
                    Some(0xfe0) => 0x61,
                    _ => 0,
                };
                Message::Ok(Some(value.into()))
            }
            _ => panic!("'{command}'"),
        };
        self.said.push_back(answer);
    }
}

/// The lines of the host.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lines {
    pub outputs: u64,
    pub levels: u64,
    /// All that they were told, in order.
    pub told: Vec<Told>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Direct { mask: u64, outputs: u64, bits: u64 },
    Set(u8, bool),
}

impl Host for Lines {
    fn direct(&mut self, mask: u64, outputs: u64, bits: u64) {
        assert!((outputs | bits) & !mask == 0 && bits & !outputs == 0);
        self.outputs = self.outputs & !mask | outputs;
        self.levels = self.levels & !mask | bits;
        self.told.push(Told::Direct { mask, outputs, bits });
    }

    fn set(&mut self, line: u8, high: bool) {
        assert!(self.outputs >> line & 1 == 1, "line {line} is an input");
        self.levels = self.levels & !(1 << line) | u64::from(high) << line;
        self.told.push(Told::Set(line, high));
    }
}

/// All three.
pub struct World {
    pub qemu: Qemu,
    pub bridge: Bridge,
    pub host: Lines,
    pub now: Instant,
}

impl World {
    /// A PL061 whose pins are pulled to these levels.
    pub fn new(idle: u8, look: Option<Duration>) -> Self {
        let kind = Kind::Pl061 { base: VIRT_BASE, idle };
        Self::of(Device { path: PATH.to_owned(), kind, inputs: 8, outputs: 8 }, look)
    }

    pub fn of(device: Device, look: Option<Duration>) -> Self {
        let idle = if let Kind::Pl061 { idle, .. } = device.kind { idle } else { 0 };
        let bridge = Bridge::new(device, look);
        let mut world =
            Self { qemu: Qemu::new(idle), bridge, host: Lines::default(), now: Instant::now() };
        world.settle();
        assert!(world.bridge.is_ready());
        world
    }

    /// QEMU carries out the oldest command that it has not seen; false if there is none.
    pub fn carry_out(&mut self) -> bool {
        let text = std::str::from_utf8(self.bridge.unsent()).unwrap();
        let Some((command, _)) = text.split_once('\n') else { return false };
        let command = command.to_owned();
        self.bridge.sent(command.len() + 1);
        self.qemu.command(&command);
        true
    }

    /// The bridge takes the oldest thing that QEMU has said; false if there is none.
    pub fn hear(&mut self) -> bool {
        let Some(message) = self.qemu.said.pop_front() else { return false };
        self.try_hear(message).unwrap();
        true
    }

    pub fn try_hear(&mut self, message: Message) -> Result<(), Error> {
        self.bridge.take(message, self.now, &mut self.host)
    }

    /// Everything happens for which no time has to pass.
    pub fn settle(&mut self) {
        loop {
            self.bridge.tick(self.now);
            if !(self.carry_out() || self.hear()) {
                return;
            }
        }
    }

    /// Time passes; the guest serves its interrupts.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.settle();
            self.qemu.serve();
            let due = self.bridge.tick(self.now).unwrap_or(end);
            self.now = due.max(self.now + Duration::from_micros(1)).min(end);
        }
        self.settle();
    }
}
