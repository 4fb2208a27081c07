// SPDX-License-Identifier: MIT OR Apache-2.0
//! The block's driver: the register accesses of Linux `drivers/gpio/gpio-rcar.c` (6.12), in its order.

use crate::block::Block;
use crate::effects::Effects;
use crate::line::Line;
use crate::regs::{Generation, Reg};

/// 32-bit register accesses at byte offsets in a block's window.
pub trait Mmio {
    /// Reads the register at `offset`.
    fn read32(&mut self, offset: u32) -> u32;
    /// Writes `value` to the register at `offset`.
    fn write32(&mut self, offset: u32, value: u32);
}

/// The model as [`Mmio`]: collects the effects of the writes.
#[derive(Clone, Debug)]
pub struct Bus {
    /// The block; its other calls (pads, reset, snapshot) return their effects directly.
    pub block: Block,
    effects: Effects,
}

impl Bus {
    /// A bus with `block` on it.
    #[must_use]
    pub fn new(block: Block) -> Self {
        let effects = Effects::default();
        Self { block, effects }
    }

    /// The effects of all writes since the last call, in one.
    pub fn take_effects(&mut self) -> Effects {
        std::mem::take(&mut self.effects)
    }
}

impl Mmio for Bus {
    /// Reserved offsets read as 0.
    #[inline]
    fn read32(&mut self, offset: u32) -> u32 {
        self.block.read(offset.into(), 4).unwrap_or(0)
    }

    /// Writes to reserved offsets are dropped.
    #[inline]
    fn write32(&mut self, offset: u32, value: u32) {
        if let Ok(effects) = self.block.write(offset.into(), 4, value) {
            self.effects = self.effects.then(effects);
        }
    }
}

/// Direction of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Input.
    Input,
    /// Output.
    Output,
}

/// What raises a line's interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The edge from low to high.
    Rising,
    /// The edge from high to low.
    Falling,
    /// Each edge.
    Both,
    /// The high level, as long as it lasts.
    High,
    /// The low level, as long as it lasts.
    Low,
}

/// A driver of one block behind `M`.
#[derive(Clone, Debug)]
pub struct Driver<M> {
    mmio: M,
    generation: Generation,
}

impl<M: Mmio> Driver<M> {
    /// Takes over the block. On Gen4 it switches all inputs on in INEN, as Linux does when it probes.
    pub fn new(mut mmio: M, generation: Generation) -> Self {
        if generation.has_input_enable() {
            let enabled = mmio.read32(Reg::InEn.offset());
            mmio.write32(Reg::InEn.offset(), enabled | u32::MAX);
        }
        Self { mmio, generation }
    }

    /// The way to the registers.
    pub fn mmio(&self) -> &M {
        &self.mmio
    }

    /// The way to the registers, to change what is behind it (the outside of pads).
    pub fn mmio_mut(&mut self) -> &mut M {
        &mut self.mmio
    }

    /// Direction of `line`. A line in interrupt mode counts by its INOUTSEL bit, as in Linux.
    pub fn direction(&mut self, line: Line) -> Direction {
        if self.read(Reg::InOutSel) & line.mask() == 0 {
            Direction::Input
        } else {
            Direction::Output
        }
    }

    /// Makes `line` an input in general mode.
    pub fn direction_input(&mut self, line: Line) {
        self.general_mode(line, Direction::Input);
    }

    /// Makes `line` an output that begins with `value`: the value is written before the direction.
    pub fn direction_output(&mut self, line: Line, value: bool) {
        self.set(line, value);
        self.general_mode(line, Direction::Output);
    }

    /// Sets the output data of `line`.
    pub fn set(&mut self, line: Line, value: bool) {
        self.modify(Reg::OutDt, line, value);
    }

    /// Sets the output data of the lines in `mask` to `bits` by one write.
    pub fn set_multiple(&mut self, mask: u32, bits: u32) {
        if mask != 0 {
            let data = self.read(Reg::OutDt);
            self.write(Reg::OutDt, (data & !mask) | (bits & mask));
        }
    }

    /// Level of `line`; on Gen2 the output data if it is an output.
    pub fn get(&mut self, line: Line) -> bool {
        let from_data =
            !self.generation.reads_back_outputs() && self.direction(line) == Direction::Output;
        let reg = if from_data { Reg::OutDt } else { Reg::InDt };
        self.read(reg) & line.mask() != 0
    }

    /// Levels of the lines in `mask`, 0 elsewhere; on Gen2 the output data of those that are outputs.
    pub fn get_multiple(&mut self, mask: u32) -> u32 {
        if mask == 0 {
            return 0;
        }
        if self.generation.reads_back_outputs() {
            return self.read(Reg::InDt) & mask;
        }
        let outputs = self.read(Reg::InOutSel);
        let mut levels = 0;
        if mask & outputs != 0 {
            levels |= self.read(Reg::OutDt) & mask & outputs;
        }
        if mask & !outputs != 0 {
            levels |= self.read(Reg::InDt) & mask & !outputs;
        }
        levels
    }

    /// Puts `line` into interrupt mode. Edges from before are dropped. Whether the interrupt is let
    /// through is up to [`Self::irq_enable`] and [`Self::irq_disable`].
    pub fn irq_type(&mut self, line: Line, trigger: Trigger) {
        let edge = !matches!(trigger, Trigger::High | Trigger::Low);
        let negative = matches!(trigger, Trigger::Falling | Trigger::Low);
        self.modify(Reg::PosNeg, line, negative);
        self.modify(Reg::EdgLevel, line, edge);
        self.modify(Reg::BothEdge, line, trigger == Trigger::Both);
        self.modify(Reg::IoIntSel, line, true);
        if edge {
            self.write(Reg::IntClr, line.mask());
        }
    }

    /// Lets the interrupt of `line` through.
    pub fn irq_enable(&mut self, line: Line) {
        self.write(Reg::MskClr, line.mask());
    }

    /// Masks the interrupt of `line`.
    pub fn irq_disable(&mut self, line: Line) {
        self.write(Reg::IntMsk, !line.mask());
    }

    /// Lines whose interrupt is requested and let through.
    pub fn pending(&mut self) -> u32 {
        self.read(Reg::IntDt) & self.read(Reg::IntMsk)
    }

    /// Interrupt handler: acknowledges the pending lines, lowest first, and returns those that fired.
    ///
    /// A level that lasts stays pending: each line fires once a call, and the caller masks it until
    /// it has been dealt with, as Linux' `handle_level_irq` does.
    pub fn handle_irq(&mut self) -> u32 {
        let mut fired = 0;
        while let Some(line) = Line::lowest(self.pending() & !fired) {
            self.write(Reg::IntClr, line.mask());
            fired |= line.mask();
        }
        fired
    }

    fn general_mode(&mut self, line: Line, direction: Direction) {
        let output = direction == Direction::Output;
        self.modify(Reg::PosNeg, line, false);
        self.modify(Reg::IoIntSel, line, false);
        self.modify(Reg::InOutSel, line, output);
        if output {
            self.modify(Reg::OutDtSel, line, false);
        }
    }

    fn modify(&mut self, reg: Reg, line: Line, one: bool) {
        let word = self.read(reg);
        let bit = if one { line.mask() } else { 0 };
        self.write(reg, (word & !line.mask()) | bit);
    }

    #[inline]
    fn read(&mut self, reg: Reg) -> u32 {
        self.mmio.read32(reg.offset())
    }

    #[inline]
    fn write(&mut self, reg: Reg, value: u32) {
        self.mmio.write32(reg.offset(), value);
    }
}
