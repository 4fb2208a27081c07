// SPDX-License-Identifier: MIT OR Apache-2.0
//! What gpiolib does between the character device and a driver (Linux 6.12,
//! `drivers/gpio/gpiolib.c`): taking lines and giving them back, bias, drive, interrupts.

use std::rc::Rc;

use nix::errno::Errno;
use nix::sys::epoll::Epoll;
use vgpio_protocol::{Bias, Direction, Drive, EdgeDetection};
use vgpio_rcar::{Direction as Way, LINES, Line, Pull, Trigger};

use super::queue::Queue;
use super::state::{Held, State};
use crate::chip::debounce::Debounce;
use crate::chip::{Cause, LineConfig, LineInfo, Offset};

/// A line that there is, and how it is wanted.
pub type Checked = (Line, LineConfig);

/// Which line cannot be taken, if it is a certain one, and why.
pub type Refused = (Option<Offset>, Cause);

/// Lines that were taken.
pub struct Taken {
    /// Their edges, in `State::queues`.
    pub queue: usize,
    /// `State::epoch` then.
    pub epoch: u32,
    /// Readable when there are edges.
    pub fd: Rc<Epoll>,
}

impl State {
    /// What a line is.
    pub fn line_info(&mut self, offset: Offset) -> Result<LineInfo, Cause> {
        if !self.plugged {
            return Err(Cause::Gone);
        }
        let line = Line::new(offset).map_err(|_| Cause::NoLine { lines: LINES })?;
        // An open-drain output is one also while it does not drive.
        let held = self.held(line).and_then(|held| held.config.direction);
        let direction = held.unwrap_or_else(|| self.direction(line));
        let name = self.names.get(offset as usize).cloned().unwrap_or_default();
        let held = self.held(line);
        let config = held.as_ref().map(|held| held.config.effective());
        Ok(LineInfo {
            offset,
            name,
            consumer: held.map(|held| held.consumer.as_ref().to_owned()),
            direction,
            active_low: config.is_some_and(|config| config.active_low),
            bias: config.map_or(Bias::AsIs, |config| config.bias),
            drive: config.map_or(Drive::PushPull, |config| config.drive),
            edges: config.map_or(EdgeDetection::None, |config| config.edges),
            debounce: config.and_then(|config| config.debounce),
        })
    }

    fn direction(&mut self, line: Line) -> Direction {
        match self.driver.direction(line) {
            Way::Input => Direction::Input,
            Way::Output => Direction::Output,
        }
    }

    /// Whether lines can be taken; if not, which one cannot.
    pub fn check(&self, lines: &[(Offset, LineConfig)]) -> Result<Vec<Checked>, Refused> {
        if !self.plugged {
            return Err((None, Cause::Gone));
        }
        if lines.is_empty() {
            return Err((None, Cause::Host(Errno::EINVAL.into())));
        }
        let mut checked: Vec<Checked> = Vec::with_capacity(lines.len());
        for &(offset, config) in lines {
            let line =
                Line::new(offset).map_err(|_| (Some(offset), Cause::NoLine { lines: LINES }))?;
            let slot = self.lines.get(offset as usize).and_then(|slot| slot.held.as_ref());
            if let Some(held) = slot {
                let consumer = held.consumer.as_ref().to_owned();
                return Err((Some(offset), Cause::Busy { consumer }));
            }
            if checked.iter().any(|(other, _)| *other == line) {
                return Err((Some(offset), Cause::Host(Errno::EBUSY.into())));
            }
            checked.push((line, config));
        }
        Ok(checked)
    }

    /// Takes lines that were checked.
    pub fn take(&mut self, lines: &[Checked], consumer: &str) -> Result<Taken, Cause> {
        let queue = Queue::new().map_err(|errno| Cause::Host(errno.into()))?;
        let fd = queue.signal.fd();
        let queue = self.queues.insert(queue);
        let consumer: Rc<str> = consumer.into();
        for (index, &(line, config)) in (0..).zip(lines) {
            let consumer = Rc::clone(&consumer);
            let held = Held { consumer, queue, index, config, debounce: None, seqno: 0 };
            if let Some(slot) = self.lines.get_mut(line.offset() as usize) {
                slot.held = Some(held);
            }
            if config.direction.is_some() {
                self.configure(line, config);
            } else {
                let direction = Some(self.direction(line));
                self.remember(line, LineConfig { direction, ..config.effective() });
            }
        }
        Ok(Taken { queue, epoch: self.epoch, fd })
    }

    /// Gives a held line new settings, if they are new. An input whose settings stay goes on
    /// detecting edges.
    pub fn reconfigure(&mut self, line: Line, config: LineConfig) {
        let before = self.held(line).map(|held| held.config.effective());
        let input = config.direction == Some(Direction::Input);
        if !(input && before == Some(config.effective())) {
            self.configure(line, config);
        }
    }

    /// Gives a held line new settings. It cannot fail.
    pub fn configure(&mut self, line: Line, config: LineConfig) {
        let config = config.effective();
        self.stop_edges(line);
        self.remember(line, config);
        if config.direction == Some(Direction::Output) {
            self.set_bias(line, config.bias);
            let high = config.active != config.active_low;
            match config.drive {
                Drive::PushPull => self.driver.direction_output(line, high),
                drive => self.output_open(line, drive, high),
            }
        } else {
            self.driver.direction_input(line);
            self.set_bias(line, config.bias);
            self.start_edges(line, config);
        }
        self.settle();
    }

    fn remember(&mut self, line: Line, config: LineConfig) {
        if let Some(held) = self.held(line) {
            held.config = config;
        }
    }

    /// Sets an open-drain or open-source output. It becomes an input to float, because the block
    /// knows only push-pull.
    pub fn output_open(&mut self, line: Line, drive: Drive, high: bool) {
        if high == (drive == Drive::OpenDrain) {
            self.driver.direction_input(line);
        } else {
            self.driver.direction_output(line, high);
        }
    }

    fn set_bias(&mut self, line: Line, bias: Bias) {
        let pull = match bias {
            Bias::AsIs => return,
            Bias::Disabled => Pull::None,
            Bias::PullUp => Pull::Up,
            Bias::PullDown => Pull::Down,
        };
        let effects = self.driver.mmio_mut().block.set_pull(line.mask(), pull);
        self.react(effects);
    }

    fn start_edges(&mut self, line: Line, config: LineConfig) {
        let trigger = match (config.debounce, config.edges, config.active_low) {
            // The debouncer has to see every bounce.
            (Some(_), ..) | (None, EdgeDetection::Both, _) => Trigger::Both,
            (None, EdgeDetection::Rising, false) | (None, EdgeDetection::Falling, true) => {
                Trigger::Rising
            }
            (None, EdgeDetection::Rising, true) | (None, EdgeDetection::Falling, false) => {
                Trigger::Falling
            }
            (None, EdgeDetection::None, _) => return,
        };
        let level = self.driver.get(line);
        if let Some(held) = self.held(line) {
            let nanoseconds =
                |period: std::time::Duration| u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
            held.debounce = config.debounce.map(|period| Debounce::new(nanoseconds(period), level));
        }
        self.driver.irq_type(line, trigger);
        self.driver.irq_enable(line);
    }

    fn stop_edges(&mut self, line: Line) {
        self.driver.irq_disable(line);
        let Some(held) = self.held(line) else { return };
        if held.debounce.take().is_some() {
            let queue = held.queue;
            self.set_alarm(queue);
        }
    }

    /// Gives lines back: they become inputs (`gpio-rcar.c`, `gpio_rcar_free`).
    pub fn give_back(&mut self, queue: usize) {
        if self.queues.try_remove(queue).is_none() {
            return;
        }
        for line in Line::all() {
            if self.held(line).is_some_and(|held| held.queue == queue) {
                self.free(line);
            }
        }
        self.settle();
    }

    fn free(&mut self, line: Line) {
        self.driver.irq_disable(line);
        self.driver.direction_input(line);
        if let Some(slot) = self.lines.get_mut(line.offset() as usize) {
            slot.held = None;
        }
    }

    /// The chip goes: its lines are given back, and those who held them are told.
    pub fn unplug(&mut self) {
        self.plugged = false;
        self.epoch = self.epoch.wrapping_add(1);
        for line in Line::all() {
            if self.held(line).is_some() {
                self.free(line);
            }
        }
        self.settle();
        self.queues.iter_mut().for_each(|(_, queue)| queue.signal.raise());
    }
}
