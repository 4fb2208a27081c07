// SPDX-License-Identifier: MIT OR Apache-2.0
//! The outside world of a chip of the kernel's gpio-sim.

use std::sync::atomic::{AtomicU32, Ordering};

use gpiosim::{Bank, Level, Sim};
use vgpio_backend::chip::cdev::{self, Cdev};
use vgpio_backend::chip::{Chip, Offset};

use crate::contract::{BUTTON, HIGH, LINES, OUTPUT, TWINS, take};

/// A gpio-sim chip with a label of its own.
pub struct GpioSim {
    label: String,
    /// Taken out when the chip is removed.
    sim: Option<Sim>,
}

impl GpioSim {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let label = format!("contract-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        Self::labelled(&label)
    }

    pub fn labelled(label: &str) -> Self {
        let mut bank = Bank::new(LINES, label);
        bank.name(BUTTON, "BUTTON");
        for line in TWINS {
            bank.name(line, "TWIN");
        }
        let sim = gpiosim::builder().with_bank(&bank).live().expect("the kernel has gpio-sim");
        Self { label: label.to_owned(), sim: Some(sim) }
    }

    pub fn label(&self) -> &str {
        &self.label
    }

    pub fn outside(&self) -> &gpiosim::Chip {
        let sim = self.sim.as_ref().expect("the chip is not removed");
        &sim.chips()[0]
    }

    pub fn open(&self) -> Cdev {
        cdev::open(&self.label).expect("the chip is there")
    }

    pub fn pull(&self, line: Offset, high: bool) {
        let level = if high { Level::High } else { Level::Low };
        self.outside().set_pull(line, level).expect("the line is there");
    }

    pub fn level(&self, line: Offset) -> bool {
        self.outside().get_level(line).expect("the line is there") == Level::High
    }

    /// gpio-sim leaves a line an output when it is given back, at the level that pulls it
    /// (`gpio_sim_free`).
    pub fn preset_output(&self, line: Offset, high: bool) {
        self.pull(line, high);
        take(&mut self.open() as &mut dyn Chip, &[line], if high { HIGH } else { OUTPUT });
    }

    pub fn remove(&mut self) {
        self.sim = None;
    }
}
