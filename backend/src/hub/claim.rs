// SPDX-License-Identifier: MIT OR Apache-2.0
//! Taking lines for a session, all or none.

use std::collections::{BTreeMap, HashMap};
use vgpio_protocol::{ErrorCode, Init, LineSettings};

use super::group::groups;
use super::hold::{User, initial};
use super::operate::{Origin, Step};
use super::route::Route;
use super::{ChipKey, Failure, HoldKey, Hub};
use crate::chip::{self, Offset};
use crate::config::ExportLine;
use crate::keep::Guest;

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
    /// The export that is wanted; none of a line map.
    pub export: Option<String>,
    /// For the next daemon.
    pub guest: Guest,
}

impl Claimant {
    /// As the user of lines that are on this way of its.
    pub(super) fn user(&self, route: Route) -> User {
        let (name, guest) = (self.name.clone(), self.guest.clone());
        User { session: self.origin.session, route, name, guest }
    }
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
        // A chip whose last hold is taken anew is not to be closed meanwhile.
        for line in &found {
            self.chips.retain(line.chip);
        }
        let filled = self.fill(who, &found, &mut claim);
        if filled.is_err() {
            self.leave(who.origin.session, &claim.links);
        }
        for line in &found {
            self.chips.release(line.chip);
        }
        filled.map(|()| claim)
    }

    /// Holds that are there are left alone until it is known that all lines can be had.
    fn fill(&mut self, who: &Claimant, found: &[Found], claim: &mut Claim) -> Result<(), Failure> {
        let (mut fresh, joined) = self.held_already(found);
        for (&key, &lines) in &joined {
            self.may_join(who, key, lines, found)?;
        }
        // Lines that were left in a safe state, and are wanted in another order, are taken anew.
        let is_as_wanted = |&(key, lines): &(HoldKey, u64)| self.is_as_wanted(key, lines, found);
        let (joined, anew): (Vec<_>, Vec<_>) = joined.into_iter().partition(is_as_wanted);
        fresh = anew.iter().fold(fresh, |fresh, (_, lines)| fresh | lines);
        let groups = groups(found, fresh);
        groups.iter().try_for_each(|&group| self.may_begin(found, group))?;
        for (key, _) in anew {
            self.drop_hold(key);
        }
        groups.into_iter().try_for_each(|group| self.take(who, found, group, claim))?;
        joined.into_iter().try_for_each(|(key, lines)| self.join(who, key, lines, found, claim))
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

    /// The lines that nobody holds, and the holds of the others.
    fn held_already(&self, found: &[Found]) -> (u64, BTreeMap<HoldKey, u64>) {
        let mut fresh = 0;
        let mut joined: BTreeMap<HoldKey, u64> = BTreeMap::new();
        for (i, line) in found.iter().enumerate() {
            match self.owners.get(&(line.chip, line.offset)) {
                None => fresh |= 1 << i,
                Some(&key) => *joined.entry(key).or_default() |= 1 << i,
            }
        }
        (fresh, joined)
    }

    /// Whether a hold may be joined: its lines are shared, or nobody uses them any more.
    fn may_join(
        &self,
        who: &Claimant,
        key: HoldKey,
        lines: u64,
        found: &[Found],
    ) -> Result<(), Failure> {
        let wanted: Vec<_> = indices(lines).filter_map(|i| found.get(i)).collect();
        let offsets: Vec<_> = wanted.iter().map(|line| line.offset).collect();
        let Some(hold) = self.holds.get(key.0) else { return Ok(()) };
        if hold.awaited.as_ref().is_some_and(|guest| *guest != who.guest && guest.may_come()) {
            return Err(self.busy(key, lines, &offsets));
        }
        if hold.users.is_empty() && hold.offsets.iter().all(|offset| offsets.contains(offset)) {
            return Ok(());
        }
        if !hold.is_shared() || !wanted.iter().all(|line| line.settings.shared) {
            return Err(self.busy(key, lines, &offsets));
        }
        let alike = |(a, b): (&&Found, &LineSettings)| initial(&a.settings) == initial(b);
        if wanted.iter().zip(&hold.settings).all(alike) {
            return Ok(());
        }
        let text =
            "the line is shared by others with other settings; all who share it must say the same";
        Err(Failure::new(ErrorCode::Busy, lines, text))
    }

    /// Whether a hold that may be joined has the lines in the order in which they are wanted.
    fn is_as_wanted(&self, key: HoldKey, lines: u64, found: &[Found]) -> bool {
        let wanted = indices(lines).filter_map(|i| found.get(i)).map(|line| line.offset);
        self.holds.get(key.0).is_some_and(|hold| wanted.eq(hold.offsets.iter().copied()))
    }

    /// Joins a hold; one that nobody uses is taken over with new settings.
    fn join(
        &mut self,
        who: &Claimant,
        key: HoldKey,
        lines: u64,
        found: &[Found],
        claim: &mut Claim,
    ) -> Result<(), Failure> {
        let route = Route::new(lines);
        let Some(hold) = self.holds.get_mut(key.0) else { return Ok(()) };
        let was_left = hold.users.is_empty();
        let (awaited, export) = (hold.awaited.take(), hold.export.take());
        hold.export.clone_from(&who.export);
        let wanted = indices(lines).filter_map(|i| found.get(i)).map(|line| line.settings);
        let kept = std::mem::replace(&mut hold.settings, wanted.collect());
        let config = if awaited.as_ref() == Some(&who.guest) {
            hold.resumed()
        } else {
            hold.settings.iter().map(initial).collect::<Vec<_>>()
        };
        hold.users.push(who.user(route));
        self.limit(key);
        let step = match was_left.then(|| self.withheld_joining(key, &config)) {
            None => Step::Done(Ok(0)),
            Some(None) => self.configure(key, config, who.origin),
            Some(Some(failure)) => Step::Done(Err(failure)),
        };
        match step {
            Step::Pending => claim.pending += 1,
            Step::Done(Ok(_)) => {}
            Step::Done(Err(failure)) => {
                if let Some(hold) = self.holds.get_mut(key.0) {
                    (hold.settings, hold.awaited, hold.export) = (kept, awaited, export);
                    hold.users.pop();
                }
                self.limit(key);
                return Err(in_session(failure, route));
            }
        }
        claim.links.push(Link { hold: key, route });
        self.write_note(key);
        Ok(())
    }

    fn busy(&self, key: HoldKey, mask: u64, offsets: &[Offset]) -> Failure {
        let Some(hold) = self.holds.get(key.0) else {
            return Failure::new(ErrorCode::Busy, mask, "somebody else holds the lines");
        };
        let consumer = match (hold.users.first(), &hold.awaited) {
            (Some(user), _) => user.name.clone(),
            (None, Some(guest)) => {
                format!("vgpiod, for {} (pid {}), which had them", guest.name, guest.pid)
            }
            (None, None) => {
                format!("vgpiod, safe until lines {:?} are attached together", hold.offsets)
            }
        };
        let error = chip::ChipError {
            chip: self.label(hold).to_owned(),
            offsets: offsets.to_vec(),
            what: "cannot take lines",
            cause: chip::Cause::Busy { consumer },
        };
        Failure { mask, ..Failure::of_chip(&error, &[]) }
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
