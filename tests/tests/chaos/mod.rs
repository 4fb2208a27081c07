// SPDX-License-Identifier: MIT OR Apache-2.0
//! A daemon with two chips, guests that have lines of both, and what happens to all of them.

mod board;
mod fault;
mod held;
mod machine;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::fs;
use std::rc::Rc;
use std::thread;
use std::time::Instant;

use fastrand::Rng;
use tempfile::TempDir;
use vgpio_tests::harness::{Daemon, GpioSim, LABEL, Wire, deadline, folder};

use board::Board;
use fault::Fault;
use held::Held;
use machine::Virtual;

/// The chips: one is used by the daemon itself, the other, as if it could sleep, by a thread of it.
const CHIPS: [&str; 2] = [LABEL, "elsewhere"];
/// The guests that are no machines, half of them on each chip.
const BOARDS: usize = 4;
/// Connections that are not served stay open during so many faults.
const STALLED: usize = 3;
/// What they call themselves.
const STALLER: &str = "stalled";
/// The guest of QEMU sets its lines once in so many times: a command in it takes long.
const SELDOM: u32 = 8;
/// Of so many of the last faults is told when something is wrong.
const TOLD: usize = 8;

pub struct Stage {
    seed: u64,
    random: Rng,
    folder: Rc<TempDir>,
    options: Vec<String>,
    /// `None` only while it is replaced.
    daemon: Option<Daemon>,
    chips: [GpioSim; 2],
    boards: Vec<Board>,
    machine: Virtual,
    /// Connections that somebody has opened and does not care for.
    stalled: VecDeque<Wire>,
    /// What the daemon has while nothing happens.
    quiet: Option<Held>,
    suffered: BTreeMap<Fault, u64>,
    last: VecDeque<Fault>,
}

impl Stage {
    pub fn new(seed: u64) -> Self {
        let folder = Rc::new(folder());
        let chips = CHIPS.map(GpioSim::labelled);
        let config = folder.path().join("vgpio.toml");
        fs::write(&config, configuration()).expect("a folder for temporary files");
        let options = ["--config", &config.display().to_string(), "--keep", "keeper"]
            .map(str::to_owned)
            .to_vec();
        let daemon = Daemon::start_in(&folder, &options);
        let mut random = Rng::with_seed(seed);
        let boards = (0..BOARDS).map(|number| Board::new(number, &daemon, &mut random)).collect();
        let machine = Virtual::boot(&daemon);
        let mut stage = Self {
            seed,
            random,
            folder,
            options,
            daemon: Some(daemon),
            chips,
            boards,
            machine,
            stalled: VecDeque::new(),
            quiet: None,
            suffered: BTreeMap::new(),
            last: VecDeque::new(),
        };
        stage.check();
        stage
    }

    /// Something fails, and the guests go on before, during and after it.
    pub fn suffer(&mut self) {
        let fault = Fault::draw(&mut self.random);
        *self.suffered.entry(fault).or_default() += 1;
        self.last.push_back(fault);
        if self.last.len() > TOLD {
            self.last.pop_front();
        }
        self.bustle();
        self.happen(fault);
        self.bustle();
        if self.stalled.len() > STALLED {
            self.stalled.pop_front();
        }
    }

    /// Guests set their outputs, and the world beyond pulls their inputs.
    fn bustle(&mut self) {
        self.bustle_outputs();
        for board in &mut self.boards {
            board.pull(&mut self.chips[board.chip()], self.random.u8(..));
        }
        let levels = [(); 2].map(|()| self.random.bool());
        self.machine.pull(&mut self.chips[Virtual::CHIP], levels);
    }

    /// Guests set their outputs, some of them several times.
    fn bustle_outputs(&mut self) {
        for board in &mut self.boards {
            for _ in 0..self.random.u32(1..4) {
                board.set(self.random.u8(..));
            }
        }
        if self.random.u32(..SELDOM) == 0 {
            self.machine.set(self.random.u64(..4));
        }
    }

    /// Waits until every promise is kept.
    pub fn check(&mut self) {
        let end = deadline();
        loop {
            for board in &mut self.boards {
                board.settles(&mut self.chips[board.chip()]);
            }
            self.machine.settles(&mut self.chips[Virtual::CHIP]);
            let daemon = self.daemon.as_ref().expect("it is replaced by now");
            let now = Held::of(daemon, &mut self.chips);
            let Some(quiet) = &self.quiet else {
                self.quiet = Some(now);
                return;
            };
            // A guest may not yet have seen that it has lost its daemon.
            if now.is_as(quiet, self.stalled.len()) {
                return;
            }
            let stalled = self.stalled.len();
            assert!(Instant::now() < end, "{stalled} connections; {now:#?}, before {quiet:#?}");
        }
    }

    fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().expect("it is replaced by now")
    }

    /// How often what was suffered.
    pub fn end(self) -> String {
        let mut text = format!("chaos with seed {}:\n", self.seed);
        for (fault, count) in &self.suffered {
            writeln!(text, "{count:>7}  {fault:?}").expect("memory takes it");
        }
        let total: u64 = self.suffered.values().sum();
        write!(text, "{total:>7}  faults; levels wrong, edges lost at the end, leaks: 0")
            .expect("memory takes it");
        text
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("VGPIO_CHAOS_SEED={}, the last faults: {:?}", self.seed, self.last);
        }
    }
}

/// What the daemon lends: eight lines for each guest, of which it drives the first four.
fn configuration() -> String {
    let mut text = String::new();
    for (chip, blocking) in CHIPS.iter().zip(["no", "yes"]) {
        writeln!(text, "[[chip]]\nchip = '{chip}'\nblocking = '{blocking}'")
            .expect("memory takes it");
    }
    for number in 0..BOARDS {
        let (chip, first) = (CHIPS[board::chip(number)], board::first(number));
        let map = format!("{chip},vgpios=0-7,gpios={first}-{},safe=low", first + 7);
        writeln!(text, "[[export]]\nname = 'board{number}'\nmap = '{map}'")
            .expect("memory takes it");
    }
    writeln!(text, "{}", machine::export()).expect("memory takes it");
    text
}
