// SPDX-License-Identifier: MIT OR Apache-2.0
//! Taking lines for a session, all or none.

use std::collections::HashMap;
use std::time::Duration;

use vgpio_protocol::{ErrorCode, Init, LineSettings};

use super::chips::gone;
use super::group::groups;
use super::hold::{Held, Hold, User, initial};
use super::operate::{Awaited, Origin, Step};
use super::route::Route;
use super::{ChipKey, Failure, HoldKey, Hub};
use crate::chip::worker::Job;
use crate::chip::{self, LineConfig, Offset};
use crate::config::ExportLine;

/// How often inputs are read on a chip that cannot detect edges, unless the map says otherwise.
const POLL: Duration = Duration::from_millis(10);

/// A session's way to some of its lines.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// The hold that they are in.
    pub hold: HoldKey,
    /// Which they are.
    pub route: Route,
}

/// Lines that a session has, or will have when the workers have answered.
#[derive(Debug)]
pub struct Claim {
    /// Its lines, by hold.
    pub links: Vec<Link>,
    /// Host lines in the session's order.
    pub offsets: Vec<Offset>,
    /// How many workers have yet to answer.
    pub pending: u32,
}

/// Who wants lines.
#[derive(Clone, Debug)]
pub struct Claimant {
    /// On whose behalf.
    pub origin: Origin,
    /// For those who are refused the lines later: `session 3 (guest-1)`.
    pub name: String,
    /// Consumer of the lines, as the host shows it; the kernel keeps 31 bytes.
    pub consumer: String,
}

/// A line that somebody wants, found on its chip.
pub(super) struct Found {
    pub chip: ChipKey,
    pub offset: Offset,
    pub settings: LineSettings,
}

impl Hub {
    /// Takes lines, all or none; the session's line *i* is `lines[i]`.
    ///
    /// # Errors
    /// A [`Failure`] with the session's lines in its mask. Whatever had been taken is given back.
    pub fn claim(&mut self, who: &Claimant, lines: &[ExportLine]) -> Result<Claim, Failure> {
        let found = self.find(lines)?;
        let mut claim = Claim {
            links: Vec::new(),
            offsets: found.iter().map(|line| line.offset).collect(),
            pending: 0,
        };
        let taken = self.join(who, &found, &mut claim).and_then(|fresh| {
            for group in groups(&found, fresh) {
                self.take(who, &found, group, &mut claim)?;
            }
            Ok(())
        });
        if let Err(failure) = taken {
            self.leave(who.origin.session, &claim.links);
            return Err(failure);
        }
        Ok(claim)
    }

    /// Finds each line on its chip.
    fn find(&mut self, lines: &[ExportLine]) -> Result<Vec<Found>, Failure> {
        let mut chips: HashMap<&str, ChipKey> = HashMap::new();
        let mut found: Vec<Found> = Vec::with_capacity(lines.len());
        let mut failure = None;
        for (i, line) in lines.iter().enumerate() {
            match self.find_one(&mut chips, line) {
                Ok((chip, offset)) => {
                    if found.iter().any(|f| f.chip == chip && f.offset == offset) {
                        let text = format!("line {} of {} is mapped twice", line.line, line.chip);
                        failure = Some(Failure::new(ErrorCode::MapSyntax, 1 << i, text));
                        break;
                    }
                    found.push(Found { chip, offset, settings: line.settings });
                }
                Err(error) => {
                    failure = Some(Failure { mask: 1 << i, ..Failure::of_chip(&error, &[]) });
                    break;
                }
            }
        }
        let shared_output =
            |line: &Found| line.settings.shared && line.settings.init != Init::Input;
        if failure.is_none()
            && let Some(i) = found.iter().position(shared_output)
        {
            let text = "a shared line is an input; leave out init=, or shared=";
            failure = Some(Failure::new(ErrorCode::NotSupported, 1 << i, text));
        }
        let Some(failure) = failure else {
            return Ok(found);
        };
        for chip in chips.into_values() {
            self.chips.forget_unused(chip);
        }
        Err(failure)
    }

    fn find_one<'a>(
        &mut self,
        chips: &mut HashMap<&'a str, ChipKey>,
        line: &'a ExportLine,
    ) -> Result<(ChipKey, Offset), chip::ChipError> {
        let key = match chips.get(line.chip.as_str()) {
            Some(&key) => key,
            None => self.chips.resolve(&line.chip)?,
        };
        chips.insert(&line.chip, key);
        Ok((key, self.chips.offset(key, &line.line)?))
    }

    /// Joins holds that are shared or that nobody uses any more; returns the lines still to be taken.
    fn join(&mut self, who: &Claimant, found: &[Found], claim: &mut Claim) -> Result<u64, Failure> {
        let mut fresh = 0;
        let mut joined: HashMap<HoldKey, u64> = HashMap::new();
        for (i, line) in found.iter().enumerate() {
            match self.owners.get(&(line.chip, line.offset)) {
                None => fresh |= 1 << i,
                Some(&key) => *joined.entry(key).or_default() |= 1 << i,
            }
        }
        for (key, lines) in joined {
            let wanted: Vec<_> = indices(lines).filter_map(|i| found.get(i)).collect();
            let offsets: Vec<_> = wanted.iter().map(|line| line.offset).collect();
            let Some(hold) = self.holds.get_mut(key.0) else {
                continue;
            };
            let both_share = hold.is_shared() && wanted.iter().all(|line| line.settings.shared);
            if both_share
                && !wanted
                    .iter()
                    .zip(&hold.settings)
                    .all(|(a, b)| initial(&a.settings) == initial(b))
            {
                let text = "the line is shared by others with other settings; all who share it must say the same";
                return Err(Failure::new(ErrorCode::Busy, lines, text));
            }
            let left_whole = hold.users.is_empty() && hold.offsets == offsets;
            if !both_share && !left_whole {
                return Err(self.busy(key, lines, &offsets));
            }
            let route = Route::new(lines);
            hold.users.push(User { session: who.origin.session, route, name: who.name.clone() });
            claim.links.push(Link { hold: key, route });
            if left_whole && !both_share {
                hold.settings = wanted.iter().map(|line| line.settings).collect();
                let config = hold.settings.iter().map(initial).collect();
                self.settle(key, route, config, who.origin, claim)?;
            }
        }
        Ok(fresh)
    }

    /// Takes over lines that are held already, with new settings.
    fn settle(
        &mut self,
        key: HoldKey,
        route: Route,
        config: Vec<LineConfig>,
        origin: Origin,
        claim: &mut Claim,
    ) -> Result<(), Failure> {
        match self.configure(key, config, origin) {
            Step::Pending => claim.pending += 1,
            Step::Done(Ok(_)) => {}
            Step::Done(Err(failure)) => return Err(in_session(failure, route)),
        }
        Ok(())
    }

    fn busy(&self, key: HoldKey, mask: u64, offsets: &[Offset]) -> Failure {
        let Some(hold) = self.holds.get(key.0) else {
            return Failure::new(ErrorCode::Busy, mask, "somebody else holds the lines");
        };
        let consumer = match hold.users.first() {
            Some(user) => user.name.clone(),
            None => format!("vgpiod, safe until lines {:?} are attached together", hold.offsets),
        };
        let error = chip::ChipError {
            chip: self.label(hold).to_owned(),
            offsets: offsets.to_vec(),
            what: "cannot take lines",
            cause: chip::Cause::Busy { consumer },
        };
        Failure { mask, ..Failure::of_chip(&error, &[]) }
    }

    /// Takes the lines of one group in one request.
    fn take(
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
        let route = Route::new(lines);
        let settings: Vec<_> = group.iter().map(|line| line.settings).collect();
        let config = settings.iter().map(initial).collect();
        let mut hold = Hold {
            chip,
            offsets: group.iter().map(|line| line.offset).collect(),
            config: Vec::new(),
            settings,
            outputs: 0,
            levels: 0,
            held: Held::Lost,
            polled: None,
            users: vec![User { session: who.origin.session, route, name: who.name.clone() }],
            consumer: who.consumer.clone(),
        };
        hold.adopt(config);
        let key = HoldKey(self.holds.insert(hold));
        self.chips.retain(chip);
        self.owners.extend(group.iter().map(|line| ((chip, line.offset), key)));
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
        let Some(hold) = self.holds.get(key.0) else {
            return Step::Done(Ok(0));
        };
        let lines: Vec<_> = hold.offsets.iter().copied().zip(hold.current()).collect();
        let poll = hold.settings.iter().filter_map(|s| s.poll).map(|p| p.0).min().unwrap_or(POLL);
        let consumer = hold.consumer.clone();
        let Some(slot) = self.chips.get_mut(hold.chip) else {
            return Step::Done(Ok(0));
        };
        let requested = match (&slot.worker, &mut slot.chip) {
            (Some(_), _) => {
                let config = lines.iter().map(|(_, config)| *config).collect();
                let job = |ticket| Job::Request { ticket, key: key.0, lines, consumer, poll };
                return self
                    .post(Awaited { origin, hold: key, restore, config: Some(config) }, job);
            }
            (None, Some(chip)) => chip::request_or_poll(chip.as_mut(), &lines, &consumer, poll),
            (None, None) => Err(gone(&slot.info.label, hold.offsets.clone(), "cannot take lines")),
        };
        match requested {
            Ok((request, polled)) => {
                let config = lines.into_iter().map(|(_, config)| config).collect();
                self.requested(key, Held::Here(request), polled, config);
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
        hold.polled = polled;
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
        if let Some(period) = polled {
            log::warn!(
                "{}: lines {:?} cannot detect edges; they are read every {period:?}",
                chip.map_or("", |chip| &chip.info().label),
                hold.offsets
            );
        }
        if let Err(error) = self.watch_edges(key) {
            log::error!("edges of lines cannot be watched: {error}");
        }
    }
}

/// A failure of a hold, told in a session's lines.
#[must_use]
pub fn in_session(failure: Failure, route: Route) -> Failure {
    let mask = if failure.mask == 0 { route.lines() } else { route.to_session(failure.mask) };
    Failure { mask, ..failure }
}

/// The indices of the bits that are set.
pub(super) fn indices(mask: u64) -> impl Iterator<Item = usize> {
    (0..64).filter(move |i| mask >> i & 1 == 1)
}
