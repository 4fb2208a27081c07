// SPDX-License-Identifier: MIT OR Apache-2.0
//! The contract of chips on the kernel's character device, with gpio-sim behind it; and how
//! chips are found.

mod contract;
#[path = "contract/gpio_sim.rs"]
mod gpio_sim;

use contract::{Bench, INPUT, LINES};
use nix::unistd::{Uid, setfsuid};
use vgpio_backend::chip::cdev::{self, Cdev};
use vgpio_backend::chip::{Cause, Chip, ChipError, Offset};

use gpio_sim::GpioSim;

struct CdevBench(GpioSim);

impl Bench for CdevBench {
    /// gpio-sim keeps the level of a line that was an output (`gpio_sim_direction_input`).
    const FLOATS: bool = false;

    fn new() -> Self {
        Self(GpioSim::new())
    }

    fn chip(&self) -> Box<dyn Chip> {
        Box::new(self.0.open())
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

contract_tests!(CdevBench);

#[test]
fn a_chip_is_found_by_label_name_number_and_path() {
    let sim = GpioSim::new();
    let name = &sim.outside().chip_name;
    let number = name.strip_prefix("gpiochip").expect("the kernel's names are such");
    let path = sim.outside().dev_path().display().to_string();
    for text in [sim.label(), name, number, &path] {
        let chip = cdev::open(text).expect("the chip is there");
        let info = chip.info();
        assert_eq!((info.label.as_str(), info.lines), (sim.label(), LINES), "{text}");
        assert_eq!((&info.name, chip.path()), (name, sim.outside().dev_path().as_path()), "{text}");
    }
}

#[test]
fn all_chips_are_listed() {
    let sims = [GpioSim::new(), GpioSim::new()];
    let labels: Vec<_> = cdev::list().into_iter().flatten().map(|chip| chip.label).collect();
    assert!(sims.iter().all(|sim| labels.iter().any(|label| label == sim.label())), "{labels:?}");
}

#[test]
fn a_missing_chip_names_those_there_are() {
    let sim = GpioSim::new();
    for missing in ["no-such-label", "/dev/gpiochip4095", "4095"] {
        let error = refusal(missing);
        match error.cause {
            Cause::NoChip { available } => {
                assert!(available.iter().any(|label| label == sim.label()));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn two_chips_of_one_label_are_named() {
    let sims = [GpioSim::labelled("twins"), GpioSim::labelled("twins")];
    match refusal("twins").cause {
        Cause::Ambiguous { mut names } => {
            let mut expected = sims.map(|sim| sim.outside().chip_name.clone());
            names.sort();
            expected.sort();
            assert_eq!(names, expected);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_device_that_is_not_for_this_user_is_named() {
    let sim = GpioSim::new();
    let path = sim.outside().dev_path().display().to_string();
    // Of this thread alone, with the capabilities that override access.
    let root = setfsuid(Uid::from_raw(65_534));
    let refused = [&path, sim.label()].map(cdev::open);
    setfsuid(root);
    for error in refused.map(|refused| refused.expect_err("the device is root's")) {
        match error.cause {
            Cause::Permission { path: device } => assert!(device.starts_with("/dev/gpiochip")),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_chip_that_comes_back_is_another_one() {
    let mut sim = GpioSim::new();
    let mut chip = sim.open();
    sim.remove();
    assert!(matches!(
        chip.request(&[(0, INPUT)], "contract").err().expect("it is gone").cause,
        Cause::Gone
    ));
    let back = GpioSim::labelled(sim.label());
    let mut chip: Cdev = back.open();
    chip.request(&[(0, INPUT)], "contract").expect("it is back");
}

#[test]
fn gpio_sim_does_not_sleep_for_long() {
    let sim = GpioSim::new();
    assert!(!cdev::may_sleep(&sim.outside().chip_name));
}

fn refusal(text: &str) -> ChipError {
    cdev::open(text).expect_err("there is no such chip")
}
