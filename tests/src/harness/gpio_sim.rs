// SPDX-License-Identifier: MIT OR Apache-2.0
//! The world beyond a chip of the kernel's gpio-sim, moved and seen through its own sysfs files
//! (Linux, `Documentation/admin-guide/gpio/gpio-sim.rst`).

use std::env;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use gpiocdev::line;
use gpiosim::{Bank, Sim};
use nix::fcntl::{Flock, FlockArg};
use tempfile::NamedTempFile;
use vgpio_backend::chip::LineInfo;
use vgpio_protocol::{Bias, Direction, Drive, EdgeDetection};

use super::{Daemon, LABEL, LINES, NAMES, Outside, Witness};

/// A gpio-sim chip. There is one of its label at a time, whatever tests run beside this one.
///
/// With `BLOCKING`, daemons are told that its operations can sleep, so that they use it from a
/// worker thread.
pub struct GpioSim<const BLOCKING: bool = false> {
    sim: Sim,
    /// The configuration that says so.
    config: NamedTempFile,
    /// Its name, `gpiochip0`, and its folder in sysfs.
    place: Place,
    _only_one: Flock<File>,
}

struct Place {
    name: String,
    folder: PathBuf,
}

impl<const BLOCKING: bool> GpioSim<BLOCKING> {
    /// A chip of another label.
    pub fn labelled(label: &str) -> Self {
        let path = env::temp_dir().join(format!("vgpio-gpio-sim-{label}.lock"));
        let lock = File::create(&path).expect("a folder for temporary files");
        let lock = Flock::lock(lock, FlockArg::LockExclusive).expect("the lock can be had");
        let mut bank = Bank::new(LINES, label);
        for (offset, name) in NAMES {
            bank.name(offset, name);
        }
        let sim = gpiosim::builder().with_bank(&bank).live().expect("the kernel has gpio-sim");
        let place = Place::of(&sim);
        let config = NamedTempFile::new().expect("a folder for temporary files");
        let blocking = if BLOCKING { "yes" } else { "no" };
        let text = format!("[[chip]]\nchip = '{label}'\nblocking = '{blocking}'\n");
        fs::write(&config, text).expect("a folder for temporary files");
        Self { sim, config, place, _only_one: lock }
    }

    /// Its name: `gpiochip0`.
    pub fn name(&self) -> &str {
        &self.place.name
    }

    /// Its device.
    pub fn device(&self) -> PathBuf {
        Path::new("/dev").join(self.name())
    }

    /// Removes the chip from the system.
    pub fn remove(&mut self) {
        self.set_live("0");
    }

    /// Brings it back. The kernel makes it anew: its lines are inputs that are pulled low.
    pub fn bring_back(&mut self) {
        self.set_live("1");
        self.place = Place::of(&self.sim);
    }

    fn set_live(&self, live: &str) {
        fs::write(configfs(&self.sim).join("live"), live).expect("gpio-sim's configfs");
    }

    /// What reads the level of a line again and again, by one system call each.
    pub fn probe(&self, offset: u32) -> impl Fn() -> bool + Send + use<BLOCKING> {
        let file = File::open(self.attribute(offset, "value")).expect("the line is there");
        move || {
            let mut level = [0];
            assert_eq!(file.read_at(&mut level, 0).expect("the line is there"), 1);
            level == *b"1"
        }
    }

    /// What looks at a line from now on.
    pub fn witness(&self, offset: u32) -> Witness {
        Witness::new(self.device(), offset, self.probe(offset))
    }

    fn attribute(&self, offset: u32, name: &str) -> PathBuf {
        self.place.folder.join(format!("sim_gpio{offset}/{name}"))
    }
}

impl Place {
    fn of(sim: &Sim) -> Self {
        let read = |path: PathBuf| {
            let text = fs::read_to_string(&path);
            text.unwrap_or_else(|e| panic!("{}: {e}", path.display())).trim().to_owned()
        };
        let device = read(configfs(sim).join("dev_name"));
        let name = read(configfs(sim).join("bank0/chip_name"));
        let folder = Path::new("/sys/devices/platform").join(device).join(&name);
        Self { name, folder }
    }
}

fn configfs(sim: &Sim) -> PathBuf {
    Path::new("/sys/kernel/config/gpio-sim").join(sim.name())
}

fn pull_word(high: bool) -> &'static str {
    if high { "pull-up" } else { "pull-down" }
}

impl<const BLOCKING: bool> Outside for GpioSim<BLOCKING> {
    fn new() -> Self {
        Self::labelled(LABEL)
    }

    fn options(&self) -> Vec<String> {
        vec!["--config".to_owned(), self.config.path().display().to_string()]
    }

    fn meet(&mut self, _: &Daemon) {}

    fn called(&self) -> Vec<String> {
        let name = self.name().to_owned();
        let number = name.trim_start_matches("gpiochip").to_owned();
        vec![LABEL.to_owned(), name, number, self.device().display().to_string()]
    }

    fn level(&mut self, offset: u32) -> bool {
        let value = fs::read_to_string(self.attribute(offset, "value"));
        match value.expect("the line is there").trim() {
            "0" => false,
            "1" => true,
            other => panic!("line {offset} has the value {other}"),
        }
    }

    fn pull(&mut self, offset: u32, high: bool) {
        fs::write(self.attribute(offset, "pull"), pull_word(high)).expect("the line is there");
    }

    fn wiggle(&mut self, offset: u32, times: u32) {
        let file = OpenOptions::new().write(true).open(self.attribute(offset, "pull"));
        let file = file.expect("the line is there");
        for i in 0..times {
            file.write_all_at(pull_word(i % 2 == 0).as_bytes(), 0).expect("the line is there");
        }
    }

    fn info(&mut self, offset: u32) -> LineInfo {
        let chip = gpiocdev::Chip::from_path(self.device()).expect("the chip is there");
        let info = chip.line_info(offset).expect("the line is there");
        LineInfo {
            offset: info.offset,
            name: info.name,
            consumer: info.used.then_some(info.consumer),
            direction: match info.direction {
                line::Direction::Input => Direction::Input,
                line::Direction::Output => Direction::Output,
            },
            active_low: info.active_low,
            bias: match info.bias {
                None => Bias::AsIs,
                Some(line::Bias::Disabled) => Bias::Disabled,
                Some(line::Bias::PullUp) => Bias::PullUp,
                Some(line::Bias::PullDown) => Bias::PullDown,
            },
            drive: match info.drive {
                None | Some(line::Drive::PushPull) => Drive::PushPull,
                Some(line::Drive::OpenDrain) => Drive::OpenDrain,
                Some(line::Drive::OpenSource) => Drive::OpenSource,
            },
            edges: match info.edge_detection {
                None => EdgeDetection::None,
                Some(line::EdgeDetection::RisingEdge) => EdgeDetection::Rising,
                Some(line::EdgeDetection::FallingEdge) => EdgeDetection::Falling,
                Some(line::EdgeDetection::BothEdges) => EdgeDetection::Both,
            },
            debounce: info.debounce_period.filter(|period| !period.is_zero()),
        }
    }
}
