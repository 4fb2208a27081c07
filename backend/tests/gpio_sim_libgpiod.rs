// SPDX-License-Identifier: MIT OR Apache-2.0
//! The contract of chips on libgpiod, with the kernel's gpio-sim behind it.

mod contract;
#[path = "contract/gpio_sim.rs"]
mod gpio_sim;

use contract::Bench;
use vgpio_backend::chip::{Chip, Offset, libgpiod};

use gpio_sim::GpioSim;

struct LibgpiodBench(GpioSim);

impl Bench for LibgpiodBench {
    /// gpio-sim keeps the level of a line that was an output (`gpio_sim_direction_input`).
    const FLOATS: bool = false;

    fn new() -> Self {
        Self(GpioSim::new())
    }

    fn chip(&self) -> Box<dyn Chip> {
        Box::new(libgpiod::open(self.0.label()).expect("the chip is there"))
    }

    fn pull(&self, line: Offset, high: bool) {
        self.0.pull(line, high);
    }

    fn level(&self, line: Offset) -> bool {
        self.0.level(line)
    }

    fn preset_output(&self, line: Offset, high: bool) {
        self.0.preset_output(line, high);
    }

    fn remove(&mut self) {
        self.0.remove();
    }
}

contract_tests!(LibgpiodBench);
