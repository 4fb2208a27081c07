// SPDX-License-Identifier: MIT OR Apache-2.0
//! An independent R-Car GPIO block, written line by line from the crate's page: a bool per bit, no
//! table, no masks. Slow on purpose.

pub mod operation;

use vgpio_rcar::Generation;

/// One line with its pad.
#[derive(Clone, Debug, Default)]
struct Line {
    interrupt_mode: bool,
    output: bool,
    data: bool,
    second_data: bool,
    use_second: bool,
    latched: bool,
    let_through: bool,
    sub_let_through: bool,
    negative: bool,
    edge: bool,
    both: bool,
    filter: bool,
    filter_clock: bool,
    input_enable: bool,
    level: bool,
    fought_over: bool,
    pull: Option<bool>,
    outside: Option<bool>,
    wires: Vec<usize>,
}

impl Line {
    fn chip(&self) -> Option<bool> {
        let data = if self.use_second { self.second_data } else { self.data };
        (self.output && !self.interrupt_mode).then_some(data != self.negative)
    }

    fn listening(&self, generation: Generation) -> bool {
        match generation {
            Generation::Gen2 => self.chip().is_none(),
            Generation::Gen3 => true,
            Generation::Gen4 => self.input_enable,
        }
    }

    fn requests(&self, generation: Generation) -> bool {
        if !self.interrupt_mode {
            false
        } else if self.edge {
            self.latched
        } else {
            self.listening(generation) && self.level != self.negative
        }
    }

    fn read(&self, offset: u64, generation: Generation) -> bool {
        match offset {
            0x00 => self.interrupt_mode,
            0x04 => self.output,
            0x08 => self.data,
            0x0c if !self.listening(generation) => false,
            0x0c if self.interrupt_mode => self.level,
            0x0c => self.level != self.negative,
            0x10 => self.requests(generation),
            0x18 => self.let_through,
            0x20 => self.negative,
            0x24 => self.edge,
            0x28 => self.filter,
            0x2c => self.filter_clock,
            0x38 => self.sub_let_through,
            0x40 => self.use_second,
            0x4c => self.both,
            0x50 => self.input_enable,
            _ => false,
        }
    }

    fn write(&mut self, offset: u64, bit: bool) {
        match (offset, bit) {
            (0x00, _) => self.interrupt_mode = bit,
            (0x04, _) => self.output = bit,
            (0x08, _) => self.data = bit,
            (0x14, true) => self.latched = false,
            (0x18, false) => self.let_through = false,
            (0x1c, true) => self.let_through = true,
            (0x20, _) => self.negative = bit,
            (0x24, _) => self.edge = bit,
            (0x28, _) => self.filter = bit,
            (0x2c, _) => self.filter_clock = bit,
            (0x38, false) => self.sub_let_through = false,
            (0x3c, true) => self.sub_let_through = true,
            (0x40, _) => self.use_second = bit,
            (0x44, true) => self.second_data = true,
            (0x48, true) => self.second_data = false,
            (0x4c, _) => self.both = bit,
            (0x50, _) => self.input_enable = bit,
            _ => {}
        }
    }

    /// The pad moved to `level`: is that the edge the line waits for?
    fn sees_edge(&self, level: bool, generation: Generation) -> bool {
        let right_edge = self.both || level != self.negative;
        self.interrupt_mode && self.edge && self.listening(generation) && right_edge
    }
}

/// The reference block.
pub struct Reference {
    generation: Generation,
    lines: Vec<Line>,
}

impl Reference {
    pub fn new(generation: Generation) -> Self {
        let lines = vec![Line::default(); 32];
        Self { generation, lines }
    }

    fn answers(&self, offset: u64, size: u32) -> bool {
        let newer = self.generation == Generation::Gen4;
        size == 4
            && match offset {
                0x00 | 0x04 | 0x08 | 0x0c | 0x10 | 0x14 | 0x18 | 0x1c | 0x20 | 0x24 | 0x28
                | 0x40 | 0x44 | 0x48 | 0x4c => true,
                0x2c | 0x50 => newer,
                0x38 | 0x3c => !newer,
                _ => false,
            }
    }

    pub fn read(&self, offset: u64, size: u32) -> Option<u32> {
        let generation = self.generation;
        self.answers(offset, size).then(|| self.gather(|line| line.read(offset, generation)))
    }

    pub fn write(&mut self, offset: u64, size: u32, value: u32) -> bool {
        let answers = self.answers(offset, size);
        if answers {
            for (i, line) in self.lines.iter_mut().enumerate() {
                line.write(offset, value >> i & 1 == 1);
            }
            self.follow();
        }
        answers
    }

    pub fn reset(&mut self) {
        for line in &mut self.lines {
            *line = Line {
                level: line.level,
                pull: line.pull,
                outside: line.outside,
                wires: std::mem::take(&mut line.wires),
                ..Line::default()
            };
        }
        self.follow();
    }

    pub fn set_outside(&mut self, mask: u32, level: impl Fn(usize) -> Option<bool>) {
        for (i, line) in self.lines.iter_mut().enumerate() {
            if mask >> i & 1 == 1 {
                line.outside = level(i);
            }
        }
        self.follow();
    }

    pub fn set_pull(&mut self, mask: u32, pull: Option<bool>) {
        for (i, line) in self.lines.iter_mut().enumerate() {
            if mask >> i & 1 == 1 {
                line.pull = pull;
            }
        }
        self.follow();
    }

    pub fn wire(&mut self, a: usize, b: usize) {
        self.unwire(a, b);
        if a != b {
            self.lines[a].wires.push(b);
            self.lines[b].wires.push(a);
        }
        self.follow();
    }

    pub fn unwire(&mut self, a: usize, b: usize) {
        self.lines[a].wires.retain(|&end| end != b);
        self.lines[b].wires.retain(|&end| end != a);
    }

    pub fn levels(&self) -> u32 {
        self.gather(|line| line.level)
    }

    pub fn contended(&self) -> u32 {
        self.gather(|line| line.fought_over)
    }

    pub fn irq(&self) -> bool {
        let generation = self.generation;
        let mut lines = self.lines.iter();
        lines.any(|line| line.let_through && line.requests(generation))
    }

    fn gather(&self, bit: impl Fn(&Line) -> bool) -> u32 {
        let lines = self.lines.iter().enumerate();
        lines.fold(0, |word, (i, line)| word | u32::from(bit(line)) << i)
    }

    fn net(&self, start: usize) -> Vec<usize> {
        let mut net = vec![start];
        let mut next = 0;
        while next < net.len() {
            for &end in &self.lines[net[next]].wires {
                if !net.contains(&end) {
                    net.push(end);
                }
            }
            next += 1;
        }
        net
    }

    fn drivers(&self, net: &[usize]) -> Vec<bool> {
        let lines = net.iter().map(|&i| &self.lines[i]);
        lines.flat_map(|line| [line.chip(), line.outside]).flatten().collect()
    }

    /// Level of a pad, and whether drivers fight over it.
    fn resolved(&self, pad: usize) -> (bool, bool) {
        let net = self.net(pad);
        let drivers = self.drivers(&net);
        if !drivers.is_empty() {
            let high = !drivers.contains(&false);
            return (high, !high && drivers.contains(&true));
        }
        let pulls: Vec<bool> = net.iter().filter_map(|&i| self.lines[i].pull).collect();
        let level = match (pulls.contains(&true), pulls.contains(&false)) {
            (true, false) => true,
            (false, true) => false,
            _ => net.iter().all(|&i| self.lines[i].level),
        };
        (level, false)
    }

    /// Moves every pad to its level, then shows each line the move.
    pub fn follow(&mut self) {
        let resolved: Vec<_> = (0..32).map(|i| self.resolved(i)).collect();
        for (line, (level, fought_over)) in self.lines.iter_mut().zip(resolved) {
            if line.level != level && line.sees_edge(level, self.generation) {
                line.latched = true;
            }
            line.level = level;
            line.fought_over = fought_over;
        }
    }
}
