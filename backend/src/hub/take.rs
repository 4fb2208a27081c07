// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asking chips for lines.

use std::time::Duration;

use vgpio_protocol::ErrorCode;

use super::chips::{Slot, gone};
use super::claim::{Claim, Claimant, Found, Link, in_session, indices};
use super::hold::{Held, Hold, initial};
use super::jobs::Awaited;
use super::operate::{Origin, Step};
use super::route::Route;
use super::{Failure, HoldKey, Hub};
use crate::chip::worker::Job;
use crate::chip::{Lent, LineConfig, Request};

/// How often inputs are read on a chip that cannot detect edges, unless the map says otherwise.
const POLL: Duration = Duration::from_millis(10);

impl Hub {
    /// Takes the lines of one group in one request.
    pub(super) fn take(
        &mut self,
        who: &Claimant,
        found: &[Found],
        lines: u64,
        claim: &mut Claim,
    ) -> Result<(), Failure> {
        let group: Vec<_> = indices(lines).filter_map(|i| found.get(i)).collect();
        let Some(&&Found { chip, .. }) = group.first() else {
            return Ok(());
        };
        if !self.chips.get(chip).is_none_or(Slot::has_room) {
            let text = "the gpiochip is too slow for what is asked of it already; try again later";
            return Err(Failure::new(ErrorCode::Busy, lines, text));
        }
        let route = Route::new(lines);
        self.last_id += 1;
        let settings: Vec<_> = group.iter().map(|line| line.settings).collect();
        let config = settings.iter().map(initial).collect();
        let mut hold = Hold {
            id: self.last_id,
            chip,
            offsets: group.iter().map(|line| line.offset).collect(),
            config: Vec::new(),
            settings,
            outputs: 0,
            levels: 0,
            held: Held::Asked,
            polled: None,
            users: vec![who.user(route)],
            consumer: who.consumer.clone(),
            export: who.export.clone(),
            kept: None,
            awaited: None,
            limited: None,
        };
        hold.adopt(config);
        let key = HoldKey(self.holds.insert(hold));
        self.chips.retain(chip);
        self.owners.extend(group.iter().map(|line| ((chip, line.offset), key)));
        self.limit(key);
        claim.links.push(Link { hold: key, route });
        match self.request(key, who.origin, false) {
            Step::Pending => claim.pending += 1,
            Step::Done(Ok(_)) => {}
            Step::Done(Err(failure)) => return Err(in_session(failure, route)),
        }
        Ok(())
    }

    /// Asks the chip for the lines of a hold that has none yet, or has lost them.
    pub(super) fn request(&mut self, key: HoldKey, origin: Origin, restore: bool) -> Step {
        let closing = self.take_closing(key);
        let Some(hold) = self.holds.get(key.0) else {
            return Step::Done(Ok(0));
        };
        if self.chips.get(hold.chip).is_some_and(|slot| slot.worker.is_none()) {
            self.wait_until_free(hold.chip, &closing);
        }
        let Some(hold) = self.holds.get_mut(key.0) else {
            return Step::Done(Ok(0));
        };
        let lines: Vec<_> = hold.offsets.iter().copied().zip(hold.current()).collect();
        let poll = hold.settings.iter().filter_map(|s| s.poll).map(|p| p.0).min().unwrap_or(POLL);
        let consumer = hold.consumer.clone();
        let left = matches!(hold.held, Held::Left).then_some(hold.kept).flatten();
        let left = left.and_then(|kept| self.store.request(kept)?.try_clone_to_owned().ok());
        let Some(slot) = self.chips.get_mut(hold.chip) else {
            return Step::Done(Err(self.lost(key, u64::MAX)));
        };
        let requested = match (&slot.worker, &mut slot.chip) {
            (Some(_), _) => {
                let config = lines.iter().map(|(_, config)| *config).collect();
                let id = hold.id;
                hold.held = Held::Asked;
                let job =
                    |ticket| Job::Request { ticket, key: id, lines, consumer, poll, left, closing };
                let awaited =
                    Awaited { restore, config: Some(config), ..Awaited::new(origin, key) };
                return self.post(awaited, job);
            }
            (None, Some(chip)) => match left {
                Some(left) => Lent::adopt(chip.as_mut(), left, &lines, poll),
                None => Lent::request(chip.as_mut(), &lines, &consumer, poll),
            },
            (None, None) => Err(gone(&slot.info.label, hold.offsets.clone(), "cannot take lines")),
        };
        match requested {
            Ok(lent) => {
                let config = lines.into_iter().map(|(_, config)| config).collect();
                let (polled, shared) = (lent.polled(), lent.share());
                self.requested(key, Held::Here(lent), polled, config);
                self.keep(key, shared);
                Step::Done(Ok(0))
            }
            Err(error) => Step::Done(Err(self.failed(key, &error))),
        }
    }

    /// Takes note that the chip has given the lines.
    pub(super) fn requested(
        &mut self,
        key: HoldKey,
        held: Held,
        polled: Option<Duration>,
        config: Vec<LineConfig>,
    ) {
        let Some(hold) = self.holds.get_mut(key.0) else {
            return;
        };
        hold.held = held;
        hold.polled = None;
        hold.adopt(config);
        let as_is = |(i, line): (usize, &LineConfig)| line.direction.is_none().then_some(i);
        let as_is: Vec<usize> = hold.config.iter().enumerate().filter_map(as_is).collect();
        let chip = self.chips.get(hold.chip).and_then(|slot| slot.chip.as_ref());
        for i in as_is {
            let offset = hold.offsets.get(i).copied().unwrap_or_default();
            let info = chip.and_then(|chip| chip.line(offset).ok());
            if info.is_some_and(|info| info.direction == vgpio_protocol::Direction::Output) {
                hold.outputs |= 1 << i;
            }
        }
        self.note_beginning(key);
        self.watch_edges(key);
        self.polled(key, polled);
    }

    /// Takes note of how often inputs of a hold are read.
    pub(super) fn polled(&mut self, key: HoldKey, polled: Option<Duration>) {
        let Some(hold) = self.holds.get_mut(key.0).filter(|hold| hold.polled != polled) else {
            return;
        };
        hold.polled = polled;
        if let Some(period) = polled {
            log::warn!(
                "{}: lines {:?} cannot detect edges; they are read every {period:?}",
                self.chips.get(hold.chip).map_or("", |slot| &slot.info.label),
                hold.offsets
            );
        }
    }
}
