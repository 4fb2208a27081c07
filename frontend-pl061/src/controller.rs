// SPDX-License-Identifier: MIT OR Apache-2.0
//! The PL061 on a backend's lines: the register model and the line client put together.
//!
//! ```no_run
//! use vgpio::client::{Lines, Options};
//! use vgpio::controller::{Notice, Pl061Controller};
//!
//! let map = "e6055400.gpio,vgpios=0:1:2,gpios=11:12:13";
//! let mut gpio = Pl061Controller::new(Options::new(Lines::Map(map.into())))?;
//! // Without a daemon the guest runs on; its lines follow when there is one.
//! if let Err(error) = gpio.connect() {
//!     eprintln!("{}", error.chain());
//! }
//!
//! // A guest store: line 0 becomes an output.
//! let outcome = gpio.write(0x400, 1, 0x01);
//! assert_eq!(outcome.irq, None);
//!
//! // The main loop, when the client's descriptor is ready or its deadline has come.
//! gpio.process(&mut |notice| {
//!     if let Notice::Irq(level) = notice {
//!         println!("interrupt {level}");
//!     }
//! });
//! # Ok::<(), vgpio::client::OptionsError>(())
//! ```
#![forbid(unsafe_code)]

use std::time::Instant;

use crate::client::{Client, Error, Event, Options, OptionsError};
use crate::effects::{Directions, Effects, GuestError, Levels};
use crate::model::Pl061;
use crate::snapshot::{Snapshot, SnapshotError};

/// Lines of a PL061.
const GUEST_LINES: u8 = 8;

/// A PL061 whose lines are those of a backend. Lines that the attachment does not name are
/// unconnected pins: they read 0 as inputs, and drive nothing.
#[derive(Debug)]
pub struct Pl061Controller {
    model: Pl061,
    client: Client,
    map: Map,
}

/// What a guest access, a reset or a restore means for the VMM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "the guest expects its interrupt to follow"]
pub struct Outcome {
    /// The new level of the interrupt, if it changed.
    pub irq: Option<bool>,
    /// What the guest did wrong, if it did.
    pub guest_error: Option<GuestError>,
}

/// What a controller tells while the main loop has it [`process`](Pl061Controller::process).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The new level of the interrupt.
    Irq(bool),
    /// What happened to the client.
    Client(Event),
}

impl Pl061Controller {
    /// A controller after reset, not yet connected.
    ///
    /// # Errors
    /// [`OptionsError`]; [`OptionsError::NoGuestLine`] for a line map that names a vgpio above 7. An
    /// export that does so is not attached: [`Error::NoGuestLine`].
    pub fn new(options: Options) -> Result<Self, OptionsError> {
        let client = Client::new(Options { guest_lines: GUEST_LINES.into(), ..options })?;
        Ok(Self { model: Pl061::new(), map: Map::new(client.vgpios()), client })
    }

    /// Connects to the backend now.
    ///
    /// # Errors
    /// As [`Client::connect`], which tries again later.
    pub fn connect(&mut self) -> Result<(), Error> {
        self.client.connect()
    }

    /// The client: for its descriptor, deadline, state and counters.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The register model.
    #[must_use]
    pub fn model(&self) -> &Pl061 {
        &self.model
    }

    /// A guest load, as [`Pl061::read`]. It asks nobody.
    pub fn read(&mut self, offset: u64, size: usize) -> (u32, Outcome) {
        let (value, effects) = self.model.read(offset, size);
        (value, self.apply(effects))
    }

    /// A guest store, as [`Pl061::write`]; at most one message to the backend.
    pub fn write(&mut self, offset: u64, size: usize, value: u32) -> Outcome {
        let effects = self.model.write(offset, size, value);
        self.apply(effects)
    }

    /// The guest is reset: its outputs become inputs.
    pub fn reset(&mut self) -> Outcome {
        let effects = self.model.reset();
        self.apply(effects)
    }

    /// The state of the controller. That of the connection is no part of it.
    #[must_use]
    pub fn save(&self) -> Snapshot {
        self.model.snapshot()
    }

    /// Takes over a saved state: the lines get the directions and levels of it, and the inputs the
    /// levels that the lines have here.
    ///
    /// # Errors
    /// [`SnapshotError`]; nothing changes then.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<Outcome, SnapshotError> {
        let before = self.model.irq();
        let _led_to_by_what_follows = self.model.restore(snapshot)?;
        self.drive(u8::MAX);
        if !self.client.lines().is_empty() {
            let inputs = self.map.to_guest(self.client.levels());
            let _told_below = self.model.set_inputs(u8::MAX, inputs);
        }
        let now = self.model.irq();
        Ok(Outcome { irq: (before != now).then_some(now), guest_error: None })
    }

    /// Does what is due, without waiting, and tells what happened. To be called when the client's
    /// descriptor is ready or its deadline has come.
    pub fn process(&mut self, on_notice: &mut impl FnMut(Notice)) {
        self.client.advance();
        while let Some(event) = self.client.next_event() {
            let effects = self.take(&event);
            on_notice(Notice::Client(event));
            if let Some(irq) = self.apply(effects).irq {
                on_notice(Notice::Irq(irq));
            }
        }
    }

    /// Waits until something has happened and tells it, as [`Client::wait`] does. For tests, and for
    /// programs without a main loop.
    pub fn wait(&mut self, deadline: Instant, on_notice: &mut impl FnMut(Notice)) -> bool {
        let mut happened = false;
        loop {
            self.process(&mut |notice| {
                happened = true;
                on_notice(notice);
            });
            if happened || !self.client.sleep(deadline) {
                return happened;
            }
        }
    }

    fn take(&mut self, event: &Event) -> Effects {
        match event {
            Event::Connected => self.take_lines(),
            Event::Edge(edge) => {
                let line = 1 << (edge.line & 63);
                let level = if edge.active { line } else { 0 };
                self.take_levels(line, level)
            }
            Event::Levels { changed, values } => self.take_levels(*changed, values.bits),
            _ => Effects::NONE,
        }
    }

    fn take_levels(&mut self, mask: u64, bits: u64) -> Effects {
        let (mask, bits) = (self.map.to_guest(mask), self.map.to_guest(bits));
        self.model.set_inputs(mask, bits & mask)
    }

    /// Which lines an export has is known only now, and may change when the daemon is started anew. So
    /// may what it allows: outputs that it refused before are asked for again.
    fn take_lines(&mut self) -> Effects {
        if self.map.vgpios == self.client.vgpios() {
            let driven = self.map.to_guest(self.client.outputs());
            self.drive(self.model.outputs().mask & !driven);
            return Effects::NONE;
        }
        self.map = Map::new(self.client.vgpios());
        self.drive(self.model.outputs().mask);
        let inputs = self.map.to_guest(self.client.levels());
        self.model.set_inputs(u8::MAX, inputs)
    }

    /// Gives the lines in `mask` the directions and levels of the model.
    fn drive(&mut self, mask: u8) {
        let Levels { mask: driven, bits } = self.model.outputs();
        self.configure(mask, driven & mask, bits & mask);
    }

    fn configure(&mut self, mask: u8, outputs: u8, bits: u8) {
        let lines = |guest| self.map.to_lines(guest);
        let (mask, outputs, bits) = (lines(mask), lines(outputs), lines(bits));
        if mask != 0 {
            self.client.configure_directions(mask, outputs, bits);
        }
    }

    fn apply(&mut self, effects: Effects) -> Outcome {
        if let Some(Directions { mask, outputs, bits }) = effects.direction {
            let moved = effects.outputs.unwrap_or_default();
            self.configure(mask | moved.mask, outputs | moved.mask, bits | moved.bits);
            self.feed_back(outputs | moved.mask, bits | moved.bits);
        } else if let Some(Levels { mask, bits }) = effects.outputs {
            let (lines, levels) = (self.map.to_lines(mask), self.map.to_lines(bits));
            if lines != 0 {
                self.client.set(lines, levels);
            }
            self.feed_back(mask, bits);
        }
        Outcome { irq: effects.irq, guest_error: effects.guest_error }
    }

    /// A driven pin has the driven level: when it turns to an input, that is what it starts from.
    fn feed_back(&mut self, outputs: u8, bits: u8) {
        let mask = outputs & self.map.to_guest(u64::MAX);
        let _an_output_has_no_edge = self.model.set_inputs(mask, bits & mask);
    }
}

/// Guest lines to lines of the attachment and back.
#[derive(Debug)]
struct Map {
    vgpios: Vec<u16>,
}

impl Map {
    fn new(vgpios: &[u16]) -> Self {
        Self { vgpios: vgpios.to_vec() }
    }

    fn pairs(&self) -> impl Iterator<Item = (u64, u8)> {
        let numbered = self.vgpios.iter().take(GUEST_LINES.into()).enumerate();
        numbered.map(|(line, vgpio)| (1 << line, 1 << (vgpio & 7)))
    }

    fn to_lines(&self, guest: u8) -> u64 {
        let chosen = self.pairs().filter(|(_, bit)| guest & bit != 0);
        chosen.fold(0, |set, (line, _)| set | line)
    }

    fn to_guest(&self, lines: u64) -> u8 {
        let chosen = self.pairs().filter(|(line, _)| lines & line != 0);
        chosen.fold(0, |set, (_, bit)| set | bit)
    }
}
