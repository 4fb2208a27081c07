// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has been read, with its places, before it is checked as a whole.

use std::path::PathBuf;

use vgpio_protocol::Period;

use super::access::Access;
use super::policy::Rule;
use super::problem::Place;
use super::{ChipConfig, ExportConfig, ExportLine, Keep, SimConfig, VhostUserConfig};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub place: Place,
    pub value: T,
}

/// What the file and the command line say together.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub socket: Option<PathBuf>,
    pub control: Option<PathBuf>,
    pub max_sessions: Option<u32>,
    pub keep: Option<Keep>,
    pub grace: Option<Period>,
    pub rules: Vec<Rule>,
    pub sims: Vec<Placed<SimConfig>>,
    pub chips: Vec<Placed<ChipConfig>>,
    pub exports: Vec<ExportDraft>,
    pub vhost_users: Vec<Placed<VhostUserConfig>>,
}

/// An export, each line with its place.
#[derive(Clone, Debug)]
pub(super) struct ExportDraft {
    pub place: Place,
    pub name: String,
    pub lines: Vec<Placed<ExportLine>>,
    pub access: Access,
    pub watchdog: Option<Period>,
}

impl From<ExportDraft> for ExportConfig {
    fn from(draft: ExportDraft) -> Self {
        Self {
            name: draft.name,
            lines: draft.lines.into_iter().map(|line| line.value).collect(),
            access: draft.access,
            watchdog: draft.watchdog.map(|period| period.0),
        }
    }
}
