// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines of one chip that are held together, and who uses them.

use std::time::Duration;

use vgpio_protocol::{Configure, Direction, Init, LineSettings, Safe};

use super::route::Route;
use super::{ChipKey, SessionKey};
use crate::chip::{Lent, LineConfig, Offset, all_lines};
use crate::keep::{Guest, Key};

/// Lines of one chip in one request. Bit *i* of a mask is line *i* of the hold.
pub struct Hold {
    /// Its number, for the chip's worker; never used again.
    pub(super) id: usize,
    /// The chip.
    pub chip: ChipKey,
    /// The lines, by offset on the chip.
    pub offsets: Vec<Offset>,
    /// Settings of each line. `direction` and `active` are those last asked for.
    pub config: Vec<LineConfig>,
    /// What the map or export says of each line.
    pub settings: Vec<LineSettings>,
    /// Lines that are outputs.
    pub outputs: u64,
    /// Last levels: of outputs those set, of inputs those known.
    pub levels: u64,
    /// Where the request is.
    pub(super) held: Held,
    /// How often inputs are read, where the chip cannot detect edges.
    pub polled: Option<Duration>,
    /// Who uses the lines; more than one only of shared inputs, none while they are kept in a safe state.
    pub users: Vec<User>,
    /// Consumer of the lines, as the host shows it.
    pub consumer: String,
    /// The export that they were attached by; none of a line map.
    pub export: Option<String>,
    /// What they are kept by for another daemon, if they are.
    pub(super) kept: Option<Key>,
    /// Where the changes of each line are counted, if one has limits.
    pub(super) limited: Option<Box<[usize]>>,
    /// Whom they are held for that had them of another daemon.
    pub awaited: Option<Guest>,
}

/// Where the request of a hold is.
pub(super) enum Held {
    /// On the event loop's thread.
    Here(Lent),
    /// On the worker thread of its chip.
    Worker,
    /// Asked of the chip, which has not answered yet.
    Asked,
    /// Nowhere: the chip is gone.
    Lost,
    /// Where another daemon has left it, and nobody has asked for the lines yet. Edges wait in the kernel.
    Left,
}

/// A session that uses a hold.
#[derive(Clone, Debug)]
pub struct User {
    /// The session.
    pub session: SessionKey,
    /// Which of its lines these are.
    pub route: Route,
    /// Who it is, for those who are refused: `session 3 (guest-1)`.
    pub name: String,
    /// Who it is, for another daemon.
    pub guest: Guest,
}

impl Hold {
    /// All lines of the hold.
    pub(super) fn all(&self) -> u64 {
        all_lines(self.offsets.len())
    }

    /// Lines that are inputs.
    #[must_use]
    pub fn inputs(&self) -> u64 {
        self.all() & !self.outputs
    }

    /// Whether several sessions may use the lines.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.settings.iter().any(|settings| settings.shared)
    }

    /// Whether changes of lines have limits.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.limited.is_some()
    }

    /// Whether the chip is gone.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        matches!(self.held, Held::Lost)
    }

    /// Remembers levels that outputs are set to.
    pub(super) fn remember(&mut self, mask: u64, bits: u64) {
        self.levels = (self.levels & !mask) | (bits & mask);
    }

    /// Takes in levels that were read. Those of outputs are known better, unless they were taken as they were.
    pub(super) fn learn(&mut self, mask: u64, bits: u64) {
        let as_is = self.config.iter().enumerate().filter(|(_, line)| line.direction.is_none());
        let as_is = as_is.fold(0, |all, (i, _)| all | 1 << i);
        self.remember(mask & (as_is | self.inputs()), bits);
    }

    /// The settings that the lines have once `change` has been carried out.
    #[must_use]
    pub fn configured(&self, change: &Configure) -> Vec<LineConfig> {
        let lines = self.current().into_iter().enumerate();
        lines
            .map(|(i, line)| if change.mask >> i & 1 == 1 { apply(line, change, i) } else { line })
            .collect()
    }

    /// The settings that the lines have now, levels included.
    #[must_use]
    pub fn current(&self) -> Vec<LineConfig> {
        let lines = self.config.iter().enumerate();
        lines.map(|(i, line)| LineConfig { active: self.levels >> i & 1 == 1, ..*line }).collect()
    }

    /// The settings for a guest that has had the lines of another daemon: as the map or export says, but for
    /// what makes the level of an output.
    pub(super) fn resumed(&self) -> Vec<LineConfig> {
        let lines = self.current().into_iter().zip(&self.settings).enumerate();
        lines
            .map(|(i, (line, settings))| {
                let LineConfig { edges, debounce, drive, .. } = initial(settings);
                let drive = if self.outputs >> i & 1 == 1 { line.drive } else { drive };
                LineConfig { drive, edges, debounce, ..line }
            })
            .collect()
    }

    /// The settings that put each output into its safe state. Bias, drive and polarity are those of
    /// the map or export: whoever wrote `safe=low` meant them, whatever the guest has made of them.
    pub(super) fn safe(&self) -> Vec<LineConfig> {
        let lines = self.current().into_iter().zip(&self.settings).enumerate();
        lines
            .map(|(i, (line, settings))| safe(line, settings, self.outputs >> i & 1 == 1))
            .collect()
    }

    /// Whether the lines stay held when nobody uses them: an output has a safe state to keep.
    pub(super) fn outlives_users(&self) -> bool {
        let kept = |(i, settings): (usize, &LineSettings)| {
            self.outputs >> i & 1 == 1 && settings.safe != Safe::Release
        };
        self.settings.iter().enumerate().any(kept)
    }

    /// Takes over the settings that the chip now has.
    pub(super) fn adopt(&mut self, config: Vec<LineConfig>) {
        for (i, line) in config.iter().enumerate() {
            let bit = 1 << i;
            match line.direction {
                Some(Direction::Output) => {
                    self.outputs |= bit;
                    self.remember(bit, if line.active { bit } else { 0 });
                }
                Some(Direction::Input) => self.outputs &= !bit,
                None => {}
            }
        }
        self.config = config;
    }
}

fn safe(line: LineConfig, settings: &LineSettings, output: bool) -> LineConfig {
    let (direction, active) = match settings.safe {
        Safe::Hold => return line,
        _ if !output => return line,
        Safe::Low => (Direction::Output, false),
        Safe::High => (Direction::Output, true),
        Safe::Input | Safe::Release => (Direction::Input, false),
    };
    LineConfig { direction: Some(direction), active, ..initial(settings) }
}

/// The settings of a line that is being attached.
pub(super) fn initial(settings: &LineSettings) -> LineConfig {
    let (direction, active) = match settings.init {
        Init::AsIs => (None, false),
        Init::Input => (Some(Direction::Input), false),
        Init::Low => (Some(Direction::Output), false),
        Init::High => (Some(Direction::Output), true),
    };
    LineConfig {
        direction,
        active,
        active_low: settings.active_low,
        bias: settings.bias,
        drive: settings.drive,
        edges: settings.edges,
        debounce: settings.debounce.map(|period| period.0),
    }
}

fn apply(mut line: LineConfig, change: &Configure, i: usize) -> LineConfig {
    if let Some(directions) = change.direction {
        let output = directions.outputs >> i & 1 == 1;
        line.direction = Some(if output { Direction::Output } else { Direction::Input });
        line.active = directions.bits >> i & 1 == 1;
    }
    line.bias = change.bias.unwrap_or(line.bias);
    line.drive = change.drive.unwrap_or(line.drive);
    line.active_low = change.active_low.unwrap_or(line.active_low);
    line.edges = change.edges.unwrap_or(line.edges);
    if let Some(us) = change.debounce_us {
        line.debounce = (us != 0).then(|| Duration::from_micros(us.into()));
    }
    line
}
