// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines of the host's chips that outlive the daemon: their requests are held by another process too.
//!
//! ```text
//!   daemon  --- request, record --->  systemd's store of descriptors, or a keeper of ours
//!      next daemon  <--- both ------
//! ```
//!
//! The kernel gives lines back when nobody has their request open any more. What the next daemon must know
//! of them stands in a [`Record`], memory that is kept beside the request, so that a change of it
//! costs no message. Of what guests do with the lines nothing is written: the kernel knows directions and
//! levels.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use nix::fcntl::{FcntlArg, fcntl};

use crate::chain;
use crate::config::Keep;
use crate::server::kept_descriptors;

pub mod keeper;
mod link;
mod message;
mod record;
mod systemd;

pub use link::Left;
use link::Link;
pub use record::{Guest, LineNote, Note, Record};
use systemd::{Manager, PREFIX};

/// How long whoever keeps descriptors may take for a message, in milliseconds. It takes microseconds.
const PATIENCE: u16 = 1000;

/// A descriptor of kept lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What is to be known of them.
    Record,
    /// The kernel's request.
    Request,
}

/// Names kept lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(u64);

/// Who keeps descriptors.
#[derive(Debug)]
enum Place {
    Nobody,
    Systemd,
    Keeper(Link),
}

/// Lines that are kept.
#[derive(Debug)]
struct Entry {
    request: OwnedFd,
    record: Record,
}

/// All lines that are kept.
#[derive(Debug)]
pub struct Store {
    /// Whoever has started this process and wants to know when it is ready.
    manager: Option<Manager>,
    place: Place,
    entries: BTreeMap<Key, Entry>,
    last: u64,
    most: usize,
}

impl Store {
    /// Nothing is kept.
    #[must_use]
    pub fn none() -> Self {
        Self { manager: None, place: Place::Nobody, entries: BTreeMap::new(), last: 0, most: 0 }
    }

    /// Where lines are to be kept, and what an earlier daemon has left there; `inherited` is what systemd has
    /// stored. What fails is logged: the daemon can do without.
    #[must_use]
    pub fn open(
        keep: Keep,
        keeper: Option<PathBuf>,
        grace: Duration,
        inherited: Vec<Left>,
    ) -> (Self, Vec<(Key, Note)>) {
        let mut store = Self::none();
        store.manager = manager();
        if keep == Keep::Off {
            return (store, Vec::new());
        }
        match place(keep, store.manager.is_some(), keeper, grace, inherited) {
            Ok((place, most, left)) => {
                (store.place, store.most) = (place, most);
                let notes = store.take_over(left);
                (store, notes)
            }
            Err(error) => {
                log::error!("lines do not outlive this daemon: {error}");
                (store, Vec::new())
            }
        }
    }

    /// Tells whoever has started this process that it is ready.
    pub fn tell_ready(&self) {
        if let Some(Err(error)) = self.manager.as_ref().map(Manager::ready) {
            log::error!("systemd is not told that the daemon is ready: {error}");
        }
    }

    /// Has a keeper there before there are lines, if there is to be one.
    pub fn prepare(&mut self) {
        if let Place::Keeper(link) = &mut self.place
            && let Err(error) = link.start()
        {
            log::error!("lines do not outlive this daemon, the keeper: {}", chain(&error));
        }
    }

    /// Whether lines are to be kept.
    fn is_open(&self) -> bool {
        !matches!(self.place, Place::Nobody)
    }

    /// Whether the next daemon will find what is kept.
    #[must_use]
    pub fn has_keeper(&self) -> bool {
        match &self.place {
            Place::Nobody => false,
            Place::Systemd => true,
            Place::Keeper(link) => link.is_up(),
        }
    }

    /// Puts together what belongs together. What is of no use is given up.
    fn take_over(&mut self, left: Vec<Left>) -> Vec<(Key, Note)> {
        let mut parts: BTreeMap<u64, (Option<OwnedFd>, Option<OwnedFd>)> = BTreeMap::new();
        for (part, number, fd) in left {
            let (record, request) = parts.entry(number).or_default();
            match part {
                Part::Record => *record = Some(fd),
                Part::Request => *request = Some(fd),
            }
        }
        let mut notes = Vec::new();
        for (number, parts) in parts {
            self.last = self.last.max(number);
            let (record, request) = match parts {
                (Some(record), Some(request)) => (Record::left(record), request),
                (record, _) => {
                    let what = record.map_or("the record", |_| "the request");
                    log::warn!("lines that were kept are given up: {what} of them is missing");
                    self.tell_forget(number);
                    continue;
                }
            };
            match record.read() {
                Ok(note) => notes.push((Key(number), note)),
                Err(error) => {
                    log::warn!("lines that were kept are given up, their record: {error}");
                    self.tell_forget(number);
                    continue;
                }
            }
            self.entries.insert(Key(number), Entry { request, record });
        }
        notes
    }

    /// Has lines kept. `None` if they are not, which is logged.
    pub fn keep(&mut self, request: OwnedFd, note: &Note) -> Option<Key> {
        if !self.is_open() {
            return None;
        }
        let kept = self.entries.len();
        let record = if kept < self.most {
            Record::new(note).map_err(|error| error.to_string())
        } else {
            Err(format!("there are {kept} requests, the most that are kept"))
        };
        let offsets: Vec<_> = note.lines.iter().map(|line| line.offset).collect();
        let number = self.last + 1;
        let sent = record.and_then(|record| {
            let entry = Entry { request, record };
            let told = self.tell_keep(number, &entry);
            if told.is_err() && self.has_keeper() {
                // One part of them may be there.
                self.tell_forget(number);
            }
            told.map(|()| entry).map_err(|error| error.to_string())
        });
        match sent {
            Ok(entry) => {
                self.last = number;
                self.entries.insert(Key(number), entry);
                Some(Key(number))
            }
            Err(error) => {
                let chip = &note.chip;
                log::error!("lines {offsets:?} of {chip} do not outlive this daemon: {error}");
                None
            }
        }
    }

    /// Changes what the next daemon is to know.
    pub fn write(&self, key: Key, note: &Note) {
        if let Some(Err(error)) = self.entries.get(&key).map(|entry| entry.record.write(note)) {
            log::error!("what is known of kept lines is not up to date: {error}");
        }
    }

    /// The request of kept lines.
    #[must_use]
    pub fn request(&self, key: Key) -> Option<BorrowedFd<'_>> {
        self.entries.get(&key).map(|entry| entry.request.as_fd())
    }

    /// Gives lines up.
    pub fn forget(&mut self, key: Key) {
        if self.entries.remove(&key).is_some() {
            self.tell_forget(key.0);
        }
    }

    /// Gives all lines up, and has the keeper end.
    pub fn end(&mut self) {
        while let Some((key, _)) = self.entries.pop_first() {
            self.tell_forget(key.0);
        }
        if let Place::Keeper(link) = &mut self.place {
            link.end();
        }
    }

    /// The connection to the keeper, and its number: another one may have the same descriptor.
    #[must_use]
    pub fn socket(&self) -> Option<(u64, BorrowedFd<'_>)> {
        match &self.place {
            Place::Keeper(link) => link.socket(),
            _ => None,
        }
    }

    /// The keeper has said something, or has gone; the latter is mended.
    pub fn hear(&mut self) {
        let Place::Keeper(link) = &mut self.place else { return };
        let mut refused = Vec::new();
        let has_gone = loop {
            match link.hear() {
                Ok(Some(number)) => refused.push(number),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        for number in refused {
            if self.entries.contains_key(&Key(number)) {
                log::error!(
                    "lines do not outlive this daemon: the keeper has no room for their request, for it may \
                     not have as many descriptors (RLIMIT_NOFILE)"
                );
                self.tell_forget(number);
            }
        }
        if has_gone {
            self.renew();
        }
    }

    /// The keeper has gone, or is stuck: another one gets what is kept.
    pub fn renew(&mut self) {
        let Place::Keeper(link) = &mut self.place else { return };
        link.lose();
        if self.entries.is_empty() {
            return;
        }
        let renewed = link.start().and_then(|()| {
            let mut entries = self.entries.iter();
            entries.try_for_each(|(key, entry)| hand_over(link, key.0, entry))
        });
        match renewed {
            Ok(()) => {
                log::warn!("the keeper of lines was gone or stuck; another one has its place");
            }
            Err(error) => {
                log::error!(
                    "the keeper of lines has gone, and no other can be started, as a rule because of the sandbox: \
                     {}; lines do not outlive this daemon",
                    chain(&error)
                );
            }
        }
    }

    /// The record goes first: a request without it would be of no use to anybody.
    fn tell_keep(&mut self, number: u64, entry: &Entry) -> io::Result<()> {
        match (&mut self.place, &self.manager) {
            (Place::Nobody, _) | (Place::Systemd, None) => Ok(()),
            (Place::Systemd, Some(manager)) => {
                manager.keep(number, entry.record.as_fd())?;
                manager.keep(number, entry.request.as_fd())
            }
            (Place::Keeper(link), _) => {
                link.start()?;
                hand_over(link, number, entry)
            }
        }
    }

    fn tell_forget(&mut self, number: u64) {
        let told = match (&mut self.place, &self.manager) {
            (Place::Nobody, _) | (Place::Systemd, None) => Ok(()),
            (Place::Systemd, Some(manager)) => manager.forget(number),
            (Place::Keeper(link), _) => link.forget(number),
        };
        if let Err(error) = told {
            log::warn!("lines may stay held by whoever keeps them: {error}");
        }
    }
}

/// systemd, if it has started this process.
fn manager() -> Option<Manager> {
    Manager::of_environment().unwrap_or_else(|error| {
        log::error!("systemd cannot be spoken to: {error}");
        None
    })
}

/// Where lines are kept, how many requests there at most, and what is there.
fn place(
    keep: Keep,
    is_managed: bool,
    keeper: Option<PathBuf>,
    grace: Duration,
    inherited: Vec<Left>,
) -> io::Result<(Place, usize, Vec<Left>)> {
    let room = Manager::room();
    let has_room = room.is_some_and(|room| room > 0);
    match (keep, is_managed, keeper) {
        (Keep::Auto | Keep::Systemd, true, _) if keep == Keep::Systemd || has_room => {
            let most = room.unwrap_or(usize::MAX) / 2;
            Ok((Place::Systemd, most, inherited))
        }
        (Keep::Auto | Keep::Keeper, _, Some(path)) => {
            if is_managed {
                log::warn!(
                    "systemd ends a keeper of lines with the service, unless that has \
                     KillMode=process; let systemd keep them with FileDescriptorStoreMax="
                );
            }
            let (link, left) = Link::open(path, grace)?;
            Ok((Place::Keeper(link), keeper::MOST, left))
        }
        _ => Err(io::Error::other("there is nowhere to keep them; see docs/config.md, 'keep'")),
    }
}

fn hand_over(link: &mut Link, number: u64, entry: &Entry) -> io::Result<()> {
    link.keep(Part::Record, number, entry.record.as_fd())?;
    link.keep(Part::Request, number, entry.request.as_fd())
}

/// What systemd has stored for this service. To be called once, before this process has descriptors of its own:
/// nothing but the environment says which of them are systemd's.
#[must_use]
pub fn left_with_systemd() -> Vec<Left> {
    let kept = kept_descriptors(PREFIX).into_iter();
    kept.filter_map(|(number, fd)| {
        let number = number.parse().ok()?;
        // Only memory has seals.
        let is_memory = fcntl(&fd, FcntlArg::F_GET_SEALS).is_ok();
        let part = if is_memory { Part::Record } else { Part::Request };
        Some((part, number, fd))
    })
    .collect()
}
