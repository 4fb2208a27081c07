// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who holds which host lines, and every operation on them.
//!
//! The hub knows chips and lines. Of sessions it knows keys, to fan out what the lines
//! tell; it never sees a message.

mod adopt;
mod chips;
mod claim;
mod failure;
mod group;
mod hold;
mod jobs;
mod keep;
mod leave;
mod operate;
mod restore;
mod route;
mod take;
mod toggles;

use std::collections::HashMap;

use mio::Registry;
use slab::Slab;

pub use chips::{Chips, offset_of};
pub use claim::{Claim, Claimant, Link, in_session};
pub use failure::Failure;
pub use hold::{Hold, User};
pub use jobs::Completed;
pub use operate::{Origin, Step};
pub use restore::{LostLines, Restored};
pub use route::Route;

use crate::chip::{Chip, Offset};
use crate::keep::Store;
use hold::Held;

/// A chip in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChipKey(usize);

/// Lines held together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldKey(pub usize);

/// A session, as the server keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(pub usize);

/// All lines that the daemon holds.
pub struct Hub {
    chips: Chips,
    holds: Slab<Hold>,
    owners: HashMap<(ChipKey, Offset), HoldKey>,
    registry: Registry,
    /// What workers have been asked and not yet answered.
    awaited: HashMap<u64, jobs::Awaited>,
    last_ticket: u64,
    last_id: usize,
    /// Chips found to be gone whose users have not been told yet.
    gone: Vec<ChipKey>,
    /// Whether somebody wants to see every change.
    pub watched: bool,
    changes: Vec<Change>,
    /// What keeps lines for the next daemon.
    pub store: Store,
    closing: Vec<keep::Closing>,
    /// Lines that have had limits since the daemon was started.
    toggled: Vec<toggles::Toggled>,
}

/// A change of levels, for those who watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub hold: HoldKey,
    /// Line of the hold.
    pub line: u8,
    /// The level after it.
    pub active: bool,
    /// When, in nanoseconds of `CLOCK_MONOTONIC`.
    pub timestamp_ns: u64,
    /// Whether a frontend set it; else it is an edge.
    pub set: bool,
}

impl Hub {
    /// A hub that holds nothing. `registry` is that of the event loop.
    #[must_use]
    pub fn new(chips: Chips, registry: Registry) -> Self {
        Self {
            chips,
            holds: Slab::new(),
            owners: HashMap::new(),
            registry,
            awaited: HashMap::new(),
            last_ticket: 0,
            last_id: 0,
            gone: Vec::new(),
            watched: false,
            changes: Vec::new(),
            store: Store::none(),
            closing: Vec::new(),
            toggled: Vec::new(),
        }
    }

    /// The chips that there are.
    #[must_use]
    pub fn chips(&self) -> &Chips {
        &self.chips
    }

    /// What is held under this key.
    #[must_use]
    pub fn hold(&self, key: HoldKey) -> Option<&Hold> {
        self.holds.get(key.0)
    }

    /// The hold of a line, if the daemon holds it. `chip` is the chip's name.
    #[must_use]
    pub fn holder(&self, chip: &str, offset: Offset) -> Option<(HoldKey, &Hold)> {
        let mut holds = self.holds.iter().map(|(key, hold)| (HoldKey(key), hold));
        holds.find(|(_, hold)| {
            let slot = self.chips.get(hold.chip).filter(|slot| !slot.is_gone());
            let name = slot.map_or("", |slot| &slot.info.name);
            name == chip && hold.offsets.contains(&offset)
        })
    }

    /// The host's chip whose lines are held; none when it is simulated or gone.
    #[must_use]
    pub fn host_chip(&self, hold: &Hold) -> Option<&dyn Chip> {
        let slot = self.chips.get(hold.chip)?;
        let simulated = self.chips.sims().iter().any(|sim| *sim.info() == slot.info);
        slot.chip.as_deref().filter(|_| !simulated)
    }

    /// Label of the chip whose lines are held.
    #[must_use]
    pub fn label(&self, hold: &Hold) -> &str {
        self.chips.get(hold.chip).map_or("", |slot| &slot.info.label)
    }

    /// Waits until slow chips have done what they were asked. Nothing may be asked after that.
    pub fn finish(&mut self) {
        self.chips.finish();
    }

    /// The changes since the last call, while [`watched`](Self::watched).
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }
}
