// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the controller in QEMU and the host know of each other's lines.
//!
//! QEMU tells changes of output pins, in order; it does not tell when the guest changes a direction. Where
//! that moves the pin's level, the message tells it nevertheless; else the registers do, when they are looked
//! at: at the start, when a pin has gone to the level that it has as an input too, and periodically.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::device::{Device, Kind};
use crate::error::Error;
use crate::inputs::{Inputs, Next};
use crate::wire::{Command, Message};

/// PL061: levels of all lines.
const GPIODATA: u64 = 0x3fc;
/// PL061: directions, 1 for an output.
const GPIODIR: u64 = 0x400;
/// PL061: interrupts that the guest has yet to serve.
const GPIOMIS: u64 = 0x418;
/// PL061: the first byte of what it is, and its value.
const GPIO_PERIPH_ID0: (u64, u8) = (0xfe0, 0x61);
/// Least time between two looks at the registers that messages of known outputs ask for.
const LOOKS_APART: Duration = Duration::from_millis(10);

/// The lines of the host, by their numbers on the controller; those that are not lent are left out.
pub trait Host {
    /// The lines in `mask & outputs` become outputs with their levels in `bits`, the rest of `mask` inputs.
    fn direct(&mut self, mask: u64, outputs: u64, bits: u64);
    /// An output gets another level.
    fn set(&mut self, line: u8, high: bool);
}

/// Commands without an answer, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Identity,
    Intercept,
    Data,
    Directions,
    Pending,
    Input(u8),
}

/// When the registers are looked at.
#[derive(Debug, Default)]
struct Look {
    /// Period without a reason.
    every: Option<Duration>,
    at: Option<Instant>,
    last: Option<Instant>,
    /// The question is on its way.
    asked: bool,
    /// Its first half is answered, and no pin has changed since.
    data: Option<u8>,
}

/// What has passed. Numbers wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Changes of outputs that QEMU told.
    pub outputs: u64,
    /// Changes of inputs that QEMU was told.
    pub inputs: u64,
    /// Changes of inputs that were folded into later ones.
    pub merged: u64,
}

/// The state of both sides.
#[derive(Debug)]
pub struct Bridge {
    device: Device,
    asked: VecDeque<Asked>,
    unsent: String,
    ready: bool,
    outputs: u64,
    /// Of outputs; 0 for others.
    levels: u64,
    inputs: Inputs,
    look: Look,
    counters: Counters,
}

impl Bridge {
    /// Begins with the questions that have to be answered first. A PL061's registers are looked at `every` so
    /// often, if at all.
    #[must_use]
    pub fn new(device: Device, every: Option<Duration>) -> Self {
        let is_pl061 = matches!(device.kind, Kind::Pl061 { .. });
        let mut bridge = Self {
            device,
            asked: VecDeque::new(),
            unsent: String::new(),
            ready: false,
            outputs: 0,
            levels: 0,
            inputs: Inputs::new(is_pl061),
            look: Look { every, ..Look::default() },
            counters: Counters::default(),
        };
        match bridge.device.kind {
            Kind::Pl061 { .. } => bridge.read(GPIO_PERIPH_ID0.0, Asked::Identity),
            Kind::Other { .. } => bridge.intercept(),
        }
        bridge
    }

    /// Whether directions and levels of the guest are known, as far as they can be.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// The controller.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// What has passed.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters { merged: self.inputs.merged(), ..self.counters }
    }

    /// What waits to be sent to QEMU: of bounded size, for each line and each register is asked for once.
    #[must_use]
    pub fn unsent(&self) -> &[u8] {
        self.unsent.as_bytes()
    }

    /// So many bytes of it have been sent.
    pub fn sent(&mut self, count: usize) {
        self.unsent.drain(..count.min(self.unsent.len()));
    }

    /// Does what is due. Returns when something is due without a word from either side.
    pub fn tick(&mut self, now: Instant) -> Option<Instant> {
        if !self.ready {
            return None;
        }
        if !self.look.asked && self.look.at.is_some_and(|at| at <= now) {
            self.look();
        }
        let look = self.look.at.filter(|_| !self.look.asked);
        loop {
            match self.inputs.next(now) {
                Next::Set(line, high) => {
                    self.counters.inputs += 1;
                    let path = &self.device.path;
                    write(&mut self.unsent, Command::SetInput(path, line, high));
                    self.asked.push_back(Asked::Input(line));
                }
                Next::AskPending => self.read(GPIOMIS, Asked::Pending),
                Next::At(at) => return Some(look.map_or(at, |look| look.min(at))),
                Next::Nothing => return look,
            }
        }
    }

    /// The host tells the level of a line.
    pub fn level(&mut self, line: u16, high: bool) {
        let line = u8::try_from(line).ok().filter(|line| *line < self.device.inputs);
        if let Some(line) = line.filter(|line| self.outputs >> line & 1 == 0) {
            self.inputs.level(line, high);
        }
    }

    /// The host lends other lines than before: they get what the guest's outputs have.
    pub fn lines_changed(&mut self, host: &mut impl Host) {
        host.direct(self.outputs, self.outputs, self.levels);
    }

    /// QEMU has sent this.
    ///
    /// # Errors
    /// QEMU refuses, or answers what was not asked.
    pub fn take(
        &mut self,
        message: Message,
        now: Instant,
        host: &mut impl Host,
    ) -> Result<(), Error> {
        match message {
            Message::Irq { line, high } => self.pin(line, high, now, host),
            Message::Ok(value) => self.answer(value, now, host)?,
            Message::Fail(text) => return Err(self.refusal(text)),
        }
        Ok(())
    }

    /// An output pin has changed.
    fn pin(&mut self, line: u32, high: bool, now: Instant, host: &mut impl Host) {
        let line = u8::try_from(line).ok().filter(|line| *line < self.device.outputs);
        let Some(line) = line else { return };
        self.counters.outputs += 1;
        self.look.data = None;
        let bit = 1_u64 << (line & 63);
        let was_output = self.outputs & bit != 0;
        // A pin that leaves the level of an input is driven by the guest.
        let (is_output, look) = match self.device.kind {
            Kind::Other { outputs } => (outputs & bit != 0, None),
            Kind::Pl061 { idle, .. } if high != (u64::from(idle) & bit != 0) => (true, None),
            Kind::Pl061 { .. } if was_output => {
                (true, Some(self.look.last.map_or(now, |last| now.max(last + LOOKS_APART))))
            }
            Kind::Pl061 { .. } => (false, Some(now)),
        };
        if let Some(at) = look {
            self.look.at = Some(self.look.at.map_or(at, |before| before.min(at)));
        }
        if !is_output {
            return;
        }
        self.levels = self.levels & !bit | if high { bit } else { 0 };
        if was_output {
            host.set(line, high);
        } else {
            self.outputs |= bit;
            host.direct(bit, bit, self.levels & bit);
        }
    }

    fn answer(
        &mut self,
        value: Option<u64>,
        now: Instant,
        host: &mut impl Host,
    ) -> Result<(), Error> {
        let asked = self.asked.pop_front().ok_or(Error::Unasked)?;
        // Registers have eight lines.
        let byte = || value.and_then(|value| u8::try_from(value).ok()).ok_or(Error::Unasked);
        match asked {
            Asked::Identity => {
                if let Kind::Pl061 { base, .. } = self.device.kind
                    && byte()? != GPIO_PERIPH_ID0.1
                {
                    return Err(Error::NotPl061 { base });
                }
                self.intercept();
                self.look();
            }
            Asked::Intercept => self.ready = matches!(self.device.kind, Kind::Other { .. }),
            Asked::Data => self.look.data = Some(byte()?),
            Asked::Directions => self.seen(byte()?, now, host),
            Asked::Pending => self.inputs.pending(byte()?.into(), now),
            Asked::Input(line) => self.inputs.done(line),
        }
        Ok(())
    }

    /// The registers have been looked at. All that QEMU told before was before, so this is the truth.
    fn seen(&mut self, directions: u8, now: Instant, host: &mut impl Host) {
        let Some(data) = self.look.data.take() else {
            return self.look();
        };
        let (outputs, data) = (u64::from(directions), u64::from(data));
        let turned = self.outputs ^ outputs;
        let moved = (self.levels ^ data) & outputs;
        let changed = turned | moved;
        if changed != 0 {
            host.direct(changed, outputs & changed, data & outputs & changed);
        }
        self.outputs = outputs;
        self.levels = data & outputs;
        for line in 0..self.device.inputs.min(8) {
            if turned >> line & 1 == 1 {
                self.inputs.forget(line);
            } else if outputs >> line & 1 == 0 {
                self.inputs.found(line, data >> line & 1 == 1);
            }
        }
        self.look.asked = false;
        self.look.last = Some(now);
        let next = self.look.every.map(|every| now + every);
        self.look.at = [self.look.at, next].into_iter().flatten().min();
        self.ready = true;
    }

    fn refusal(&mut self, text: String) -> Error {
        let path = self.device.path.clone();
        let command = match self.asked.pop_front() {
            Some(Asked::Intercept) => Command::InterceptOutputs(&path),
            Some(Asked::Input(line)) => Command::SetInput(&path, line, false),
            Some(_) => return Error::Refused { command: "readb".to_owned(), text },
            None => return Error::Unasked,
        };
        match text.as_str() {
            "Unknown device" => Error::UnknownDevice { path },
            "IRQ intercept already enabled" => Error::Intercepted { path },
            "No intercepts installed" => Error::NoOutputs { path },
            _ => Error::Refused { command: command.to_string(), text },
        }
    }

    fn intercept(&mut self) {
        write(&mut self.unsent, Command::InterceptOutputs(&self.device.path));
        self.asked.push_back(Asked::Intercept);
    }

    fn look(&mut self) {
        self.look.asked = true;
        self.look.at = None;
        self.read(GPIODATA, Asked::Data);
        self.read(GPIODIR, Asked::Directions);
    }

    fn read(&mut self, offset: u64, asked: Asked) {
        if let Kind::Pl061 { base, .. } = self.device.kind {
            write(&mut self.unsent, Command::Read(base.wrapping_add(offset)));
            self.asked.push_back(asked);
        }
    }
}

fn write(unsent: &mut String, command: Command<'_>) {
    writeln!(unsent, "{command}").expect("memory takes it");
}
