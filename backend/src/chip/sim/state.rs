// SPDX-License-Identifier: MIT OR Apache-2.0
//! The block with its driver: from a change of registers or pads to edges and observers.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use slab::Slab;
use vgpio_rcar::{Block, Bus, Driver, Effects, Generation, LINES, Line};

use super::pads::PadChange;
use super::queue::Queue;
use crate::chip::debounce::Debounce;
use crate::chip::{ChipEdge, LineConfig, Offset};
use crate::clock::now_ns;

/// A queue of what an observer sees.
pub type Sight = RefCell<Queue<PadChange>>;

/// The block, and who holds its lines.
#[derive(Debug)]
pub struct State {
    pub driver: Driver<Bus>,
    pub names: Vec<String>,
    pub lines: [Slot; LINES as usize],
    /// Edges of each request that holds lines.
    pub queues: Slab<Queue<ChipEdge>>,
    /// Whether the chip is there.
    pub plugged: bool,
    /// How often it was removed.
    pub epoch: u32,
    pub observers: Vec<Weak<Sight>>,
    /// Pads that the chip drove when observers were last told.
    pub driven: u32,
}

/// A line of the block.
#[derive(Debug, Default)]
pub struct Slot {
    pub held: Option<Held>,
}

/// A line that is held.
#[derive(Debug)]
pub struct Held {
    pub consumer: Rc<str>,
    /// In `State::queues`.
    pub queue: usize,
    /// Index in its request.
    pub index: u8,
    pub config: LineConfig,
    /// Of levels as on the pad.
    pub debounce: Option<Debounce>,
    pub seqno: u32,
}

impl State {
    pub fn new(generation: Generation, names: Vec<(Offset, String)>) -> Self {
        let mut by_offset = vec![String::new(); LINES as usize];
        for (offset, name) in names {
            if let Some(slot) = by_offset.get_mut(offset as usize) {
                *slot = name;
            }
        }
        Self {
            driver: Driver::new(Bus::new(Block::new(generation)), generation),
            names: by_offset,
            lines: std::array::from_fn(|_| Slot::default()),
            queues: Slab::new(),
            plugged: true,
            epoch: 0,
            observers: Vec::new(),
            driven: 0,
        }
    }

    pub fn held(&mut self, line: Line) -> Option<&mut Held> {
        self.lines.get_mut(line.offset() as usize)?.held.as_mut()
    }

    /// Lets follow what the driver has done.
    pub fn settle(&mut self) {
        let effects = self.driver.mmio_mut().take_effects();
        self.react(effects);
    }

    /// Lets follow what has happened: interrupts are handled, observers told.
    pub fn react(&mut self, effects: Effects) {
        if !self.observers.is_empty() {
            self.tell(effects);
        }
        while self.driver.mmio().block.irq() {
            let fired = self.driver.handle_irq();
            // Of the driver's own writes: they change no pad.
            let _ = self.driver.mmio_mut().take_effects();
            if fired == 0 {
                return;
            }
            let now = now_ns();
            for line in Line::all().filter(|line| fired & line.mask() != 0) {
                self.interrupt(line, now);
            }
        }
    }

    /// Handles the interrupt of a line (`gpiolib-cdev.c`, `edge_irq_thread`,
    /// `debounce_irq_handler`).
    fn interrupt(&mut self, line: Line, now: u64) {
        let level = self.driver.get(line);
        let Some(held) = self.held(line) else { return };
        let Some(debounce) = &mut held.debounce else {
            return self.edge(line, level, now);
        };
        let due = debounce.due(now);
        debounce.change(level, now);
        let queue = held.queue;
        if let Some((level, time)) = due {
            self.edge(line, level, time);
        }
        self.set_alarm(queue);
    }

    /// Reports a change of a line to `level`, if its holder wants to know.
    fn edge(&mut self, line: Line, level: bool, timestamp_ns: u64) {
        let Some(held) = self.held(line) else { return };
        let active = level != held.config.active_low;
        if !held.config.wants_edge(active) {
            return;
        }
        held.seqno = held.seqno.wrapping_add(1);
        let edge = ChipEdge { line: held.index, active, line_seqno: held.seqno, timestamp_ns };
        let queue = held.queue;
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.push(edge);
        }
    }

    /// Reports changes of debounced lines whose period is over.
    pub fn debounce(&mut self, queue: usize) {
        let mut now = None;
        for line in Line::all() {
            let Some(held) = self.held(line).filter(|held| held.queue == queue) else {
                continue;
            };
            let Some(debounce) = held.debounce.as_mut().filter(|d| d.deadline().is_some()) else {
                continue;
            };
            if let Some((level, time)) = debounce.due(*now.get_or_insert_with(now_ns)) {
                self.edge(line, level, time);
            }
        }
        if now.is_some() {
            self.set_alarm(queue);
        }
    }

    /// Wakes the holder when the next period of its lines is over.
    pub fn set_alarm(&mut self, queue: usize) {
        let held = self.lines.iter().filter_map(|slot| slot.held.as_ref());
        let held = held.filter(|held| held.queue == queue);
        let next = held.filter_map(|held| held.debounce?.deadline()).min();
        if let Some(queue) = self.queues.get_mut(queue)
            && let Err(errno) = queue.signal.set_alarm(next)
        {
            log::error!("debounced edges of a simulated chip may come late: timerfd: {errno}");
        }
    }

    /// Tells observers of pads whose level or direction changed.
    fn tell(&mut self, effects: Effects) {
        let pads = self.driver.mmio().block.pads();
        let (levels, driven) = (pads.levels(), pads.driven_by_chip());
        let contended = effects.contention_began | effects.contention_ended;
        let changed = effects.changed | contended | (driven ^ self.driven);
        self.driven = driven;
        if changed == 0 {
            return;
        }
        let contended = pads.contended();
        let timestamp_ns = now_ns();
        let change = |line: Line| PadChange {
            offset: line.offset(),
            high: levels & line.mask() != 0,
            output: driven & line.mask() != 0,
            contended: contended & line.mask() != 0,
            timestamp_ns,
        };
        self.observers.retain(|observer| {
            let Some(sight) = observer.upgrade() else {
                return false;
            };
            let lines = Line::all().filter(|line| changed & line.mask() != 0);
            lines.for_each(|line| sight.borrow_mut().push(change(line)));
            true
        });
    }
}
