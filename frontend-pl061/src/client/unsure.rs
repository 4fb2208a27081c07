// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configurations that the backend may yet refuse: it answers only those that it does not carry out.
#![forbid(unsafe_code)]

use std::collections::VecDeque;

use vgpio_protocol::Configure;

use super::wanted::Wanted;

/// What is wanted without the CONFIGUREs not known to be carried out, and these, oldest first.
#[derive(Debug, Default)]
pub(super) struct Unsure {
    base: Wanted,
    posted: VecDeque<(u64, Configure)>,
}

/// Most of them kept; an older one is taken for carried out.
const KEPT: usize = 64;

impl Unsure {
    /// All that is wanted counts as carried out.
    pub fn start(&mut self, wanted: &Wanted) {
        self.posted.clear();
        self.base.clone_from(wanted);
    }

    pub fn post(&mut self, seq: u64, configure: Configure) {
        while self.posted.len() >= KEPT {
            self.settle_first();
        }
        self.posted.push_back((seq, configure));
    }

    /// Messages before `seq` have been carried out, unless they were refused.
    pub fn settle(&mut self, seq: u64) {
        while self.posted.front().is_some_and(|(posted, _)| *posted < seq) {
            self.settle_first();
        }
    }

    /// The CONFIGURE `seq` was refused: gives its lines, and what is wanted without it.
    pub fn refuse(&mut self, seq: u64) -> Option<(u64, Wanted)> {
        let at = self.posted.iter().position(|(posted, _)| *posted == seq)?;
        let (_, refused) = self.posted.remove(at)?;
        let mut wanted = self.base.clone();
        for (_, configure) in &self.posted {
            wanted.configure(configure);
        }
        Some((refused.mask, wanted))
    }

    fn settle_first(&mut self) {
        if let Some((_, configure)) = self.posted.pop_front() {
            self.base.configure(&configure);
        }
    }
}
