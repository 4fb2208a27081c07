// SPDX-License-Identifier: MIT OR Apache-2.0
//! The contract of chips on the simulated R-Car block, each generation.

mod contract;

use contract::{BUTTON, Bench, TWINS};
use vgpio_backend::chip::sim::{SimBlock, SimOptions};
use vgpio_backend::chip::{Chip, Offset};
use vgpio_rcar::{Generation, Pull};

/// Of generation 2, 3 or 4.
struct SimBench<const GENERATION: u8>(SimBlock);

impl<const GENERATION: u8> Bench for SimBench<GENERATION> {
    const FLOATS: bool = true;

    fn new() -> Self {
        let generation = match GENERATION {
            2 => Generation::Gen2,
            3 => Generation::Gen3,
            _ => Generation::Gen4,
        };
        let twins = TWINS.map(|line| (line, "TWIN".to_owned()));
        Self(SimBlock::new(SimOptions {
            generation,
            name: "sim0".into(),
            label: "contract".into(),
            names: [(BUTTON, "BUTTON".to_owned())].into_iter().chain(twins).collect(),
        }))
    }

    fn chip(&self) -> Box<dyn Chip> {
        Box::new(self.0.chip())
    }

    fn pull(&self, line: Offset, high: bool) {
        self.0.pull(line, if high { Pull::Up } else { Pull::Down }).expect("the line is there");
    }

    fn level(&self, line: Offset) -> bool {
        self.0.level(line).expect("the line is there")
    }

    fn preset_output(&self, line: Offset, high: bool) {
        self.0.preset_output(line, high).expect("the line is there");
    }

    fn remove(&mut self) {
        self.0.unplug();
    }
}

mod gen2 {
    use super::*;
    contract_tests!(SimBench<2>);
}

mod gen3 {
    use super::*;
    contract_tests!(SimBench<3>);
}

mod gen4 {
    use super::*;
    contract_tests!(SimBench<4>);
}
