// SPDX-License-Identifier: MIT OR Apache-2.0
//! A PL061 that shares nothing with the model: eight lines as structs of booleans, addresses spelled out,
//! levels and edges followed line by line.

use vgpio::{Effects, Pl061, Snapshot};

#[derive(Clone, Copy, Default, PartialEq, Debug)]
struct Line {
    output: bool,
    latch: bool,
    level_triggered: bool,
    both: bool,
    high: bool,
    enabled: bool,
    hardware: bool,
    edge_seen: bool,
    pad: bool,
}

impl Line {
    fn driven(self) -> Option<bool> {
        (self.output && !self.hardware).then_some(self.latch)
    }

    fn raw(self) -> bool {
        if self.level_triggered { !self.output && self.pad == self.high } else { self.edge_seen }
    }

    fn interrupts(self) -> bool {
        self.raw() && self.enabled
    }

    fn move_pad(&mut self, level: bool) {
        let moved = self.pad != level;
        self.pad = level;
        if moved && !self.output && !self.level_triggered && (self.both || level == self.high) {
            self.edge_seen = true;
        }
    }
}

type Lines = [Line; 8];

fn byte(lines: &Lines, get: impl Fn(&Line) -> bool) -> u32 {
    (0..8).map(|n| u32::from(get(&lines[n])) << n).sum()
}

/// The value of a load, or nothing if it is a mistake.
fn load(lines: &Lines, offset: u64, size: usize) -> Option<u32> {
    if size != 1 && size != 2 && size != 4 {
        return None;
    }
    match offset {
        0x000..0x400 if offset.is_multiple_of(4) => {
            let mask = u32::try_from(offset / 4).unwrap();
            Some(byte(lines, |line| if line.output { line.latch } else { line.pad }) & mask)
        }
        0x400 => Some(byte(lines, |line| line.output)),
        0x404 => Some(byte(lines, |line| line.level_triggered)),
        0x408 => Some(byte(lines, |line| line.both)),
        0x40c => Some(byte(lines, |line| line.high)),
        0x410 => Some(byte(lines, |line| line.enabled)),
        0x414 => Some(byte(lines, |line| line.raw())),
        0x418 => Some(byte(lines, |line| line.interrupts())),
        0x420 => Some(byte(lines, |line| line.hardware)),
        0xfe0 => Some(0x61),
        0xfe4 => Some(0x10),
        0xfe8 => Some(0x04),
        0xfec => Some(0x00),
        0xff0 => Some(0x0d),
        0xff4 => Some(0xf0),
        0xff8 => Some(0x05),
        0xffc => Some(0xb1),
        _ => None,
    }
}

/// Whether a store is allowed; if so, it is made.
fn store(lines: &mut Lines, offset: u64, size: usize, value: u32) -> bool {
    let in_data = offset < 0x400 && offset.is_multiple_of(4);
    let known = in_data
        || [0x400, 0x404, 0x408, 0x40c, 0x410, 0x41c, 0x420].into_iter().any(|at| at == offset);
    if !known || (size != 1 && size != 2 && size != 4) {
        return false;
    }
    for (n, line) in lines.iter_mut().enumerate() {
        let bit = value >> n & 1 == 1;
        match offset {
            0x400 => line.output = bit,
            0x404 => line.level_triggered = bit,
            0x408 => line.both = bit,
            0x40c => line.high = bit,
            0x410 => line.enabled = bit,
            0x41c => line.edge_seen &= !bit,
            0x420 => line.hardware = bit,
            data if data >> (n + 2) & 1 == 1 => line.latch = bit,
            _ => {}
        }
    }
    true
}

fn reset(lines: &mut Lines) {
    for line in lines {
        *line = Line { pad: line.pad, ..Line::default() };
    }
}

/// The lines of a saved state.
fn saved(snapshot: &Snapshot) -> Lines {
    let [data, direction, sense, both, event, enable, hardware] = snapshot.registers;
    std::array::from_fn(|n| {
        let bit = |byte: u8| byte >> n & 1 == 1;
        Line {
            output: bit(direction),
            latch: bit(data),
            level_triggered: bit(sense),
            both: bit(both),
            high: bit(event),
            enabled: bit(enable),
            hardware: bit(hardware),
            edge_seen: bit(snapshot.edges),
            pad: bit(snapshot.inputs),
        }
    })
}

/// What is done to both.
#[derive(Clone, Debug)]
pub enum Op {
    Load(u64, usize),
    Store(u64, usize, u32),
    Inputs(u8, u8),
    Reset,
    SaveAndRestore,
    /// Back to the state saved here before, if any.
    GoBack,
    /// To a state that may be anybody's.
    Restore(Snapshot),
}

/// What the outside believes after it has followed all effects.
#[derive(Default)]
struct Outside {
    driven: u8,
    bits: u8,
    irq: bool,
}

impl Outside {
    fn follow(&mut self, effects: &Effects) {
        if let Some(levels) = effects.outputs {
            assert!(levels.mask != 0 && levels.bits & !levels.mask == 0);
            assert_eq!(levels.mask & !self.driven, 0, "a level for a line that is not driven");
            assert_eq!((self.bits ^ levels.bits) & levels.mask, levels.mask, "nothing changed");
            self.bits = self.bits & !levels.mask | levels.bits;
        }
        if let Some(turn) = effects.direction {
            assert!(turn.mask != 0 && turn.outputs & !turn.mask == 0);
            assert_eq!(turn.bits & !turn.outputs, 0);
            assert_eq!((self.driven ^ turn.outputs) & turn.mask, turn.mask, "nothing turned");
            self.driven = self.driven & !turn.mask | turn.outputs;
            self.bits = self.bits & !turn.mask | turn.bits;
        }
        if let Some(irq) = effects.irq {
            assert_ne!(irq, self.irq, "the interrupt did not change");
            self.irq = irq;
        }
    }
}

/// The model, the reference, and an outside that follows the effects.
pub struct Bench {
    model: Pl061,
    reference: Lines,
    outside: Outside,
    saved: Option<(Snapshot, Lines)>,
    mistakes: u64,
}

impl Bench {
    pub fn new() -> Self {
        Self {
            model: Pl061::new(),
            reference: Lines::default(),
            outside: Outside::default(),
            saved: None,
            mistakes: 0,
        }
    }

    /// Does it to both, and compares.
    pub fn run(&mut self, op: &Op) {
        let (effects, mistake) = match *op {
            Op::Load(offset, size) => {
                let (value, effects) = self.model.read(offset, size);
                let expected = load(&self.reference, offset, size);
                assert_eq!(value, expected.unwrap_or(0));
                (effects, expected.is_none())
            }
            Op::Store(offset, size, value) => {
                let made = store(&mut self.reference, offset, size, value);
                (self.model.write(offset, size, value), !made)
            }
            Op::Inputs(mask, bits) => {
                for (n, line) in self.reference.iter_mut().enumerate() {
                    if mask >> n & 1 == 1 {
                        line.move_pad(bits >> n & 1 == 1);
                    }
                }
                (self.model.set_inputs(mask, bits), false)
            }
            Op::Reset => {
                reset(&mut self.reference);
                (self.model.reset(), false)
            }
            Op::SaveAndRestore => {
                let snapshot = Snapshot::from_bytes(&self.model.snapshot().to_bytes()).unwrap();
                self.saved = Some((snapshot, self.reference));
                let before = self.model;
                let effects = self.model.restore(&snapshot).unwrap();
                assert_eq!((self.model, effects), (before, Effects::NONE));
                (effects, false)
            }
            Op::GoBack => {
                let Some((snapshot, lines)) = self.saved else {
                    return;
                };
                self.reference = lines;
                (self.model.restore(&snapshot).unwrap(), false)
            }
            Op::Restore(snapshot) => {
                self.reference = saved(&snapshot);
                let effects = self.model.restore(&snapshot).unwrap();
                assert_eq!(self.model.snapshot(), snapshot);
                (effects, false)
            }
        };
        self.check(&effects, mistake);
    }

    fn check(&mut self, effects: &Effects, mistake: bool) {
        self.mistakes += u64::from(mistake);
        assert_eq!(effects.guest_error.is_some(), mistake);
        assert_eq!(self.model.guest_errors(), self.mistakes);

        self.outside.follow(effects);
        let lines = &self.reference;
        let driven = byte(lines, |line| line.driven().is_some());
        let bits = byte(lines, |line| line.driven() == Some(true));
        assert_eq!((u32::from(self.outside.driven), u32::from(self.outside.bits)), (driven, bits));
        let outputs = self.model.outputs();
        assert_eq!((u32::from(outputs.mask), u32::from(outputs.bits)), (driven, bits));
        assert_eq!(u32::from(self.model.irq_lines()), byte(lines, |line| line.interrupts()));
        assert_eq!(self.outside.irq, lines.iter().any(|line| line.interrupts()));
        assert_eq!(self.outside.irq, self.model.irq());
    }
}
