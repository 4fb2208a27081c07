// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chips that go and come back while lines of them are held.

use std::collections::BTreeMap;

use vgpio_protocol::ErrorCode;

use super::hold::Held;
use super::jobs::Completed;
use super::operate::{Origin, Step};
use super::{ChipKey, Failure, HoldKey, Hub, User};
use crate::chain;
use crate::chip::Cause;

/// Lines that a session has lost.
#[derive(Clone, Debug)]
pub struct LostLines {
    /// Whose, and which.
    pub user: User,
    /// Why.
    pub text: String,
}

/// What came of looking for lost chips.
#[derive(Debug, Default)]
pub struct Restored {
    /// Lines that are back at once; those of workers come through [`Hub::complete`].
    pub holds: Vec<HoldKey>,
    /// Whether there are chips or lines that are there, and could not be taken.
    pub failed: bool,
}

impl Hub {
    /// Takes leave of the chips that were found to be gone. Returns whom to tell, and the
    /// operations that their workers will never complete.
    pub fn lose_chips(&mut self) -> (Vec<LostLines>, Vec<Completed>) {
        let (mut lost, mut abandoned) = (Vec::new(), Vec::new());
        for chip in std::mem::take(&mut self.gone) {
            let label = self.chips.get(chip).map_or("", |slot| &slot.info.label).to_owned();
            let text =
                format!("gpiochip {label} was removed; its lines are taken again when it is back");
            log::warn!("{text}");
            for key in self.holds_of(chip) {
                let Some(hold) = self.holds.get_mut(key.0) else {
                    continue;
                };
                hold.held = Held::Lost;
                lost.extend(
                    hold.users
                        .iter()
                        .map(|user| LostLines { user: user.clone(), text: text.clone() }),
                );
                abandoned.extend(self.abandon(key, &text));
                self.forget(key);
            }
            self.chips.lose(chip);
        }
        (lost, abandoned)
    }

    /// Whether chips have been found to be gone since [`lose_chips`](Self::lose_chips).
    #[must_use]
    pub fn has_gone_chips(&self) -> bool {
        !self.gone.is_empty()
    }

    /// Looks for lost chips, and takes their lines again with the settings and levels they had.
    /// `level` is that of the log for what fails.
    pub fn restore(&mut self, level: log::Level) -> Restored {
        let gone: Vec<_> =
            self.chips.iter_mut().filter(|(_, slot)| slot.is_gone()).map(|(key, _)| key).collect();
        let mut restored = Restored::default();
        for chip in gone {
            match self.chips.reopen(chip) {
                Ok(()) => {}
                Err(error) if matches!(error.cause, Cause::NoChip { .. }) => {}
                Err(error) => {
                    log::log!(level, "{}", chain(&error));
                    restored.failed = true;
                }
            }
        }
        for key in self.lost_holds() {
            match self.request(key, Origin::NOBODY, true) {
                Step::Done(Ok(_)) => restored.holds.push(key),
                Step::Done(Err(failure)) => {
                    log::log!(level, "{}", failure.text);
                    restored.failed = true;
                }
                Step::Pending => {}
            }
        }
        restored
    }

    /// Lost holds whose chip is back.
    fn lost_holds(&self) -> Vec<HoldKey> {
        let back = |chip: ChipKey| self.chips.get(chip).is_some_and(|slot| !slot.is_gone());
        let lost = self.holds.iter().filter(|(_, hold)| hold.is_lost() && back(hold.chip));
        lost.map(|(key, _)| HoldKey(key)).collect()
    }

    fn holds_of(&self, chip: ChipKey) -> Vec<HoldKey> {
        self.holds
            .iter()
            .filter(|(_, hold)| hold.chip == chip)
            .map(|(key, _)| HoldKey(key))
            .collect()
    }

    fn abandon(&mut self, key: HoldKey, text: &str) -> Vec<Completed> {
        let mut completed = Vec::new();
        let abandoned = self.awaited.extract_if(|_, awaited| awaited.hold == key);
        let in_order: BTreeMap<_, _> = abandoned.collect();
        for awaited in in_order.into_values() {
            if let (Some(config), Some(hold)) = (awaited.config, self.holds.get_mut(key.0)) {
                hold.adopt(config);
            }
            completed.push(Completed {
                origin: awaited.origin,
                hold: key,
                restore: false,
                result: Err(Failure::new(ErrorCode::LineLost, 0, text)),
            });
        }
        completed
    }
}
